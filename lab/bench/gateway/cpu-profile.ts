/**
 * Reads a profile that `node --cpu-prof` wrote: time that each function spent itself, in a window of
 * the run, so that starting and warming up do not count. Pure.
 */
export type CpuProfile = {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of a clock of its own. */
  readonly startTime: number;
  readonly endTime: number;
  /** The node on top of the stack at each sample, and the time since the sample before. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

type ProfileNode = {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
};

export type FunctionTime = {
  readonly name: string;
  /** `shell/gateway/slab.ts:40`, `node:net:12`, or nothing for what has no source. */
  readonly place: string;
  readonly area: Area;
  /** Of the window without idle time, 0 to 1. */
  readonly share: number;
};

/** `native`: system calls and all else that V8 sees as outside of JavaScript. */
export type Area = "gateway" | "node" | "native" | "collector";

export type ProfileSummary = {
  readonly busyMs: number;
  readonly idleMs: number;
  readonly areas: Readonly<Record<Area, number>>;
  readonly functions: readonly FunctionTime[];
};

/** @param fromEndMs - The window: from so long before the end of the profile ... */
export function summarizeProfile(
  profile: CpuProfile,
  fromEndMs: number,
  untilEndMs: number,
): ProfileSummary {
  const spentUs = selfTimes(profile, fromEndMs, untilEndMs);
  const byFunction = new Map<string, { name: string; place: string; area: Area; us: number }>();
  let idleUs = 0;
  for (const { id, callFrame } of profile.nodes) {
    const us = spentUs.get(id) ?? 0;
    if (us === 0) continue;
    if (callFrame.functionName === "(idle)") {
      idleUs += us;
      continue;
    }
    const name = callFrame.functionName || "(anonymous)";
    const place = placeOf(callFrame.url, callFrame.lineNumber);
    const key = `${name} ${place}`;
    const entry = byFunction.get(key) ?? { name, place, area: areaOf(name, callFrame.url), us: 0 };
    entry.us += us;
    byFunction.set(key, entry);
  }
  const all = [...byFunction.values()].toSorted((a, b) => b.us - a.us);
  const busyUs = all.reduce((sum, { us }) => sum + us, 0);
  const areas: Record<Area, number> = { gateway: 0, node: 0, native: 0, collector: 0 };
  for (const { area, us } of all) areas[area] += us / busyUs;
  const functions = all.map(({ name, place, area, us }) => ({
    name,
    place,
    area,
    share: us / busyUs,
  }));
  return { busyMs: busyUs / 1_000, idleMs: idleUs / 1_000, areas, functions };
}

function selfTimes(
  { startTime, endTime, samples, timeDeltas }: CpuProfile,
  fromEndMs: number,
  untilEndMs: number,
): ReadonlyMap<number, number> {
  const fromUs = endTime - fromEndMs * 1_000;
  const untilUs = endTime - untilEndMs * 1_000;
  const spent = new Map<number, number>();
  let atUs = startTime;
  for (const [index, node] of samples.entries()) {
    atUs += timeDeltas[index] ?? 0;
    if (atUs < fromUs || atUs > untilUs) continue;
    // A sample stands for the time until the next one.
    spent.set(node, (spent.get(node) ?? 0) + (timeDeltas[index + 1] ?? 0));
  }
  return spent;
}

function placeOf(url: string, lineNumber: number): string {
  if (url === "") return "";
  const path = url.replace(/^file:\/\//, "").replace(/^.*\/(?=(?:shell|core|apps|lab)\/)/, "");
  return `${path}:${lineNumber + 1}`;
}

function areaOf(name: string, url: string): Area {
  if (name === "(garbage collector)") return "collector";
  if (url.startsWith("node:")) return "node";
  return url.startsWith("file:") ? "gateway" : "native";
}
