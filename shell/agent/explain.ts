/** The answer to "why": what an instance is, how it came to that, and what happens next. */
import { ClusterError } from "@prunella/core/kernel";
import type { Instance, Runtime } from "@prunella/runtime";
import type { ClusterEvent, Explanation, InstanceStatus } from "@prunella/wire/control";
import type { Chronicle } from "./chronicle.ts";

const incidentsMax = 5;
const eventsMax = 100;
const logLines = 20;
const logWaitMs = 1_000;

export async function explain(
  instance: Instance,
  status: InstanceStatus,
  runtime: Runtime,
  chronicle: Chronicle,
): Promise<Explanation> {
  const incidents = chronicle.incidentsOf(instance.name).slice(0, incidentsMax);
  const ids = new Set(incidents.map(({ id }) => id));
  const events = await eventsOf(chronicle, ids);
  return {
    instance: status,
    service: instance.service,
    next: nextOf(instance),
    fix: instance.fix ?? null,
    incidents: incidents.map(({ id, openedAtMs, closedAtMs, title, healedMs }) => ({
      id,
      openedAt: new Date(openedAtMs).toISOString(),
      closedAt: closedAtMs === undefined ? null : new Date(closedAtMs).toISOString(),
      title,
      healedMs: healedMs ?? null,
      events: events.filter(({ incident }) => incident === id).slice(-eventsMax),
    })),
    logTail: await logTail(runtime, instance),
  };
}

/** What will happen without anybody doing anything. */
export function nextOf({ phase, retryInMs, leaving }: Instance): string {
  const when = retryInMs === undefined ? "shortly" : `in ${readable(retryInMs)}`;
  if (leaving) return "ends when its running requests are done, and does not come back";
  switch (phase) {
    case "serving":
      return "goes on serving";
    case "suspect":
      return "serves on; a few more failed probes and it is restarted";
    case "starting":
      return "serves as soon as it answers its probe";
    case "waiting":
      return `is launched ${when}`;
    case "draining":
    case "stopping":
      return "ends, and a new incarnation takes its place";
    case "parked":
      return `is tried again ${when}; prunella restart tries at once`;
    default:
      return phase satisfies never;
  }
}

async function eventsOf(
  chronicle: Chronicle,
  incidents: ReadonlySet<string>,
): Promise<readonly ClusterEvent[]> {
  const found: ClusterEvent[] = [];
  if (incidents.size === 0) return found;
  for await (const event of chronicle.events(0, false, AbortSignal.timeout(logWaitMs))) {
    if (event.incident !== null && incidents.has(event.incident)) found.push(event);
  }
  return found;
}

async function logTail(runtime: Runtime, { name }: Instance): Promise<string[]> {
  const lines: string[] = [];
  const options = { tailLines: logLines, follow: false };
  try {
    for await (const line of runtime.logs(name, options, AbortSignal.timeout(logWaitMs))) {
      lines.push(line);
    }
  } catch (error) {
    if (!ClusterError.is(error) && !isAbort(error)) throw error; // No log, no tail.
  }
  return lines;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

function readable(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
