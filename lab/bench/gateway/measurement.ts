/**
 * One measurement: wait for a quiet machine, load one subject, and say who used which processor.
 * A measurement that others disturbed is repeated, and marked when it stays disturbed.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { BenchCase } from "./case-table.ts";
import type { CorePlan } from "./core-plan.ts";
import type { Fleet, Running } from "./fleet.ts";
import { type LoadResult, runLoad } from "./load-generator.ts";
import { readProcessors, residentMiB, type Usage, usageBetween } from "./processor-time.ts";

/** Above the first share of foreign load a measurement is repeated, above the second it is excluded. */
export const foreignShares = { repeat: 0.05, exclude: 0.1 } as const;
const repeatsMax = 2;
const quietLookMs = 250;

export type Measurement = LoadResult & {
  readonly subject: string;
  readonly case: string;
  readonly round: number;
  readonly requestsPerCpuSecond: number;
  readonly cpuUsPerRequest: number;
  /** Utilisation, 0 to 1, of the cores that each part may use. */
  readonly proxyUse: number;
  readonly generatorUse: number;
  readonly backendUse: number;
  readonly foreign: number;
  readonly residentMiB: number;
  /** How often it was measured until it was quiet, or given up. */
  readonly tries: number;
  /** Requests a second that a paced load meant to send. */
  readonly offered?: number;
};

export type Bench = {
  readonly plan: CorePlan;
  readonly seconds: number;
  readonly scriptFile: string;
  /** How long one measurement may wait for a quiet machine. */
  readonly patienceMs: number;
  /** Peers other than the reference take part in the main case only. */
  readonly isShort: boolean;
};

export type Target = {
  readonly bench: Bench;
  readonly fleet: Fleet;
  readonly running: Running;
  readonly benchCase: BenchCase;
  /** Requests a second, for a paced load. */
  readonly offered?: number;
};

export async function measure(target: Target, round: number): Promise<Measurement> {
  const { patienceMs } = target.bench;
  for (let tries = 1; ; tries++) {
    if (patienceMs > 0) await waitForQuiet(patienceMs);
    const measured = { ...(await measureOnce(target, target.bench.seconds)), round, tries };
    const isLast = tries > repeatsMax || patienceMs === 0;
    if (measured.foreign <= foreignShares.repeat || isLast) return measured;
  }
}

/** Lets the compiler of the subject do its work, and opens its connections to the backends. */
export async function warmUp(target: Target, seconds: number): Promise<void> {
  await measureOnce(target, seconds);
}

async function measureOnce(
  { bench, fleet, running, benchCase, offered }: Target,
  seconds: number,
): Promise<Measurement> {
  const { load } = benchCase;
  if (load.kind === "idle")
    throw new Error("unreachable: idle cases have a measurement of their own");
  const parts = { proxy: running.pids, backend: [fleet.backend.pid], bench: [process.pid] };
  const before = readProcessors();
  const result = await runLoad({
    ...load,
    port: running.port,
    seconds,
    core: bench.plan.generator,
    scriptFile: bench.scriptFile,
    thinkMs: offered === undefined ? 0 : (load.connections * 1_000) / offered,
  });
  const usage = usageBetween(before, readProcessors(), {
    ...parts,
    others: fleet.running.flatMap(({ pids }) => pids),
  });
  return {
    ...result,
    ...merits(result.requests, usage, running.cores),
    subject: running.subject.name,
    case: benchCase.name,
    round: 0,
    residentMiB: residentMiB(running.pids),
    tries: 1,
    ...(offered === undefined ? {} : { offered }),
  };
}

export type Merits = Pick<
  Measurement,
  | "requestsPerCpuSecond"
  | "cpuUsPerRequest"
  | "proxyUse"
  | "generatorUse"
  | "backendUse"
  | "foreign"
>;

export function merits(requests: number, usage: Usage, proxyCores: number): Merits {
  const wallMs = usage.seconds * 1_000;
  return {
    requestsPerCpuSecond: requests / (usage.proxyMs / 1_000),
    cpuUsPerRequest: (usage.proxyMs * 1_000) / requests,
    proxyUse: usage.proxyMs / (wallMs * proxyCores),
    generatorUse: usage.generatorMs / wallMs,
    backendUse: usage.backendMs / wallMs,
    foreign: usage.foreign,
  };
}

/** Looks until others leave the machine alone; gives up in silence, because the round itself counts. */
async function waitForQuiet(patienceMs: number): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  const parts = { proxy: [], backend: [], bench: [process.pid], others: [] };
  while (performance.now() < untilMs) {
    const before = readProcessors();
    await delay(quietLookMs);
    if (usageBetween(before, readProcessors(), parts).foreign < foreignShares.repeat) return;
  }
}
