/**
 * The connection core: everything between the bytes of a client and the bytes of a member, without a
 * socket, a timer or a clock. A transport calls the methods below; what has to happen goes back
 * through the links. Each method is one event and runs to its end.
 *
 * The parts behind it take many plain parameters instead of objects: an object made for a call would
 * be garbage for each request, and offsets into the received bytes are what keeps them uncopied.
 *
 *   G16  A draining member gets no new exchange; none of its exchanges is cut before the deadline.
 *   G19  Every wait, queue and buffer has a limit, and reaching it is counted.
 */
import type { ServiceName } from "@prunella/core/kernel";
import type { View } from "@prunella/wire/view";
import { plainAddress } from "../routing/trusted-proxies.ts";
import { succeed } from "../view/succession.ts";
import { applyServices } from "../view/view-application.ts";
import { forwardedBlock } from "./bytes/head-writing.ts";
import { resumeWaiting, send } from "./dispatch/dispatch.ts";
import { closedBeforeResponse, connectFailed, exchangeFailed } from "./dispatch/failures.ts";
import { flush, scatter } from "./dispatch/shared-line.ts";
import { abandon, drop, linger } from "./ending/conclusion.ts";
import { expire, expireConnects } from "./ending/deadlines.ts";
import { clientHalfClosed, closeTunnel, upstreamHalfClosed } from "./ending/tunnel.ts";
import { endOfInput, takeBytes, takePending } from "./request/request-intake.ts";
import {
  clientTakesBytes,
  takeUpstreamBytes,
  upstreamFinished,
  upstreamTakesBytes,
} from "./response/response-relay.ts";
import { ClientConnection, clientPhase, deadline } from "./state/client-connection.ts";
import { type CoreOptions, CoreState } from "./state/core-state.ts";
import type { Link } from "./state/transport.ts";
import { type UpstreamConnection, upstreamPhase } from "./state/upstream-connection.ts";
import { closeIdle, discard } from "./upstream/upstream-pool.ts";

export class ExchangeCore {
  readonly state: CoreState;

  constructor(options: CoreOptions) {
    this.state = new CoreState(options);
    this.state.enter = (client, act) => {
      act();
      this.#settle(client);
    };
  }

  /** A new client connection; undefined when there are too many, and the link is to be closed. */
  accept(link: Link, address: string, nowMs: number): ClientConnection | undefined {
    const { state } = this;
    const { limits, options } = state;
    state.nowMs = nowMs;
    const peer = plainAddress(address);
    const isTrusted = options.trustedProxies.has(peer);
    const siblings = (state.clientsByAddress.get(peer) ?? 0) + 1;
    const isExempt = isTrusted || peer === "::1" || peer.startsWith("127.");
    state.acceptedCount += 1;
    if (state.clients.length >= state.clientConnectionsMax || state.draining) {
      state.closed.add(state.draining ? "drain" : "connections");
      return undefined;
    }
    if (!isExempt && siblings > limits.clientConnectionsPerAddressMax) {
      state.closed.add("address");
      return undefined;
    }
    const requestLimits = isTrusted ? state.trustedRequestLimits : state.requestLimits;
    const forwarded = forwardedBlock(options.cluster, peer, isTrusted);
    const client = new ClientConnection(peer, isTrusted, forwarded, requestLimits, nowMs);
    client.link = link;
    client.index = state.clients.length;
    client.wait(nowMs + limits.firstByteMs, deadline.firstByte);
    state.clients.push(client);
    state.clientsByAddress.set(peer, siblings);
    return client;
  }

  /** Returns true when nobody holds a view of `bytes`, so that their memory may be given up now. */
  clientBytes(client: ClientConnection, bytes: Uint8Array, nowMs: number): boolean {
    if (client.phase === clientPhase.closed) return false;
    this.state.nowMs = nowMs;
    this.state.pieceIsSpent = false;
    client.limits = client.isTrusted ? this.state.trustedRequestLimits : this.state.requestLimits;
    takeBytes(this.state, client, bytes);
    const isSpent = this.state.pieceIsSpent;
    this.#settle(client);
    return isSpent;
  }

  /** FIN. */
  clientEnded(client: ClientConnection, nowMs: number): void {
    this.state.nowMs = nowMs;
    if (client.phase === clientPhase.closed) return;
    client.ended = true;
    if (client.phase === clientPhase.tunnel) clientHalfClosed(this.state, client);
    else endOfInput(this.state, client);
    this.#settle(client);
  }

  /** The connection is no more. */
  clientClosed(client: ClientConnection, nowMs: number): void {
    this.state.nowMs = nowMs;
    if (client.phase === clientPhase.closed) return;
    if (client.phase === clientPhase.tunnel) closeTunnel(this.state, client, undefined);
    else abandon(this.state, client, undefined);
    this.#settle(client);
  }

  clientDrained(client: ClientConnection, nowMs: number): void {
    this.state.nowMs = nowMs;
    clientTakesBytes(this.state, client.exchange);
    this.#settle(client);
  }

  upstreamOpen(upstream: UpstreamConnection, nowMs: number): void {
    const { state } = this;
    state.nowMs = nowMs;
    state.connecting.delete(upstream);
    if (upstream.phase !== upstreamPhase.connecting) return;
    upstream.member.connected();
    if (upstream.exchange === undefined) discard(upstream, "aborted");
    else send(state, upstream.exchange, upstream);
    this.#release();
  }

