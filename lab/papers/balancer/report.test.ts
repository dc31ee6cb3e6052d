/** What is made of findings: numbers around a kill, the report, the charts. No process runs here. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chartsInstalled } from "../../charts/installation.ts";
import { renderChart } from "../../charts/render.ts";
import { type Answer, serverOf } from "../asking.ts";
import { reflow, table } from "../report-text.ts";
import { balanceOf } from "./balance.ts";
import { chartsOf } from "./charts.ts";
import { claimsOf } from "./claims.ts";
import { computePlacement, serverCounts } from "./computation.ts";
import { type FailureRun, summarize } from "./failure.ts";
import type { Findings } from "./findings.ts";
import { comparedPlacements, type ProductHash } from "./placements.ts";
import { reportOf } from "./report.ts";
import type { MeasuredSpread, SpreadRun } from "./spread.ts";

const papers = fileURLToPath(new URL("../../../docs/papers", import.meta.url));

const computed = comparedPlacements.map((each) =>
  computePlacement(each, { requests: 1_000, seed: 1 }),
);

function answer(sentAtMs: number, durationMs: number, server: string | undefined): Answer {
  const failure = server === undefined ? "ECONNRESET" : undefined;
  const answeredAtMs = sentAtMs + durationMs;
  return { id: 1, server, status: server === undefined ? 0 : 200, sentAtMs, answeredAtMs, failure };
}

test("around a kill: back is the replacement's first answer, the time between belongs to the heirs", () => {
  const numberOf = new Map([
    ["Server 1", 1],
    ["Server 2", 2],
    ["Server 3", 3],
    ["new", 1],
  ]);
  const answers = [
    answer(950, 2, "Server 1"),
    answer(998, 30, "Server 2"), // Was under way at the kill: slow, but no heir's work.
    answer(1_010, 5, "Server 2"),
    answer(1_050, 5, undefined),
    answer(1_100, 5, "Server 3"),
    answer(1_195, 5, "new"),
    answer(1_300, 50, "new"),
  ];
  const run = summarize(answers, [{ failedAtMs: 1_000, backAtMs: 1_200 }], numberOf);
  assert.deepEqual(run.backMs, [200]);
  assert.deepEqual(run.meanwhile, [0, 1, 1]);
  assert.equal(run.slowestMs, 30);
  assert.deepEqual([run.sent, run.lost, run.lostHow], [7, 1, ["ECONNRESET"]]);
  const at = (ms: number) => run.timeline.find(({ fromMs }) => fromMs === ms);
  assert.deepEqual(at(-60)?.counts, [1, 0, 0]);
  assert.deepEqual(at(20)?.counts, [0, 1, 0]);
  assert.equal(at(40)?.lost, 1);
  assert.deepEqual(at(200)?.counts, [1, 0, 0]);
});

test("the server is read from the source's greeting and from nothing else", () => {
  assert.equal(
    serverOf('{"message":"Hello from Server: Server 3","status":"successful"}'),
    "Server 3",
  );
  assert.equal(serverOf('{"message":"<Error> No server replica is available"}'), undefined);
});

test("paragraphs and lists are broken at 100 columns, tables, code and numbers with units are not", () => {
  const long = "word ".repeat(30).trim();
  const cells = `| ${"cell ".repeat(40)} |`;
  const text = `${long} 7,000 ms\n\n- ${long}\n- b\n\n${cells}\n\n\`\`\`sh\n${long}\n\`\`\``;
  const [paragraph = "", list = "", after, code] = reflow(text).split("\n\n");
  for (const line of `${paragraph}\n${list}`.split("\n")) assert.ok(line.length <= 100, line);
  assert.equal(paragraph.replaceAll("\n", " "), `${long} 7,000 ms`);
  assert.match(list, /^- word.*\n {2}word.*\n- b$/s);
  assert.equal(after, cells);
  assert.equal(code, `\`\`\`sh\n${long}\n\`\`\``);
  assert.doesNotMatch(reflow(`${"x".repeat(97)} 12 %`), /12\n/);
  assert.match(
    table(["a", "b"], [["1", "2 ms"]]),
    /^\| a \| b \|\n\| --- \| ---: \|\n\| 1 \| 2 ms \|$/,
  );
});

test("the report is short, has every experiment, no hole in its numbers, and links to what exists", () => {
  const report = reportOf(sample());
  const lines = report.split("\n");
  assert.ok(lines.length < 200, `${lines.length} lines`);
  assert.doesNotMatch(report, /NaN|undefined|Infinity|\[object/);
  for (const each of ["## A-1", "## A-2", "## A-3", "## A-4", "87 values", "tombstone", "mix32"]) {
    assert.ok(report.includes(each), each);
  }
  const charts = chartsOf(sample()).map(({ file }) => file);
  for (const [, target = ""] of report.matchAll(/\]\(([^)]+)\)/g)) {
    assert.ok(charts.includes(target) || existsSync(join(papers, target)), target);
  }
  for (const file of charts) assert.ok(report.includes(`](${file})`), file);
});

test("the report does not gloss over what went wrong", () => {
  const whole = sample();
  const spread = { ...whole.spread.given, a1: { ...whole.spread.given.a1, lost: 3, diverted: 2 } };
  const failures = {
    ...whole.failures,
    given: { ...whole.failures.given, lost: 4, lostHow: ["ECONNRESET"] },
  };
  const broken: Findings = {
    ...whole,
    loadPerCore: 2.3,
    spread: { ...whole.spread, given: spread },
    failures,
  };
  const report = reportOf(broken);
  assert.match(report, /3 requests were lost: look at the machine/);
  assert.match(report, /4 of 2,000 requests were lost/);
  assert.match(report, /busy with other work[^.]*2\.3 running tasks/);
  assert.match(report, /Lost requests ended with: ECONNRESET/);
  assert.deepEqual(
    claimsOf(broken).map(({ holds }) => holds),
    [false, false, true, false],
  );
  assert.ok(claimsOf(whole).every(({ holds }) => holds));
});

const skip = (await chartsInstalled()) ? false : "vega is not there: npm ci --prefix lab/charts";

test("every chart can be drawn and says what it shows", { skip }, async () => {
  for (const { file, spec } of chartsOf(sample())) {
    const svg = await renderChart(spec);
    assert.match(svg, new RegExp(`>A-${file.at(-5)}: `), file);
    assert.doesNotMatch(svg, /NaN|undefined/, file);
    assert.ok(Number(/ width="(\d+)"/.exec(svg)?.[1]) < 950, `${file} is too wide for a page`);
  }
});

/** Findings as a run with 1,000 requests brings them, without the run. */
function sample(): Findings {
  return {
    machine: "a machine",
    loadPerCore: 0.1,
    at: "2026-01-02T03:04:05.000Z",
    command: "npx prunella paper balancer",
    seconds: 61,
    requests: 1_000,
    seed: 1,
    spread: { given: spreadRun("seed-512", 0), standard: spreadRun("default", 6) },
    endpoints: [{ request: "GET /home", wanted: "200", status: 200, body: "", holds: true }],
    failures: { given: failureRun("seed-512"), standard: failureRun("default") },
    startsMs: [90, 80, 100],
    computed,
  };

  function spreadRun(hash: ProductHash, index: number): SpreadRun {
    const spread = (servers: number, counts: readonly number[]): MeasuredSpread => ({
      servers,
      counts,
      balance: balanceOf(counts),
      lost: 0,
      diverted: index,
      seconds: 0.5,
    });
    const a2 = serverCounts.map((servers, row) =>
      spread(servers, computed[index]?.spreads[row]?.drawn ?? []),
    );
    return { hash, a1: spread(3, computed[index]?.drawnA1 ?? []), a2 };
  }
}

function failureRun(hash: ProductHash): FailureRun {
  const timeline = [-20, 0, 20].map((fromMs) => ({ fromMs, counts: [3, 2, 1], lost: 0 }));
  return {
    hash,
    perSecond: 500,
    backMs: [140, 120, 160],
    sent: 1_000,
    lost: 0,
    lostHow: [],
    meanwhile: [0, 88, 12],
    slowestMs: 20,
    timeline,
  };
}
