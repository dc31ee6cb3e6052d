/**
 * Section 3.4.3 of the source: more and more users ask at once. Each waits for its answer and asks
 * again; `lab/load/closed-loop.ts` says how a million of them fit through a thousand connections.
 *
 * A row that reaches its time limit is kept with what was measured until then. Once each user has had
 * an answer its mean is as good as that of a whole row; before, there is only a throughput, and what
 * Little's law says about it.
 */
import { closedLoop } from "../../load/closed-loop.ts";
import { cookie, currentLeader, startFortuneCluster } from "./fortune-cluster.ts";

export const userCounts = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] as const;
export const usersTop = 1_000_000;
export const connectionsMax = 1_000;
/** Of one row; the largest needs two answers for each user, the others take seconds. */
export const rowSecondsMax = 300;

export type UserRow = {
  readonly users: number;
  readonly answered: number;
  readonly failed: number;
  readonly firstFailures: readonly string[];
  readonly seconds: number;
  /** False when the time limit ended it. */
  readonly isWhole: boolean;
  readonly perSecond: number;
  /** Undefined when not every user had an answer in time. */
  readonly meanMs: number | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Users divided by throughput. */
  readonly littleMs: number;
  /** Terms that began meanwhile: a leader that gets no processor time loses its lead. */
  readonly terms: number;
};

export type UserLoadOptions = {
  readonly usersMax: number;
  /** Of each row, at least. */
  readonly requestsMin?: number;
  readonly secondsMax?: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/** Four answers for each user settle the line; two must do for the largest row. */
export function requestsOf(users: number, requestsMin: number): number {
  return Math.max(requestsMin, users < usersTop ? 4 * users : 2 * users);
}

export async function measureUsers({
  usersMax,
  requestsMin = 20_000,
  secondsMax = rowSecondsMax,
  say,
  signal,
}: UserLoadOptions): Promise<readonly UserRow[]> {
  await using cluster = await startFortuneCluster();
  const url = `${cluster.url}${cookie.path(0)}`;
  const bounds = { url, connectionsMax, secondsMax, signal };
  // A program that has just started is slow: nobody's users, and not measured.
  await closedLoop({ ...bounds, users: 100, requests: requestsMin });
  const rows: UserRow[] = [];
  for (const users of userCounts.filter((count) => count <= usersMax)) {
    signal.throwIfAborted();
    const before = (await currentLeader(cluster))?.term ?? 0;
    const requests = requestsOf(users, requestsMin);
    const report = await closedLoop({ ...bounds, users, requests });
    const after = (await currentLeader(cluster))?.term ?? before;
    signal.throwIfAborted();
    const row = rowOf(report, requests, after - before);
    rows.push(row);
    say(
      `${users} users: ${Math.round(row.perSecond)} requests/s, mean ${Math.round(row.meanMs ?? Number.NaN)} ms`,
    );
  }
  return rows;
}

type Report = Awaited<ReturnType<typeof closedLoop>>;

/** Pure. @param requests - How many were asked for; less when the time limit came first. */
export function rowOf(report: Report, requests: number, terms: number): UserRow {
  const { users, answered, failed, firstFailures, seconds, latencyMs } = report;
  const isMeasured = latencyMs.count > 1;
  const perSecond = isMeasured ? report.perSecond : answered / seconds;
  return {
    ...{ users, answered, failed, firstFailures, seconds, terms, perSecond },
    isWhole: answered + failed >= requests,
    meanMs: isMeasured ? report.meanMs : undefined,
    p50Ms: isMeasured ? latencyMs.p50 : undefined,
    p99Ms: isMeasured ? latencyMs.p99 : undefined,
    littleMs: (users / perSecond) * 1_000,
  };
}
