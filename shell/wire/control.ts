/**
 * The control API in schemas: what the CLI, the console and the SDK say to the agent, and what it
 * answers. The OpenAPI document is generated from these; `docs/reference/control-api.md` explains them.
 */
import { z } from "zod";
import { termRow } from "./election.ts";

export const phases = [
  "waiting", // Not running; a restart is scheduled (back-off) or the launch is about to happen.
  "starting", // The process runs; it did not answer its probe yet.
  "serving", // Answers its probe and takes traffic.
  "suspect", // Served before; its probe fails, but not often enough for a verdict.
  "draining", // Finishes its requests, takes no new ones.
  "stopping", // Was asked to end, or is being killed.
  "parked", // Given up for now: crash loop or a fault that a restart cannot mend. See `why`.
] as const;

export const instanceStatus = z.object({
  name: z.string(),
  hostname: z.string(),
  incarnation: z.number().int().nonnegative(),
  phase: z.enum(phases),
  ready: z.boolean(),
  pid: z.number().int().nullable(),
  /** `host:port`, or null while there is none. */
  address: z.string().nullable(),
  restarts: z.number().int().nonnegative(),
  /** ISO 8601, or null while it does not run. */
  startedAt: z.string().nullable(),
  /** Share of one core over the last seconds: 0.5 is half a core. Null until measured. */
  cpu: z.number().nullable(),
  memoryMiB: z.number().nullable(),
  /** One sentence for people; never empty for an instance that does not serve. */
  reason: z.string(),
  /** Of an elected service only: does it lead, and the highest term that its service has seen. */
  leads: z.boolean().optional(),
  term: z.number().int().nonnegative().optional(),
});
export type InstanceStatus = z.infer<typeof instanceStatus>;

export const serviceStatus = z.object({
  name: z.string(),
  kind: z.enum(["replicas", "elected"]),
  desired: z.number().int().nonnegative(),
  ready: z.number().int().nonnegative(),
  instances: z.array(instanceStatus),
});
export type ServiceStatus = z.infer<typeof serviceStatus>;

const severities = ["info", "warning", "error"] as const;

/** One fact about the cluster. `id` grows by one, survives restarts of the agent and resumes a stream. */
export const clusterEvent = z.object({
  id: z.number().int().positive(),
  at: z.string(), // ISO 8601
  type: z.string(), // For example `instance.exited`; the list is in docs/reference/events.md.
  severity: z.enum(severities),
  service: z.string().nullable(),
  instance: z.string().nullable(),
  incarnation: z.number().int().nullable(),
  message: z.string(),
  /** The incident that it belongs to. */
  incident: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
export type ClusterEvent = z.infer<typeof clusterEvent>;

/** An event without its place in the stream. */
export const recordedEvent = clusterEvent.omit({ id: true });
export type RecordedEvent = z.infer<typeof recordedEvent>;

export const clusterStatus = z.object({
  cluster: z.string(),
  services: z.array(serviceStatus),
  gateways: z.array(instanceStatus),
  agent: z.object({
    pid: z.number().int(),
    url: z.string(),
    term: z.number().int(),
    startedAt: z.string(),
  }),
  /** Where a client connects, for example `http://127.0.0.1:5000`. */
  url: z.string(),
  converged: z.boolean(),
  /** What is still to come, in sentences; empty exactly when converged. */
  unsettled: z.array(z.string()),
  /** What gateways saw copies that run now do wrong in the last five minutes, each kind once. */
  troubles: z.array(recordedEvent),
});
export type ClusterStatus = z.infer<typeof clusterStatus>;

/** The answer to "why": what it is, how it came to that, and what happens next. */
export const explanation = z.object({
  instance: instanceStatus,
  service: z.string(),
  /** What happens next and when, for people. */
  next: z.string(),
  /** How to fix it, where somebody must act. */
  fix: z.string().nullable(),
  /** Of an elected service only: the terms that this instance led, oldest first. */
  reigns: z.array(termRow).optional(),
  incidents: z.array(
    z.object({
      id: z.string(),
      openedAt: z.string(),
      closedAt: z.string().nullable(),
      title: z.string(),
      /** Milliseconds from the fault to full capacity. Null while open. */
      healedMs: z.number().nullable(),
      events: z.array(recordedEvent),
    }),
  ),
  /** What gateways saw in its traffic, or in that of its whole service, in the last 15 minutes. */
  troubles: z.array(recordedEvent),
  logTail: z.array(z.string()),
});
export type Explanation = z.infer<typeof explanation>;

export const applyRequest = z.object({
  /** The parsed cluster file; validated by the agent with the schema of `@prunella/spec`. */
  cluster: z.unknown(),
  /** Folder of the cluster file; relative programs start there. */
  folder: z.string(),
});

export const scaleRequest = z.strictObject({ count: z.number().int().nonnegative() });
export const failure = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.record(z.string(), z.unknown()),
  }),
});
