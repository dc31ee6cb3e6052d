/**
 * Who used how much processor time, read from /proc. The figure of merit of the gateway bench rests on
 * it: requests a second alone would measure the load generator as soon as machines are small.
 *
 * The kernel counts in ticks of 10 ms. A tree is a process with all its descendants; time of children
 * that have ended is in their parent's own record, so nothing is lost and nothing counts twice.
 */
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

const msPerTick = 10;
const kibPerMib = 1_024;

export type ProcessRecord = {
  readonly pid: number;
  readonly parent: number;
  /** User and system, all threads, with the children that have ended. */
  readonly cpuMs: number;
};

/** One line of /proc/PID/stat. The name in it may hold spaces and brackets. */
export function parseProcessStat(text: string): ProcessRecord {
  const pid = Number(text.slice(0, text.indexOf(" ")));
  // Fields from the third on: state, parent, ..., utime (14), stime, cutime, cstime.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid, parent: Number(fields[1]), cpuMs: ticks * msPerTick };
}

/** The roots that exist and all their descendants. */
export function treeOf(
  records: readonly ProcessRecord[],
  roots: readonly number[],
): readonly ProcessRecord[] {
  const members = new Set(roots);
  let before = 0;
  while (members.size > before) {
    before = members.size;
    for (const { pid, parent } of records) if (members.has(parent)) members.add(pid);
  }
  return records.filter(({ pid }) => members.has(pid));
}

export function cpuMsOf(records: readonly ProcessRecord[], roots: readonly number[]): number {
  return treeOf(records, roots).reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** All processes of this machine. */
function readProcesses(): readonly ProcessRecord[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parseProcessStat(readFileSync(`/proc/${pid}/stat`, "latin1"))];
      } catch {
        return []; // It has ended since the folder was read.
      }
    });
}

/** Resident memory of a tree; pages that its processes share count once for each. */
export function residentMiB(roots: readonly number[]): number {
  const kib = treeOf(readProcesses(), roots).map(({ pid }) => {
    try {
      const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
      return Number(line?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return kib.reduce((sum, value) => sum + value, 0) / kibPerMib;
}

export type MachineTicks = {
  readonly busyMs: number;
  /** Taken by the hypervisor for somebody else. */
  readonly stolenMs: number;
};

/** The first line of /proc/stat: all cores since the machine began. */
export function parseMachineStat(text: string): MachineTicks {
  const line = text.split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return {
    busyMs: (user + nice + system + irq + softirq) * msPerTick,
    stolenMs: stolen * msPerTick,
  };
}

/** One look at everything that a round is judged by. */
export type ProcessorReading = MachineTicks & {
  readonly atMs: number;
  readonly processes: readonly ProcessRecord[];
};

export function readProcessors(): ProcessorReading {
  const machine = parseMachineStat(readFileSync("/proc/stat", "latin1"));
  return { ...machine, atMs: performance.now(), processes: readProcesses() };
}

/** Process ids by the part that they play. */
export type Parts = {
  readonly proxy: readonly number[];
  readonly backend: readonly number[];
  /** This process: its ended children are the generators, its living ones all the servers. */
  readonly bench: readonly number[];
  /** Servers that wait for their turn. */
  readonly others: readonly number[];
};

export type Usage = {
  readonly seconds: number;
  readonly proxyMs: number;
  readonly backendMs: number;
  /** The load generator, and the little that the bench itself does meanwhile. */
  readonly generatorMs: number;
  /** Share of all cores that somebody else had, the hypervisor included; 0 to 1. */
  readonly foreign: number;
};

export function usageBetween(
  before: ProcessorReading,
  after: ProcessorReading,
  parts: Parts,
  cores = availableParallelism(),
): Usage {
  const between = (roots: readonly number[]): number =>
    cpuMsOf(after.processes, roots) - cpuMsOf(before.processes, roots);
  const servers = new Set([...parts.proxy, ...parts.backend, ...parts.others]);
  const wallMs = after.atMs - before.atMs;
  const proxyMs = between(parts.proxy);
  const backendMs = between(parts.backend);
  const generatorMs = between(parts.bench) - between([...servers]);
  const used = after.busyMs - before.busyMs + after.stolenMs - before.stolenMs;
  const foreign = (used - proxyMs - backendMs - generatorMs) / (wallMs * cores);
  return {
    seconds: wallMs / 1_000,
    proxyMs,
    backendMs,
    generatorMs,
    foreign: Math.min(1, Math.max(0, foreign)),
  };
}
