/**
 * What can be read from the data path at scrape time. Everything is a plain copy: the hot path
 * counts in typed arrays and never knows who reads them.
 */
import type { MemberId, ServiceName } from "@prunella/core/kernel";
import type { MemberState } from "@prunella/wire/view";

/** Counts by label; every label of a set is present, also with 0. */
export type Counts = Readonly<Record<string, number>>;

/** Bucket i counts durations up to `boundsS[i]` seconds; the last bucket has no bound. */
export type DurationHistogram = {
  readonly boundsS: readonly number[];
  /** One longer than `boundsS`; not cumulative. */
  readonly counts: readonly number[];
  readonly sumS: number;
  readonly count: number;
};

export type MemberSnapshot = {
  readonly id: MemberId;
  readonly incarnation: number;
  readonly address: string;
  readonly state: MemberState;
  /** Exchanges and tunnels. At 0 a draining member is drained. */
  readonly inFlight: number;
  readonly idleConnections: number;
  readonly busyConnections: number;
  /** Out of rotation by the gateway's own judgement, and why; undefined when it is in. */
  readonly ejected: "refused" | "faults" | undefined;
  /** How often it was put out, by reason. */
  readonly ejections: Counts;
  readonly requests: number;
  readonly faults: Counts;
};

export type ServiceSnapshot = {
  readonly name: ServiceName;
  readonly members: readonly MemberSnapshot[];
  /** By class of the status given to the client: `1xx` to `5xx`, and `none` if it got none. */
  readonly requests: Counts;
  readonly duration: DurationHistogram;
  readonly upstreamDuration: DurationHistogram;
  /** By outcome: `free`, `spent`, `exhausted`, `unsafe`, `term`. */
  readonly retries: Counts;
  readonly retryTokens: number;
  /** Requests that another member than the home got, by reason. */
  readonly diverted: Counts;
  readonly failOpen: number;
  /** Requests sent behind another one on the same connection. */
  readonly pipelined: number;
  /** Requests that wait for a member now. */
  readonly held: number;
  /** Why requests that waited were given up: `late`, `full`, `gone`. */
  readonly heldRefused: Counts;
  /** Upstream connections thrown away, by reason. */
  readonly discarded: Counts;
  /** TCP connections by what became of them: `relayed`, `no-member`, `connect-failed`, ... */
  readonly tcpConnections: Counts;
  readonly tcpBytes: Counts;
  /** Elected services only: the highest term that this gateway has seen; 0 before the first leader. */
  readonly leaderTerm: number | undefined;
  /** Elected services only, and only while a leader is known: who gets the requests. */
  readonly leader: MemberId | undefined;
  /** Answers given under a term that was no longer the highest. No client has seen them. */
  readonly staleAnswersDropped: number;
  readonly clientAborts: number;
  readonly brokenResponses: number;
  /** Share of the table that the last new placement moved, 0 to 1. */
  readonly ringMovedRatio: number;
};

export type TcpPortSnapshot = {
  readonly host: string;
  readonly port: number;
  readonly service: ServiceName;
  readonly open: boolean;
  readonly problem: string | undefined;
};

export type DataPathSnapshot = {
  readonly agentTerm: number;
  readonly viewVersion: number;
  /** Undefined before the first view. */
  readonly viewAgeMs: number | undefined;
  readonly draining: boolean;
  readonly services: readonly ServiceSnapshot[];
  /** Requests that got an answer of the gateway itself, by reason (`GATEWAY_<REASON>`). */
  readonly rejected: Counts;
  /** `active` has a request, `idle` none, `tunnel` was upgraded. */
  readonly clientConnections: Counts;
  readonly clientConnectionsAccepted: number;
  /** Silent ends of client connections by the gateway: `idle`, `slow-reader`, `connections`, ... */
  readonly clientConnectionsClosed: Counts;
  /** Ports of TCP services. `problem` says why one is not open; it is tried again each second. */
  readonly tcpPorts: readonly TcpPortSnapshot[];
  readonly bufferedBytes: number;
  readonly bytes: { readonly clientIn: number; readonly clientOut: number };
};
