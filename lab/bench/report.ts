/** What every bench prints besides its numbers: on which machine, and in which form. */
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

export type MachineFacts = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Running tasks over one minute, when the bench began and when it ended. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Share of all cores that was busy while the bench ran, this process included; 0 to 1. */
  readonly busy: number;
};

/** Begins to watch the machine; the returned function ends it and says what was seen. */
export function watchMachine(): () => MachineFacts {
  const loadBefore = loadavg()[0] ?? 0;
  const before = processorTicks();
  return () => {
    const after = processorTicks();
    return {
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryMiB: Math.round(totalmem() / 2 ** 20),
      kernel: release(),
      node: process.version,
      loadBefore,
      loadAfter: loadavg()[0] ?? 0,
      busy: (after.busy - before.busy) / Math.max(1, after.total - before.total),
    };
  };
}

/** Of all cores since the machine began, from the first line of /proc/stat; elsewhere from the platform. */
function processorTicks(): { readonly busy: number; readonly total: number } {
  let ticks: readonly number[];
  let idle: number;
  try {
    const line = readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "";
    ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
    idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  } catch {
    const times = cpus().map((cpu) => cpu.times);
    ticks = times.flatMap(({ user, nice, sys, irq, idle: rest }) => [user, nice, sys, irq, rest]);
    idle = times.reduce((sum, time) => sum + time.idle, 0);
  }
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return { busy: total - idle, total };
}

export function describeMachine(facts: MachineFacts): string {
  const load = `load ${facts.loadBefore.toFixed(2)} -> ${facts.loadAfter.toFixed(2)}`;
  const busy = `${Math.round(100 * facts.busy)} % of all cores busy`;
  return `${facts.cpu}, ${facts.cores} cores, ${facts.memoryMiB} MiB, Linux ${facts.kernel}, Node ${facts.node}; ${load}, ${busy}`;
}

/** Text columns, the first aligned left and the others right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, column) => {
        const cell = cells[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Middle of some measurements, and the values that a tenth of them stay below and above. */
export type Spread = { readonly median: number; readonly low: number; readonly high: number };

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
  const below = sorted[(sorted.length - 1) >> 1] ?? Number.NaN;
  const above = sorted[sorted.length >> 1] ?? Number.NaN;
  return { median: (below + above) / 2, low: at(0.1), high: at(0.9) };
}

export function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
