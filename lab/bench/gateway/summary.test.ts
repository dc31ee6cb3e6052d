import assert from "node:assert/strict";
import { test } from "node:test";
import { type Measurement, merits } from "./measurement.ts";
import { barsOf, chartSpecification } from "./ratio-chart.ts";
import { ratioTable } from "./result-tables.ts";
import { fallsSince, limitOf, type Row, rangeOf, slowestCapacity, summarize } from "./summary.ts";
import { costlyRows, goalsOf } from "./verdict.ts";

function measured(change: Partial<Measurement>): Measurement {
  return {
    subject: "prunella",
    case: "get-64",
    round: 1,
    requests: 40_000,
    seconds: 2,
    bytes: 0,
    errors: 0,
    p50Us: 100,
    p99Us: 200,
    p999Us: 300,
    maxUs: 400,
    requestsPerCpuSecond: 20_000,
    cpuUsPerRequest: 50,
    proxyUse: 0.97,
    generatorUse: 0.4,
    backendUse: 0.3,
    foreign: 0.01,
    residentMiB: 60,
    tries: 1,
    ...change,
  };
}

function rowOf(rows: readonly Row[], subject: string, name = "get-64"): Row {
  const row = rows.find((each) => each.subject === subject && each.case === name);
  assert.ok(row, `no row of ${subject} in ${name}`);
  return row;
}

/** Rounds of ours and of nginx with these requests per CPU second. */
function rounds(...pairs: readonly (readonly [ours: number, nginx: number, foreign?: number])[]) {
  return pairs.flatMap(([own, nginx, foreign = 0.01], index) => [
    measured({ round: index + 1, requestsPerCpuSecond: own }),
    measured({ round: index + 1, subject: "nginx", requestsPerCpuSecond: nginx, foreign }),
  ]);
}

const names = {
  ours: "prunella",
  oursTwice: "prunella-2",
  oursPipelining: "prunella-pipelining",
  reference: "nginx",
  packages: ["fast-proxy", "http-proxy-3"],
  glue: "undici-glue",
};

