/** The report of a gateway bench as text: one table per case, one over all cases, and the verdict. */
import { table } from "../report.ts";
import type { BenchCase } from "./case-table.ts";
import type { IdleMeasurement } from "./idle-connections.ts";
import { type Limit, type Range, type Row, rangeOf } from "./summary.ts";
import type { Goal } from "./verdict.ts";

const limitTexts: Readonly<Record<Limit, string>> = {
  proxy: "proxy",
  generator: "GENERATOR",
  backend: "BACKEND",
  none: "none",
  pace: "pace",
  "pace-missed": "PACE MISSED",
};

const head = [
  "",
  "us CPU/req",
  "x nginx",
  "min-max",
  "req/s",
  "p50 us",
  "p99 us",
  "p99.9 us",
  "RSS MiB",
  "proxy/gen/back %",
  "limit",
  "errors",
  "clean",
];

export function caseTable(benchCase: BenchCase, rows: readonly Row[]): string {
  const own = rows.filter((row) => row.case === benchCase.name);
  const lines = own.map((row) => {
    const ratio = row.ratio ?? row.disturbedRatio;
    const uses = [row.proxyUse, row.generatorUse, row.backendUse].map(percent).join("/");
    const rate = whole(row.requestsPerSecond.median);
    return [
      row.subject,
      row.cpuUsPerRequest.median.toFixed(1),
      ratioText(row),
      ratio === undefined ? "-" : `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`,
      row.limit === "proxy" || row.limit === "pace" ? rate : `(${rate})`,
      whole(row.p50Us),
      whole(row.p99Us),
      whole(row.p999Us),
      row.residentMiB.toFixed(0),
      uses,
      limitTexts[row.limit],
      `${row.errors}`,
      `${row.cleanRounds}/${row.rounds}`,
    ];
  });
  return `${benchCase.name}: ${benchCase.what}\n${table(head, lines)}`;
}

/** A ratio of disturbed rounds has a question mark. */
export function ratioText({ ratio, disturbedRatio }: Row): string {
  if (ratio !== undefined) return ratio.median.toFixed(2);
  return disturbedRatio === undefined ? "-" : `${disturbedRatio.median.toFixed(2)}?`;
}

/** Ratios to nginx: cases down, subjects across. */
export function ratioTable(rows: readonly Row[]): string {
  const subjects = [...new Set(rows.map(({ subject }) => subject))];
  const cases = [...new Set(rows.map((row) => row.case))];
  const lines = cases.map((name) => [
    name,
    ...subjects.map((subject) => {
      const row = rows.find((each) => each.case === name && each.subject === subject);
      return row === undefined ? "" : ratioText(row);
    }),
  ]);
  return table(["x nginx, per CPU second", ...subjects], lines);
}

export function idleTable(benchCase: BenchCase, measurements: readonly IdleMeasurement[]): string {
  const own = measurements.filter((each) => each.case === benchCase.name);
  const lines = [...Map.groupBy(own, ({ subject }) => subject)].map(([subject, all]) => {
    const median = (value: (each: IdleMeasurement) => number): Range["median"] =>
      rangeOf(all.map(value))?.median ?? Number.NaN;
    return [
      subject,
      median(({ beforeMiB }) => beforeMiB).toFixed(0),
      median(({ afterMiB }) => afterMiB).toFixed(0),
      median(({ kibPerConnection }) => kibPerConnection).toFixed(1),
      `${all.reduce((sum, { errors }) => sum + errors, 0)}`,
      `${all.length}`,
    ];
  });
  const titles = ["", "RSS MiB before", "RSS MiB with", "KiB/connection", "errors", "rounds"];
  const count = own[0]?.connections ?? 0;
  return `${benchCase.name}: ${benchCase.what} (${count} opened)\n${table(titles, lines)}`;
}

export const explanation = `us CPU/req: user and system time of the proxy's processes per request. x nginx: requests per CPU second
beside nginx in the same round; with "?" no round was clean. req/s in brackets: the proxy was not the
limit, so the number (and its latencies) says nothing about it. Latencies compare in paced cases only.
clean: rounds in which others had at most 10 % of the machine.`;

export function goalLines(goals: readonly Goal[]): string {
  const words = { met: "met     ", missed: "MISSED  ", unproven: "unproven" } as const;
  return goals.map(({ goal, verdict }) => `${words[verdict]}  ${goal}`).join("\n");
}

function percent(share: number): string {
  return `${Math.round(100 * share)}`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}