  upstreamBytes(upstream: UpstreamConnection, bytes: Uint8Array, nowMs: number): void {
    this.state.nowMs = nowMs;
    let at = 0;
    do {
      const client = upstream.exchange?.client;
      at = takeUpstreamBytes(this.state, upstream, bytes, at);
      this.#settle(client);
    } while (at < bytes.length);
  }

  /** Everything that could be read in this turn was read: what was gathered goes out. */
  flush(nowMs: number): void {
    this.state.nowMs = nowMs;
    flush(this.state);
    this.#release();
  }

  /** FIN. */
  upstreamEnded(upstream: UpstreamConnection, nowMs: number): void {
    this.state.nowMs = nowMs;
    const client = upstream.exchange?.client;
    upstream.ended = true;
    if (upstream.phase === upstreamPhase.tunnel) upstreamHalfClosed(this.state, upstream);
    else upstreamFinished(this.state, upstream);
    this.#settle(client);
  }

  /** The connection is no more, or never came to be. */
  upstreamClosed(upstream: UpstreamConnection, nowMs: number): void {
    const { state } = this;
    state.nowMs = nowMs;
    const client = upstream.exchange?.client;
    switch (upstream.phase) {
      case upstreamPhase.closed:
        return;
      case upstreamPhase.connecting:
        connectFailed(state, upstream);
        break;
      case upstreamPhase.idle:
        discard(upstream, "peer");
        break;
      case upstreamPhase.gathering:
        scatter(state, upstream, "peer");
        break;
      case upstreamPhase.tunnel:
        if (client !== undefined) closeTunnel(state, client, undefined);
        break;
      default:
        exchangeFailed(state, upstream, closedBeforeResponse);
    }
    this.#settle(client);
  }

  upstreamDrained(upstream: UpstreamConnection, nowMs: number): void {
    this.state.nowMs = nowMs;
    const client = upstream.exchange?.client;
    upstreamTakesBytes(this.state, upstream);
    this.#settle(client);
  }

  /** Never closes a client connection. Returns the services whose placement was built anew. */
  applyView(view: View, nowMs: number): readonly ServiceName[] {
    this.state.nowMs = nowMs;
    const rebuilt = applyServices(this.state, view);
    for (const service of this.state.services.values()) this.#resume(service.name);
    this.#release();
    return rebuilt;
  }

  /** Four times a second: deadlines, idle connections, the sum of what is buffered, the date. */
  tick(nowMs: number, wallMs: number): void {
    this.state.nowMs = nowMs;
    this.state.date.refresh(wallMs);
    for (const client of expire(this.state)) this.#settle(client);
    this.fineTick(nowMs);
  }

  /** More often, but only while `needsFineTick`: connects and waiting requests. */
  fineTick(nowMs: number): void {
    this.state.nowMs = nowMs;
    for (const client of expireConnects(this.state)) this.#settle(client);
    for (const service of this.state.services.values()) this.#resume(service.name);
  }

  get needsFineTick(): boolean {
    if (this.state.connecting.size > 0) return true;
    for (const service of this.state.services.values()) {
      if (service.waiting.length > 0) return true;
      if ((service.leaderRoute?.lastWordUntilMs ?? 0) > 0) return true;
    }
    return false;
  }

  /** From now on every answer is the last one of its connection. */
  beginDraining(nowMs: number): void {
    this.state.nowMs = nowMs;
    this.state.draining = true;
    this.state.drainingSinceMs = nowMs;
  }

  /** Ends everything. */
  closeAll(): void {
    const { state } = this;
    for (const client of [...state.clients]) {
      if (client.phase === clientPhase.tunnel) closeTunnel(state, client, "drain");
      else abandon(state, client, "drain");
    }
    for (const service of state.services.values()) {
      for (const member of service.members) closeIdle(member);
    }
    flush(state); // Closes those that had gathered for clients that are gone now.
    for (const link of state.finishing.keys()) link.destroy();
    state.finishing.clear();
  }

  #resume(name: ServiceName): void {
    const service = this.state.services.get(name);
    if (service === undefined) return;
    succeed(this.state, service);
    if (service.waiting.length === 0) return;
    const clients = service.waiting.map((exchange) => exchange.client);
    resumeWaiting(this.state, service);
    for (const client of clients) this.#settle(client);
  }

  /** What became possible by the event: the client's next request, and others that waited. */
  #settle(client: ClientConnection | undefined): void {
    if (client !== undefined) this.#goOn(client);
    this.#release();
  }

  #goOn(client: ClientConnection): void {
    if (client.phase !== clientPhase.closed && client.pending.length > 0) {
      takePending(this.state, client);
    } else if (client.ended && client.phase === clientPhase.head) {
      if (client.headBytes.length > 0) drop(this.state, client, undefined);
      else linger(this.state, client);
    }
  }

  #release(): void {
    const { freed, unsettled } = this.state;
    for (let client = unsettled.pop(); client !== undefined; client = unsettled.pop()) {
      this.#goOn(client);
    }
    if (freed.size === 0) return;
    for (const service of [...freed]) {
      succeed(this.state, service);
      resumeWaiting(this.state, service);
    }
  }
}