test("a range is the middle, the smallest and the largest", () => {
  assert.deepEqual(rangeOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.deepEqual(rangeOf([4, 1, 2, 3]), { median: 2.5, min: 1, max: 4 });
  assert.equal(rangeOf([]), undefined);
});

test("ratios are taken within a round, not between medians", () => {
  // A machine that slows down in round 2 slows both: the ratio stays.
  const rows = summarize(rounds([20, 20], [5, 10], [30, 30]), "nginx", true);
  assert.deepEqual(rowOf(rows, "prunella").ratio, { median: 1, min: 0.5, max: 1 });
});

test("a disturbed round counts for neither side, and a case without clean rounds says so", () => {
  const some = summarize(rounds([20, 20], [90, 30, 0.4]), "nginx", true);
  assert.deepEqual(rowOf(some, "prunella").ratio, { median: 1, min: 1, max: 1 });
  assert.equal(rowOf(some, "nginx").cleanRounds, 1);

  const none = summarize(rounds([20, 40, 0.4]), "nginx", true);
  assert.equal(rowOf(none, "prunella").ratio, undefined);
  assert.equal(rowOf(none, "prunella").disturbedRatio?.median, 0.5);
  assert.match(ratioTable(none), /0\.50\?/);
});

test("without the reference there is no ratio, and everything else stays", () => {
  const [row] = summarize([measured({})], "nginx", true);
  assert.equal(row?.ratio, undefined);
  assert.equal(row?.requestsPerSecond.median, 20_000);
});

test("merits divide by the processor time of the proxy and by the cores that it may use", () => {
  const usage = { seconds: 4, proxyMs: 4_000, backendMs: 1_000, generatorMs: 2_000, foreign: 0.02 };
  assert.deepEqual(merits(100_000, usage, 2), {
    requestsPerCpuSecond: 25_000,
    cpuUsPerRequest: 40,
    proxyUse: 0.5,
    generatorUse: 0.5,
    backendUse: 0.25,
    foreign: 0.02,
  });
});

test("the limit is whoever had no processor time left", () => {
  const requestsPerSecond = { median: 900, min: 900, max: 900 };
  const table: readonly (readonly [number, number, number, boolean, string])[] = [
    [0.97, 0.4, 0.4, true, "proxy"],
    [0.6, 0.7, 0.25, true, "generator"],
    [0.6, 0.25, 0.7, true, "backend"],
    [0.6, 0.7, 0.25, false, "none"], // Cores of their own: 70 % is not full.
    [0.6, 0.3, 0.95, false, "backend"],
    [0.2, 0.1, 0.1, true, "none"],
  ];
  for (const [proxyUse, generatorUse, backendUse, sharesCore, limit] of table) {
    const uses = { requestsPerSecond, proxyUse, generatorUse, backendUse, offered: undefined };
    assert.equal(limitOf(uses, sharesCore), limit, JSON.stringify(uses));
  }
});

test("a paced load that did not keep its pace says so", () => {
  const uses = { proxyUse: 0.5, generatorUse: 0.1, backendUse: 0.1 };
  const at = (median: number) => ({ median, min: median, max: median });
  assert.equal(limitOf({ ...uses, requestsPerSecond: at(950), offered: 1_000 }, true), "pace");
  assert.equal(
    limitOf({ ...uses, requestsPerSecond: at(850), offered: 1_000 }, true),
    "pace-missed",
  );
});

test("the slowest subject sets the pace", () => {
  const rows = summarize(
    [measured({}), measured({ subject: "http-proxy-3", requests: 9_000 })],
    "nginx",
    true,
  );
  assert.equal(slowestCapacity(rows, "get-64")?.subject, "http-proxy-3");
  assert.equal(slowestCapacity(rows, "get-1"), undefined);
});

test("goals are met, missed or unproven, and never met by disturbed rounds", () => {
  const verdicts = (all: readonly Measurement[], cores = 2): readonly string[] =>
    goalsOf(summarize(all, "nginx", true), names, cores).map(({ verdict }) => verdict);
  const node = measured({ subject: "fast-proxy", requestsPerCpuSecond: 5_500 });
  const slower = measured({ subject: "http-proxy-3", requestsPerCpuSecond: 2_000 });

  // In order: nginx, best package, by hand, p99, two workers, errors, pipelining.
  const good = verdicts([...rounds([24_000, 26_000]), node, slower]);
  assert.deepEqual(good, ["met", "met", "unproven", "unproven", "unproven", "met", "unproven"]);
  const sharing = measured({ subject: names.oursPipelining, requestsPerCpuSecond: 31_500 });
  assert.equal(verdicts([...rounds([24_000, 26_000]), sharing])[6], "met");
  const bad = verdicts([...rounds([21_000, 26_000]), node, measured({ round: 9, errors: 1 })]);
  assert.deepEqual(bad.slice(0, 2), ["missed", "missed"]);
  assert.equal(bad[5], "missed");
  const disturbed = verdicts(rounds([24_000, 26_000, 0.5]));
  assert.equal(disturbed[0], "unproven");
});

test("latencies are compared at an equal pace only, two workers only where there are cores", () => {
  const paced = { case: "paced-70", requests: 10_000, offered: 5_000 };
  const p99 = (own: Partial<Measurement>): string | undefined =>
    goalsOf(
      summarize(
        [measured({ ...paced, ...own }), measured({ ...paced, subject: "nginx", p99Us: 100 })],
        "nginx",
        true,
      ),
      names,
      2,
    )[3]?.verdict;
  assert.equal(p99({ p99Us: 149 }), "met");
  assert.equal(p99({ p99Us: 151 }), "missed");
  assert.equal(p99({ p99Us: 100, requests: 8_000 }), "unproven");

  const pair = [
    measured({ case: "workers-2" }),
    measured({ case: "workers-2", subject: "prunella-2", requests: 70_000 }),
  ];
  const twoWorkers = (cores: number) =>
    goalsOf(summarize(pair, "nginx", false), names, cores)[4]?.verdict;
  assert.equal(twoWorkers(4), "met");
  assert.equal(twoWorkers(2), "unproven");
});

test("costly cells and falls since an earlier report are found by ratio", () => {
  const before = summarize(rounds([20, 20]), "nginx", true);
  const little = summarize(rounds([18, 20]), "nginx", true);
  const much = summarize(rounds([13, 20]), "nginx", true);
  assert.deepEqual(fallsSince(before, little, "prunella"), []);
  assert.deepEqual(fallsSince(before, much, "prunella"), [
    { case: "get-64", subject: "prunella", before: 1, now: 0.65 },
  ]);
  assert.deepEqual(costlyRows(little, "prunella"), []);
  assert.equal(costlyRows(much, "prunella").length, 1);
});

test("the chart has one bar for each ratio, pale when no round was clean", () => {
  const rows = summarize([...rounds([20, 20]), measured({ case: "churn" })], "nginx", true);
  const bars = barsOf(rows);
  assert.deepEqual(
    bars.map(({ subject, ratio, clean }) => [subject, ratio, clean]),
    [
      ["prunella", 1, true],
      ["nginx", 1, true],
    ],
  );
  const specification = JSON.parse(JSON.stringify(chartSpecification(rows, "prunella", ["when"])));
  assert.deepEqual(specification.data.values, bars);
  assert.deepEqual(specification.facet.sort, ["get-64"]);
});
