/** The answer to "why": what an instance is, how it came to that, and what happens next. */
import type { Incident } from "@prunella/core/healing";
import { ClusterError } from "@prunella/core/kernel";
import type { Instance, Runtime } from "@prunella/runtime";
import type { Explanation, InstanceStatus } from "@prunella/wire/control";
import type { TermRow } from "@prunella/wire/election";
import { eventOf } from "./fact-event.ts";

const incidentsMax = 5;
const reignsMax = 5;
const logLines = 20;
const logWaitMs = 1_000;

/**
 * @param incidents - Those of this instance, newest first.
 * @param reigns - The terms that it led; undefined where nobody is elected.
 */
export async function explain(
  instance: Instance,
  status: InstanceStatus,
  runtime: Runtime,
  incidents: readonly Incident[],
  reigns: readonly TermRow[] | undefined,
): Promise<Omit<Explanation, "troubles">> {
  return {
    instance: status,
    service: instance.service,
    next: nextOf(instance),
    fix: instance.fix ?? null,
    ...(reigns === undefined ? {} : { reigns: reigns.slice(-reignsMax) }),
    incidents: incidents.slice(0, incidentsMax).map((incident) => ({
      id: incident.id,
      openedAt: new Date(incident.openedAtMs).toISOString(),
      closedAt:
        incident.closedAtMs === undefined ? null : new Date(incident.closedAtMs).toISOString(),
      title: incident.title,
      healedMs: incident.healedMs ?? null,
      events: incident.facts.map((fact) => eventOf(fact, incident.id)),
    })),
    logTail: await logTail(runtime, instance),
  };
}

/** What will happen without anybody doing anything. */
function nextOf({ phase, retryInMs, leaving }: Instance): string {
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
