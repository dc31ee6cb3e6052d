/** What a run shows about the aims of the gateway, and where it costs clearly more than nginx. Pure. */
import { mainCase } from "./case-table.ts";
import type { Row } from "./summary.ts";

export type Goal = {
  readonly goal: string;
  /** `unproven`: nothing was measured for it, or others disturbed every round. */
  readonly verdict: "met" | "missed" | "unproven";
};

export type Names = {
  readonly ours: string;
  readonly oursTwice: string;
  readonly oursPipelining: string;
  readonly reference: string;
  /** Node proxies that are packages, and the one written by hand. */
  readonly packages: readonly string[];
  readonly glue: string;
};

const aims = {
  ratio: 0.85,
  sharedRatio: 1.2,
  nodeFactor: 4,
  p99Factor: 1.5,
  twoWorkers: 1.7,
} as const;
/** Below this ratio a case needs an explanation. */
export const costlyBelow = 0.7;

export function goalsOf(rows: readonly Row[], names: Names, cores: number): readonly Goal[] {
  const at = (name: string, subject: string): Row | undefined =>
    rows.find((row) => row.case === name && row.subject === subject);
  const own = at(mainCase, names.ours);
  const best = names.packages
    .map((name) => at(mainCase, name))
    .filter((row) => row !== undefined)
    .toSorted((a, b) => b.requestsPerCpuSecond.median - a.requestsPerCpuSecond.median)[0];
  const allOurs = [names.ours, names.oursTwice, names.oursPipelining];
  const errors = rows.filter(({ subject }) => allOurs.includes(subject));
  return [
    judge(
      `requests per CPU second >= ${aims.ratio} x nginx's`,
      own?.ratio?.median,
      (value) => value >= aims.ratio,
    ),
    nodeGoal(`the best Node package (${best?.subject ?? "none"})`, own, best),
    nodeGoal("node:http + undici by hand", own, at(mainCase, names.glue)),
    p99Goal(at("paced-70", names.ours), at("paced-70", names.reference)),
    twoWorkersGoal(at("workers-2", names.ours), at("workers-2", names.oursTwice), cores),
    judge(
      "no error in any case",
      errors.length === 0 ? undefined : errors.reduce((sum, row) => sum + row.errors, 0),
      (count) => count === 0,
    ),
    judge(
      `with pipelining: requests per CPU second >= ${aims.sharedRatio} x nginx's`,
      at(mainCase, names.oursPipelining)?.ratio?.median,
      (value) => value >= aims.sharedRatio,
    ),
  ];
}

function nodeGoal(whom: string, own: Row | undefined, other: Row | undefined): Goal {
  const proven = isProven(own) && isProven(other);
  const factor = proven
    ? own.requestsPerCpuSecond.median / other.requestsPerCpuSecond.median
    : undefined;
  const goal = `requests per CPU second >= ${aims.nodeFactor} x those of ${whom}`;
  return judge(goal, factor, (value) => value >= aims.nodeFactor);
}

function p99Goal(own: Row | undefined, other: Row | undefined): Goal {
  const proven = isProven(own) && isProven(other) && own.limit === "pace" && other.limit === "pace";
  const factor = proven ? own.p99Us / other.p99Us : undefined;
  const goal = `p99 at equal offered load <= ${aims.p99Factor} x nginx's`;
  return judge(goal, factor, (value) => value <= aims.p99Factor);
}

function twoWorkersGoal(one: Row | undefined, two: Row | undefined, cores: number): Goal {
  const goal = `two workers >= ${aims.twoWorkers} x one worker's throughput`;
  if (cores < 4) return { goal: `${goal}: needs 4 cores, here are ${cores}`, verdict: "unproven" };
  const proven = isProven(one) && isProven(two) && one.limit === "proxy" && two.limit === "proxy";
  const factor = proven ? two.requestsPerSecond.median / one.requestsPerSecond.median : undefined;
  return judge(goal, factor, (value) => value >= aims.twoWorkers);
}

function judge(goal: string, value: number | undefined, holds: (value: number) => boolean): Goal {
  if (value === undefined) return { goal: `${goal}: no clean rounds`, verdict: "unproven" };
  const text = Number.isInteger(value) ? `${value}` : value.toFixed(2);
  return { goal: `${goal}: ${text}`, verdict: holds(value) ? "met" : "missed" };
}

function isProven(row: Row | undefined): row is Row {
  return row !== undefined && row.cleanRounds > 0;
}

/** Cells of ours that need a reason beside them. */
export function costlyRows(rows: readonly Row[], subject: string): readonly Row[] {
  return rows.filter((row) => {
    const ratio = row.ratio ?? row.disturbedRatio;
    return row.subject === subject && ratio !== undefined && ratio.median < costlyBelow;
  });
}
