/** Processor and memory of copies: sums over all processes of their groups. */
import type { InstanceName } from "@prunella/core/kernel";
import type { Usage } from "@prunella/runtime";
import { groupOf } from "./family.ts";
import { type LaunchRecord, monotonicMs } from "./launch-record.ts";
import { type ProcessTable, ticksPerSecond } from "./process-table.ts";

type Sample = { readonly launch: string; readonly cpuTicks: number; readonly atMs: number };

export class UsageMeter {
  readonly #table: ProcessTable;
  readonly #samples = new Map<InstanceName, Sample>();

  constructor(table: ProcessTable) {
    this.#table = table;
  }

  /** Usage since the previous call, or since its launch for a copy that is new. */
  measure(records: readonly LaunchRecord[]): ReadonlyMap<InstanceName, Usage> {
    const all = this.#table.all();
    const atMs = monotonicMs();
    const usage = new Map<InstanceName, Usage>();
    for (const { copy, launch, leader } of records) {
      if (leader === undefined) continue;
      const group = groupOf(all, leader);
      const cpuTicks = group.reduce((sum, facts) => sum + facts.cpuTicks, 0);
      const launchedMs = (leader.startTicks * 1_000) / ticksPerSecond;
      const before = this.#samples.get(copy.instance);
      const since =
        before?.launch === launch ? before : { cpuTicks: 0, atMs: Math.min(launchedMs, atMs) };
      const seconds = Math.max(atMs - since.atMs, 1) / 1_000;
      // A process that ends takes its time with it, so a sum may shrink; a share may not.
      const ticks = Math.max(0, cpuTicks - since.cpuTicks);
      this.#samples.set(copy.instance, { launch, cpuTicks, atMs });
      usage.set(copy.instance, {
        cpu: ticks / ticksPerSecond / seconds,
        memoryMiB: group.reduce((sum, facts) => sum + this.#table.memoryMiB(facts.pid), 0),
      });
    }
    for (const instance of this.#samples.keys()) {
      if (!usage.has(instance)) this.#samples.delete(instance);
    }
    return usage;
  }
}
