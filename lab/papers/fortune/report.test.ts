/** What is made of findings: the parts of a failover, rows, the report, the charts. No process runs here. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chartsInstalled } from "../../charts/installation.ts";
import { renderChart } from "../../charts/render.ts";
import type { Answer } from "../asking.ts";
import { chartsOf } from "./charts.ts";
import { claimsOf } from "./claims.ts";
import { type FailoverRound, type FailoverRun, type Failure, summarize } from "./failover.ts";
import { partMs, parts, splitOf } from "./failover-split.ts";
import type { Findings } from "./findings.ts";
import { openerOf, termOf } from "./fortune-cluster.ts";
import { reportOf } from "./report.ts";
import { impliedPerSecond, impliedUsers, sourceLoad } from "./source.ts";
import { requestsOf, rowOf, type UserRow, userCounts } from "./user-load.ts";

const papers = fileURLToPath(new URL("../../../docs/papers", import.meta.url));

test("a failover has three parts, which add up to the whole", () => {
  const moments = { failedAtMs: 1_000, electedAtMs: 1_030, electMs: 20, answeredAtMs: 1_037.5 };
  assert.deepEqual(splitOf(moments), { detectMs: 10, electMs: 20, exposeMs: 7.5 });
});

test("clocks in whole milliseconds make no part negative and none longer than the whole", () => {
  for (const [electedAtMs, electMs] of [
    [999, 5],
    [1_003, 5],
    [1_011, 5],
    [1_005, -1],
  ] as const) {
    const split = splitOf({ failedAtMs: 1_000, electedAtMs, electMs, answeredAtMs: 1_010.5 });
    const values = parts.map((part) => partMs(split, part));
    assert.ok(
      values.every((ms) => ms >= 0),
      JSON.stringify(split),
    );
    assert.equal(
      values.reduce((sum, ms) => sum + ms, 0),
      10.5,
    );
  }
});

test("Little's law turns the source's table into requests a second, and these into users", () => {
  const perSecond = sourceLoad.map(({ users, meanMs }) =>
    Math.round(impliedPerSecond(users, meanMs)),
  );
  assert.deepEqual(perSecond, [125, 114, 209, 1_934, 23_981, 200_401]);
  assert.equal(impliedUsers(200, 5_000), 1_000);
});

test("an opened cookie names its leader and term; nothing else does", () => {
  const opener = openerOf(
    '{"fortune":"Wait.","number":3,"leader":"fortune-2","term":1795279729580}',
  );
  assert.equal(opener, "1795279729580 fortune-2");
  assert.equal(termOf(opener ?? ""), 1_795_279_729_580);
  assert.equal(openerOf('{"error":"no leader here"}'), undefined);
});

function answer(sentAtMs: number, answeredAtMs: number, term: number | undefined): Answer {
  const server = term === undefined ? undefined : `${term} fortune-${term}`;
  const failure = term === undefined ? "ECONNRESET" : undefined;
  return { id: 0, server, status: term === undefined ? 0 : 200, sentAtMs, answeredAtMs, failure };
}

const round: FailoverRound = {
  before: "fortune-3",
  after: "fortune-2",
  terms: 1,
  totalMs: 62,
  split: { detectMs: 10, electMs: 20, exposeMs: 32 },
  notedDetectMs: 60,
};

test("around a failure: who answered when, what was lost, how long users waited", () => {
  const timed = { ...round, failedAtMs: 1_000, answeredAtMs: 1_062, oldTerm: 7 };
  const run = summarize(
    [
      answer(990, 995, 7),
      answer(998, 1_063, 8), // Was under way at the failure, and was held.
      answer(1_010, 1_030, undefined),
      answer(1_061, 1_066, 7), // On its way when the new leader answered first: late, not stale.
      answer(1_080, 1_085, 8),
    ],
    [timed],
  );
  assert.deepEqual([run.sent, run.lost, run.lostHow], [5, 1, ["ECONNRESET"]]);
  assert.equal(run.stale, 0);
  assert.equal(run.slowestMs, 65);
  assert.deepEqual(run.rounds, [round]);
  const at = (ms: number) => run.timeline.find(({ fromMs }) => fromMs === ms);
  assert.deepEqual(at(-20), { fromMs: -20, old: 1, next: 0, lost: 0 });
  assert.deepEqual(at(20), { fromMs: 20, old: 0, next: 0, lost: 1 });
  assert.deepEqual(at(60), { fromMs: 60, old: 1, next: 1, lost: 0 });
});

test("an old leader that answers what was asked after its successor had spoken is found out", () => {
  const answers = [answer(0, 5, 7), answer(6, 9, 8), answer(10, 12, 7), answer(10, 13, 8)];
  assert.equal(summarize(answers, []).stale, 1);
});

const report = {
  users: 1_000,
  answered: 1_500,
  failed: 0,
  firstFailures: [],
  seconds: 3,
  perSecond: 500,
  meanMs: 1_990,
  latencyMs: { count: 500, p50: 2_000, p90: 2_100, p99: 2_200, p999: 2_300, max: 2_400 },
  littleMs: 2_000,
};

test("a row that its time limit ended keeps its mean if every user had an answer, or its throughput", () => {
  assert.deepEqual(
    [rowOf(report, 1_500, 0).isWhole, rowOf(report, 4_000, 0).isWhole],
    [true, false],
  );
  assert.equal(rowOf(report, 4_000, 0).meanMs, 1_990);
  const none = { ...report.latencyMs, count: 0 };
  const cut = { ...report, answered: 600, meanMs: Number.NaN, perSecond: 0, latencyMs: none };
  const row = rowOf(cut, 4_000, 0);
  assert.deepEqual(
    [row.meanMs, row.p50Ms, row.perSecond, row.littleMs],
    [undefined, undefined, 200, 5_000],
  );
});

test("each row asks for at least two answers for each user", () => {
  for (const users of userCounts) assert.ok(requestsOf(users, 1) >= 2 * users);
});

test("the report is short, has every row, no hole in its numbers, and links to what exists", () => {
  const text = reportOf(sample());
  assert.ok(text.split("\n").length < 160);
  assert.doesNotMatch(text, /NaN|undefined|Infinity|\[object/);
  for (const each of ["29.6 s", "| 1,000,000 |", "200,401", "1.5 years", "| 1 | 1.00 ms |"]) {
    assert.ok(text.includes(each), each);
  }
  const charts = chartsOf(sample()).map(({ file }) => file);
  for (const [, target = ""] of text.matchAll(/\]\((?!https:)([^)]+)\)/g)) {
    assert.ok(charts.includes(target) || existsSync(join(papers, target)), target);
  }
  for (const file of charts) assert.ok(text.includes(`](${file})`), file);
  for (const line of text.split("\n")) {
    assert.ok(line.length <= 100 || /^[|<!]/.test(line), line);
  }
});

test("the report does not gloss over what went wrong", () => {
  const whole = sample();
  assert.ok(claimsOf(whole).every(({ holds }) => holds));
  const users = whole.users.map((row) =>
    row.users === 1_000_000
      ? { ...row, isWhole: false, answered: 700_000, meanMs: undefined, terms: 2 }
      : { ...row, failed: 3, firstFailures: ["HTTP 503"], littleMs: 3 * row.littleMs },
  );
  const broken: Findings = {
    ...whole,
    users,
    loadPerCore: 2.3,
    killed: { ...whole.killed, lost: 4, lostHow: ["status 503"] },
    frozen: {
      ...whole.frozen,
      stale: 1,
      rounds: [
        { ...round, terms: 2 },
        { ...round, split: undefined },
      ],
    },
  };
  const text = reportOf(broken).replaceAll("\n", " ");
  assert.match(text, /4 requests were lost/);
  assert.match(text, /They ended with: status 503/);
  assert.match(text, /1 times an older term answered/);
  assert.match(text, /more than one in 1 of 5 failures/);
  assert.match(text, /1 of the failovers could not be split/);
  assert.match(text, /busy with other work[^.]*2\.3 running tasks/);
  assert.match(text, /1,000,000 users reached its time limit[^:]*: 700,000 of its users/);
  assert.match(text, /3 at 10 users \(HTTP 503\)/);
  assert.match(text, /The lead changed 2 times under load/);
  assert.deepEqual(
    claimsOf(broken).map(({ holds }) => holds),
    [true, false, false, true, false, false],
  );
});

const skip = (await chartsInstalled()) ? false : "vega is not there: npm ci --prefix lab/charts";

test("every chart can be drawn and says what it shows", { skip }, async () => {
  for (const { file, spec } of chartsOf(sample())) {
    const svg = await renderChart(spec);
    assert.match(svg, />3\.4\.[34]: /, file);
    assert.doesNotMatch(svg, /NaN|undefined/, file);
    assert.ok(Number(/ width="(\d+)"/.exec(svg)?.[1]) < 950, `${file} is too wide for a page`);
  }
});

/** Findings as a run brings them, without the run. */
function sample(): Findings {
  return {
    machine: "a machine",
    loadPerCore: 0.1,
    at: "2026-01-02T03:04:05.000Z",
    command: "npx prunella paper fortune",
    seconds: 512,
    seed: 1,
    killed: failoverRun("SIGKILL", 0),
    frozen: failoverRun("SIGSTOP", 540),
    users: userCounts.map(userRow),
  };
}

function failoverRun(failure: Failure, laterMs: number): FailoverRun {
  const rounds = [0, 4, 11].map((index) => ({
    ...round,
    totalMs: 62 + laterMs + index,
    split: { detectMs: 10 + laterMs, electMs: 20 + index, exposeMs: 32 },
  }));
  const timeline = [-20, 0, 20, 60].map((fromMs) => ({ fromMs, old: 30, next: 12, lost: 0 }));
  return {
    ...{ failure, perSecond: 500, rounds, sent: 4_000, lost: 0, lostHow: [], stale: 0 },
    slowestMs: 70 + laterMs,
    timeline,
  };
}

function userRow(users: number): UserRow {
  const perSecond = Math.min(1_000 * users, 8_000);
  const littleMs = (users / perSecond) * 1_000;
  return {
    ...{ users, answered: 4 * users, failed: 0, firstFailures: [], seconds: 4, isWhole: true },
    ...{ perSecond, meanMs: littleMs, p50Ms: littleMs, p99Ms: 2 * littleMs, littleMs, terms: 0 },
  };
}
