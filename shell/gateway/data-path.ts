/**
 * The HTTP data path as one object: listeners in front, instances behind, a view that says which.
 * It decides nothing about health or scale; it obeys the view and reports what it saw.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError, type ServiceName } from "@prunella/core/kernel";
import { isNewer, type LeaderView, type View } from "@prunella/wire/view";
import { connectionsWithin, openFilesLimit } from "./descriptor-limit.ts";
import { ExchangeCore } from "./exchange/exchange-core.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { LocalEndpoints } from "./load-balancer/local-endpoint.ts";
import { createListener, monotonicMs, NetConnector } from "./net-transport.ts";
import type { AccessEntry } from "./observation/access-entry.ts";
import type { DataPathFact } from "./observation/data-path-fact.ts";
import type { DataPathSnapshot } from "./observation/snapshot.ts";
import { takeSnapshot } from "./observation/snapshot-taking.ts";
import { TrustedProxies } from "./routing/trusted-proxies.ts";
import { TcpFront } from "./tcp/tcp-front.ts";

export type DataPathOptions = {
  /** Names the gateway in `Via`. */
  readonly cluster: string;
  readonly limits?: Partial<Limits>;
  /** Addresses and networks (`10.0.0.0/8`) whose forwarding fields and request ids are believed. */
  readonly trustedProxies?: readonly string[];
  /** Called at the end of each exchange; must not throw and should not block. */
  readonly accessLog?: (entry: AccessEntry) => void;
  readonly localEndpoints?: LocalEndpoints;
  /** Other processes listen on the ports of TCP services as well (`reusePort`). */
  readonly sharesPorts?: boolean;
  readonly report?: (fact: DataPathFact) => void;
};

export type ListenOptions = {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly reusePort?: boolean;
};

export type ListenAddress = { readonly host: string; readonly port: number };

export type AppliedView = {
  /** False when the data path already has this view or a newer one. */
  readonly applied: boolean;
  /** Services whose placement was built anew; a restart of an instance rebuilds none. */
  readonly rebuilt: readonly ServiceName[];
};

const tickMs = 250;
const fineTickMs = 25;
const drainMsMax = 30_000;
/** How often `drain` looks whether the last exchange has ended. */
const drainPollMs = 20;

export class DataPath {
  readonly #core: ExchangeCore;
  readonly #tcp: TcpFront;
  readonly #servers = new Set<Server>();
  readonly #ticking: NodeJS.Timeout;
  #fineTicking: NodeJS.Timeout | undefined = undefined;
  #view: View | undefined = undefined;
  #appliedAtMs = 0;
  #closed = false;
  /** Soft limit of the process when it began; undefined where the system does not say. */
  readonly openFilesMax = openFilesLimit();

  constructor(options: DataPathOptions) {
    const limits = { ...defaultLimits, ...options.limits };
    const connector = new NetConnector(() => this.#ensureFineTick());
    this.#core = new ExchangeCore({
      cluster: options.cluster,
      limits,
      connector,
      trustedProxies: new TrustedProxies(options.trustedProxies ?? []),
      processBits: randomBytes(4).readUInt32BE(),
      accessLog: options.accessLog,
      localEndpoints: options.localEndpoints,
      report: options.report,
    });
    this.#tcp = new TcpFront(this.#core.state, options.sharesPorts ?? false, monotonicMs);
    connector.attach(this.#core);
    this.#boundClients(Number.POSITIVE_INFINITY);
    this.#core.tick(monotonicMs(), Date.now());
    this.#ticking = setInterval(() => this.#tick(), tickMs);
    this.#ticking.unref(); // Listeners keep a gateway alive; its timer alone must not.
  }

