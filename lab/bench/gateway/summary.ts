/**
 * From measurements to statements: medians of clean rounds, ratios to nginx of the same round, what was
 * the limit, which aims are met, and what became worse since an earlier report. Pure.
 */
import { foreignShares, type Measurement } from "./measurement.ts";

export type Range = { readonly median: number; readonly min: number; readonly max: number };

export function rangeOf(values: readonly number[]): Range | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const below = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  const above = sorted[sorted.length >> 1] ?? Number.NaN;
  return { median: (below + above) / 2, min: sorted[0] ?? below, max: sorted.at(-1) ?? above };
}

export type Limit = "proxy" | "generator" | "backend" | "none" | "pace" | "pace-missed";

export type Row = {
  readonly case: string;
  readonly subject: string;
  readonly rounds: number;
  readonly cleanRounds: number;
  /** Medians over clean rounds; over all of them when none was clean, and then they prove nothing. */
  readonly requestsPerCpuSecond: Range;
  readonly cpuUsPerRequest: Range;
  /** Undefined without the reference, or when no round was clean for both. */
  readonly ratio: Range | undefined;
  /** The same, of disturbed rounds too: shown when there is nothing better. */
  readonly disturbedRatio: Range | undefined;
  readonly requestsPerSecond: Range;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly residentMiB: number;
  readonly proxyUse: number;
  readonly generatorUse: number;
  readonly backendUse: number;
  readonly foreignMax: number;
  readonly errors: number;
  readonly limit: Limit;
};

/** A core is full from here on; the rest goes to switching between what shares it. */
const fullUse = 0.9;
/** A paced load that sends less than this share of what it meant to send compares nothing. */
const paceKept = 0.9;

export function isClean({ foreign }: Measurement): boolean {
  return foreign <= foreignShares.exclude;
}

/** One row per case and subject, in the order in which they first appear. */
export function summarize(
  measurements: readonly Measurement[],
  reference: string,
  sharesCore: boolean,
): readonly Row[] {
  const groups = Map.groupBy(measurements, (each) => `${each.case} ${each.subject}`);
  return [...groups.values()].flatMap((all) => {
    const first = all[0];
    if (first === undefined) return [];
    const peers = measurements.filter(
      (each) => each.case === first.case && each.subject === reference,
    );
    return [rowOf(first, all, peers, sharesCore)];
  });
}

function rowOf(
  first: Measurement,
  all: readonly Measurement[],
  peers: readonly Measurement[],
  sharesCore: boolean,
): Row {
  const clean = all.filter(isClean);
  const used = clean.length > 0 ? clean : all;
  const range = (value: (each: Measurement) => number): Range =>
    rangeOf(used.map(value)) ?? { median: Number.NaN, min: Number.NaN, max: Number.NaN };
  const median = (value: (each: Measurement) => number): number => range(value).median;
  const row = {
    requestsPerSecond: range(({ requests, seconds }) => requests / seconds),
    proxyUse: median(({ proxyUse }) => proxyUse),
    generatorUse: median(({ generatorUse }) => generatorUse),
    backendUse: median(({ backendUse }) => backendUse),
  };
  return {
    ...row,
    case: first.case,
    subject: first.subject,
    rounds: all.length,
    cleanRounds: clean.length,
    requestsPerCpuSecond: range((each) => each.requestsPerCpuSecond),
    cpuUsPerRequest: range((each) => each.cpuUsPerRequest),
    ratio: ratioOf(clean, peers.filter(isClean)),
    disturbedRatio: ratioOf(all, peers),
    p50Us: median(({ p50Us }) => p50Us),
    p99Us: median(({ p99Us }) => p99Us),
    p999Us: median(({ p999Us }) => p999Us),
    residentMiB: median((each) => each.residentMiB),
    foreignMax: Math.max(...all.map(({ foreign }) => foreign)),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
    limit: limitOf({ ...row, offered: first.offered }, sharesCore),
  };
}

function ratioOf(own: readonly Measurement[], peers: readonly Measurement[]): Range | undefined {
  return rangeOf(
    own.flatMap(({ round, requestsPerCpuSecond }) => {
      const peer = peers.find((each) => each.round === round);
      return peer === undefined ? [] : [requestsPerCpuSecond / peer.requestsPerCpuSecond];
    }),
  );
}

type Uses = Pick<Row, "requestsPerSecond" | "proxyUse" | "generatorUse" | "backendUse"> & {
  readonly offered: number | undefined;
};

/** What kept requests a second from growing. Anything but `proxy` voids that number, and never the ratio. */
export function limitOf(uses: Uses, sharesCore: boolean): Limit {
  const { proxyUse, generatorUse, backendUse, offered } = uses;
  if (offered !== undefined) {
    return uses.requestsPerSecond.median >= paceKept * offered ? "pace" : "pace-missed";
  }
  if (proxyUse >= fullUse) return "proxy";
  const busiest = generatorUse >= backendUse ? "generator" : "backend";
  if (sharesCore) return generatorUse + backendUse >= fullUse ? busiest : "none";
  return Math.max(generatorUse, backendUse) >= fullUse ? busiest : "none";
}

/** What a case may cost its subjects at most: the throughput of the slowest one. */
export function slowestCapacity(rows: readonly Row[], benchCase: string): Row | undefined {
  return rows
    .filter((row) => row.case === benchCase)
    .toSorted((a, b) => a.requestsPerSecond.median - b.requestsPerSecond.median)[0];
}

export type Fall = {
  readonly case: string;
  readonly subject: string;
  readonly before: number;
  readonly now: number;
};

/** A change of less than this is the noise of small machines. */
export const tolerance = 0.15;

/** Ratios of `subject` that fell by more than the tolerance. Absolute numbers are never compared. */
export function fallsSince(
  before: readonly Row[],
  now: readonly Row[],
  subject: string,
): readonly Fall[] {
  return now
    .filter((row) => row.subject === subject)
    .flatMap((row) => {
      const old = before.find((each) => each.case === row.case && each.subject === subject);
      if (old?.ratio === undefined || row.ratio === undefined) return [];
      if (row.ratio.median >= (1 - tolerance) * old.ratio.median) return [];
      return [{ case: row.case, subject, before: old.ratio.median, now: row.ratio.median }];
    });
}
