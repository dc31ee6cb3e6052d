/** What is counted per service. Labels are bounded and all present from the start. */
import { DurationCounter } from "./duration-counter.ts";
import { Tally } from "./tally.ts";

const divertedLabels = [
  "state",
  "refused",
  "faults",
  "full",
  "slow-start",
  "load",
  "retried",
] as const;
/** Why a request did not go to its home member. */
export type DivertedLabel = (typeof divertedLabels)[number];

const retryLabels = ["free", "spent", "exhausted", "unsafe", "term"] as const;
export type RetryLabel = (typeof retryLabels)[number];

const discardedLabels = [
  "aborted", // The client went away.
  "broken", // It ended in the middle of a response.
  "closed", // One side asked for the end of the connection.
  "connect", // It never came to be.
  "early", // It answered before the request was complete.
  "gone", // Its member takes no more traffic.
  "idle", // Unused for too long, or too many.
  "leader", // Its member was overtaken by a leader of a higher term.
  "late", // No response head in time.
  "malformed", // Not HTTP, or not strictly.
  "peer", // Closed by the member while idle.
  "refused", // The request was refused in its middle.
  "surplus", // Bytes behind the end of a response.
  "tunnel", // It was upgraded and is over.
  "unsolicited", // Bytes without a request.
] as const;
/** Why a connection to a member was not used again. */
export type DiscardedLabel = (typeof discardedLabels)[number];

const heldLabels = ["late", "full", "gone"] as const;

const tcpLabels = [
  "relayed",
  "no-member",
  "connect-failed",
  "too-many",
  "no-frame", // The first frame did not come, or not in time.
  "bad-frame",
  "unknown-member", // The first frame names nobody.
] as const;
export type TcpLabel = (typeof tcpLabels)[number];

export class ServiceCounters {
  /** By class of the status that the client got; index 0 is none. */
  readonly classes = new Float64Array(6);
  readonly duration = new DurationCounter();
  readonly upstreamDuration = new DurationCounter();
  readonly diverted = new Tally<DivertedLabel>(divertedLabels);
  readonly retries = new Tally<RetryLabel>(retryLabels);
  readonly discarded = new Tally<DiscardedLabel>(discardedLabels);
  readonly heldRefused = new Tally<(typeof heldLabels)[number]>(heldLabels);
  /** TCP connections, by what became of them. */
  readonly tcp = new Tally<TcpLabel>(tcpLabels);
  tcpBytesIn = 0;
  tcpBytesOut = 0;
  failOpen = 0;
  /** Requests that were sent behind another one on the same connection. */
  pipelined = 0;
  clientAborts = 0;
  brokenResponses = 0;
  /** Answers of leaders that were overtaken. */
  staleAnswersDropped = 0;
  ringMovedRatio = 0;
}