  /** Never closes a client connection; exchanges under way keep their member. */
  applyView(view: View): AppliedView {
    if (!isNewer(view, this.#view)) return { applied: false, rebuilt: [] };
    const nowMs = monotonicMs();
    this.#view = view;
    this.#appliedAtMs = nowMs;
    const rebuilt = this.#core.applyView(view, nowMs);
    this.#tcp.apply(view);
    this.#boundClients(upstreamsMax(view, this.#core.state.limits));
    if (this.#core.needsFineTick) this.#ensureFineTick();
    return { applied: true, rebuilt };
  }

  /** The bound in force: the one asked for, or what the open files allow if that is less. */
  get clientConnectionsMax(): number {
    return this.#core.state.clientConnectionsMax;
  }

  /** Of each elected service: the leader of the highest term that was seen. */
  knownLeaders(): ReadonlyMap<ServiceName, LeaderView> {
    const leaders = new Map<ServiceName, LeaderView>();
    for (const { name, leaderRoute } of this.#core.state.services.values()) {
      if (leaderRoute?.known !== undefined) leaders.set(name, leaderRoute.known);
    }
    return leaders;
  }

  /** Resolves when each port of a TCP service is open, or could not be had (`snapshot().tcpPorts`). */
  async tcpSettled(): Promise<void> {
    await this.#tcp.settled();
  }

  /**
   * May be called more than once: each call is one more listener.
   *
   * @throws ClusterError `PORT_TAKEN` when another program listens there.
   */
  async listen(options: ListenOptions): Promise<ListenAddress> {
    const server = createListener(this.#core);
    const { host, port, reusePort = false } = options;
    server.listen({ host, port, reusePort, backlog: listenBacklog });
    try {
      await once(server, "listening");
    } catch (error) {
      throw translated(error, options);
    }
    server.on("error", () => undefined); // Running out of descriptors must not end the process.
    this.#servers.add(server);
    const bound = server.address();
    if (bound === null || typeof bound === "string") return { host, port };
    return { host: bound.address, port: bound.port };
  }

  /**
   * Stops accepting, says `Connection: close` on every answer, closes idle connections and resolves
   * when the last connection has ended or the deadline is over, whichever comes first.
   */
  async drain(deadlineMs: number = drainMsMax): Promise<void> {
    const untilMs = monotonicMs() + deadlineMs;
    this.#core.beginDraining(monotonicMs());
    for (const server of this.#servers) server.close();
    this.#tcp.drain();
    const isBusy = () => this.#core.state.clients.length > 0 || this.#tcp.size > 0;
    while (isBusy() && monotonicMs() < untilMs) {
      await sleep(drainPollMs);
      this.#tick();
    }
  }

  /** Ends everything at once. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticking);
    if (this.#fineTicking !== undefined) clearTimeout(this.#fineTicking);
    const ended = [...this.#servers].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    this.#core.beginDraining(monotonicMs());
    this.#core.closeAll();
    this.#tcp.close();
    await Promise.all(ended);
  }

  snapshot(): DataPathSnapshot {
    const nowMs = monotonicMs();
    const view = this.#view;
    return takeSnapshot(
      this.#core.state,
      {
        agentTerm: view?.agentTerm ?? 0,
        version: view?.version ?? 0,
        ageMs: view === undefined ? undefined : nowMs - this.#appliedAtMs,
      },
      this.#tcp.doors,
      nowMs,
    );
  }

  #boundClients(upstreams: number): void {
    const { state } = this.#core;
    state.clientConnectionsMax = Math.min(
      state.limits.clientConnectionsMax,
      connectionsWithin(this.openFilesMax, upstreams),
    );
  }

  #tick(): void {
    this.#core.tick(monotonicMs(), Date.now());
    this.#tcp.tick();
    if (this.#core.needsFineTick) this.#ensureFineTick();
  }

  /** Connects and waiting requests need a finer clock, and most of the time there are none. */
  #ensureFineTick(): void {
    if (this.#closed || this.#fineTicking !== undefined) return;
    this.#fineTicking = setTimeout(() => {
      this.#fineTicking = undefined;
      this.#core.fineTick(monotonicMs());
      if (this.#core.needsFineTick) this.#ensureFineTick();
    }, fineTickMs);
    this.#fineTicking.unref();
  }
}

/** Connections that the system keeps while the process is busy; it caps the number itself. */
const listenBacklog = 4_096;

/** How many connections to members there can be. Nobody bounds those of TCP services. */
function upstreamsMax({ services }: View, limits: Limits): number {
  if (services.some(({ tcp }) => tcp !== undefined)) return Number.POSITIVE_INFINITY;
  const members = services.reduce((sum, service) => sum + service.members.length, 0);
  return members * limits.upstreamConnectionsMax;
}

function translated(error: unknown, { host, port }: ListenOptions): unknown {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "EADDRINUSE") return error;
  return new ClusterError("PORT_TAKEN", {
    message: `Port ${port} on ${host} is taken by another program. Stop it, or set another gateway port.`,
    details: { host, port },
    cause: error,
  });
}
