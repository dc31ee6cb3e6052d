/**
 * What all parts of the connection core share. Data only: the parts act on it, and none of them
 * knows a socket, a timer or a clock. `nowMs` is set once at the start of each event.
 */
import { mix32 } from "@prunella/core/kernel";
import type { Limits } from "../../limits.ts";
import type { LocalEndpoints } from "../../load-balancer/local-endpoint.ts";
import type { AccessEntry } from "../../observation/access-entry.ts";
import type { DataPathFact } from "../../observation/data-path-fact.ts";
import { Tally } from "../../observation/tally.ts";
import {
  createRequestLimits,
  RequestHead,
  type RequestLimits,
  ResponseHead,
} from "../../parser/index.ts";
import { type RefusalReason, refusals } from "../../refusals.ts";
import { RouteTable } from "../../routing/route.ts";
import type { Service } from "../../routing/service.ts";
import type { AddressSet } from "../../routing/trusted-proxies.ts";
import { HttpDate } from "../bytes/http-date.ts";
import { RequestIds } from "../bytes/request-ids.ts";
import { Slab } from "../bytes/slab.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { Connector, Link } from "./transport.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

export type CoreOptions = {
  readonly cluster: string;
  readonly limits: Limits;
  readonly connector: Connector;
  readonly trustedProxies: AddressSet;
  /** 32 random bits: name the process in request ids and begin the drawn routing numbers. */
  readonly processBits: number;
  readonly accessLog: ((entry: AccessEntry) => void) | undefined;
  readonly localEndpoints: LocalEndpoints | undefined;
  readonly report: ((fact: DataPathFact) => void) | undefined;
};

/** Why the gateway closed a client connection without an answer. */
const closedLabels = [
  "connections", // Over the limit of the process.
  "address", // Over the limit per address.
  "first-byte",
  "idle",
  "pressure", // Idle, and too many connections.
  "slow-reader",
  "linger", // The client did not close after the last answer.
  "drain",
  "tunnel-idle",
  "tunnel-drain",
  "leader", // A tunnel to a leader that was overtaken.
  "broken", // The answer could not be completed.
] as const;
export type ClosedLabel = (typeof closedLabels)[number];

const refusalReasons: readonly RefusalReason[] = refusals.map(({ reason }) => reason);
const reportEveryMs = 60_000;
const reportsMax = 1_024;

export class CoreState {
  readonly options: CoreOptions;
  readonly limits: Limits;
  readonly connector: Connector;
  nowMs = 0;

  readonly services = new Map<string, Service>();
  routes: RouteTable = new RouteTable([]);
  requestLimits: RequestLimits;
  trustedRequestLimits: RequestLimits;
  readonly localPaths: readonly Buffer[];

  readonly clients: ClientConnection[] = [];
  readonly clientsByAddress = new Map<string, number>();
  readonly connecting = new Set<UpstreamConnection>();
  /** Connections to members that only have to send what is left, and when they must be done. */
  readonly finishing = new Map<Link, number>();
  /** Connections that wait for `flush` with what they gathered. */
  readonly gathering: UpstreamConnection[] = [];
  /** `flushSoon` was called, and `flush` has not come yet. */
  flushIsAsked = false;
  /** Clients whose exchange was moved or ended by what happened to another one. */
  readonly unsettled: ClientConnection[] = [];
  /** Services in which a member has room again while requests wait. */
  readonly freed = new Set<Service>();

  // Reused by every message; what outlives a call is copied out.
  readonly requestHead = new RequestHead();
  readonly responseHead = new ResponseHead();
  readonly slab = new Slab();
  readonly ids: RequestIds;
  readonly date = new HttpDate();

  /** Runs something that comes from outside, like a late answer, as an event of the core. */
  enter: (client: ClientConnection, act: () => void) => void = (_client, act) => act();

  /** The limit, or what the system allows if that is less; the data path keeps it up to date. */
  clientConnectionsMax: number;
  draining = false;
  drainingSinceMs = 0;
  /** More than `bufferedBytesMax` are queued; renewed with each tick. */
  overloaded = false;
  bufferedBytes = 0;
  /** Request bodies kept for a retry, over all exchanges. */
  keptBytesTotal = 0;

  /** The piece from a client that is being taken has left for good: nobody holds a view of it. */
  pieceIsSpent = false;

  acceptedCount = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly rejected = new Tally<RefusalReason>(refusalReasons);
  readonly closed = new Tally<ClosedLabel>(closedLabels);
  #drawn: number;
  readonly #reportedAtMs = new Map<string, number>();

  constructor(options: CoreOptions) {
    this.options = options;
    this.limits = options.limits;
    this.clientConnectionsMax = options.limits.clientConnectionsMax;
    this.connector = options.connector;
    this.ids = new RequestIds(options.processBits);
    this.#drawn = options.processBits >>> 0;
    this.localPaths = (options.localEndpoints?.paths ?? []).map((path) => Buffer.from(path));
    this.requestLimits = createRequestLimits({ viaName: options.cluster });
    this.trustedRequestLimits = createRequestLimits({ viaName: options.cluster, trustPeer: true });
  }

  /** The next drawn number: 32 bits, evenly spread. */
  draw(): number {
    this.#drawn = (this.#drawn + 0x9e37_79b9) >>> 0;
    return mix32(this.#drawn);
  }

  report(fact: DataPathFact): void {
    const key = `${fact.type} ${fact.service} ${fact.member}`;
    const last = this.#reportedAtMs.get(key);
    if (last !== undefined && this.nowMs - last < reportEveryMs) return;
    if (this.#reportedAtMs.size >= reportsMax) this.#reportedAtMs.clear();
    this.#reportedAtMs.set(key, this.nowMs);
    this.options.report?.(fact);
  }
}
