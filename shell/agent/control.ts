/**
 * What the control API can ask of the agent. The HTTP server knows this and nothing else, so the
 * same calls could be offered on another transport.
 *
 * Every method may reject with a `ClusterError`; the server turns its code into a status.
 */
import type { LogOptions } from "@prunella/runtime";
import type { PlannedChange } from "@prunella/spec";
import type {
  ClusterEvent,
  ClusterStatus,
  Explanation,
  InstanceStatus,
  ServiceStatus,
} from "@prunella/wire/control";
import type { ElectionControl } from "./election-control.ts";

/** An answer of the load-balancer API, ready to be sent. */
export type LoadBalancerAnswer = { readonly status: number; readonly body: string };

export type ApplyInput = { readonly cluster?: unknown; readonly folder: string };

export type DownProgress = { readonly instance: string; readonly phase: "ending" | "ended" };

export interface Control {
  /** What electors and people ask about elected services. */
  readonly election: ElectionControl;
  status(): ClusterStatus;
  plan(input: ApplyInput): Promise<readonly PlannedChange[]>;
  apply(input: ApplyInput): Promise<readonly PlannedChange[]>;
  scale(service: string, count: number): Promise<ServiceStatus>;
  /** `/rep`, `/add` and `/rm` of the source, answered once the change is visible to clients. */
  replicas(service: string): LoadBalancerAnswer;
  add(service: string, payload: Uint8Array): Promise<LoadBalancerAnswer>;
  remove(service: string, payload: Uint8Array): Promise<LoadBalancerAnswer>;
  restart(instance: string): Promise<InstanceStatus>;
  why(instance: string): Promise<Explanation>;
  logs(instance: string, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
  /** The metrics of all gateways as one page of Prometheus text. */
  metrics(): Promise<string>;
  /** Events after `afterId`, oldest first; goes on with new ones when `follow`. */
  events(afterId: number, follow: boolean, signal: AbortSignal): AsyncIterable<ClusterEvent>;
  /** Ends everything. The agent exits after the iterable has ended. */
  down(): AsyncIterable<DownProgress>;
}
