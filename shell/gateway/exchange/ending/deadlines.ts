/**
 * One coarse tick walks all connections: each holds one deadline and what it stands for. Nothing in
 * the hot path ever sets a timer; a deadline is two stores.
 */

import { refusal } from "../../refusals.ts";
import { refuse } from "../answers/own-answer.ts";
import { blockBytes } from "../bytes/slab.ts";
import {
  connectFailed,
  exchangeFailed,
  type Failure,
  lateResponse,
  lateTry,
} from "../dispatch/failures.ts";
import { moveOn } from "../dispatch/shared-line.ts";
import { lastWordMissed } from "../response/leader-answer.ts";
import {
  type ClientConnection,
  clientPhase,
  deadline,
  pauseFor,
} from "../state/client-connection.ts";
import type { ClosedLabel, CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import type { Link } from "../state/transport.ts";
import { upstreamPhase } from "../state/upstream-connection.ts";
import { waitsInLine } from "../upstream/pipeline.ts";
import { closeExpired } from "../upstream/upstream-pool.ts";
import { abandon, drop, stopWaiting } from "./conclusion.ts";
import { closeTunnel } from "./tunnel.ts";

const pressureShare = 0.9;
const relaxedShare = 0.85;
const unpinAfterMs = 1_000;

/** Returns the clients whose state has changed. */
export function expire(core: CoreState): readonly ClientConnection[] {
  const { nowMs, clients } = core;
  const changed: ClientConnection[] = [];
  let bufferedBytes = core.keptBytesTotal;
  // From the end: a connection that goes is replaced by the last one, which was seen already.
  for (let index = clients.length - 1; index >= 0; index--) {
    const client = clients[index];
    if (client === undefined) continue;
    bufferedBytes += buffered(client);
    unpin(core, client);
    if (client.phase === clientPhase.tunnel) drainTunnel(core, client);
    else if (core.draining) drainIdle(core, client);
    if (isDue(core, client, nowMs)) {
      changed.push(client);
      act(core, client);
    } else if (isMute(client.exchange, nowMs)) {
      changed.push(client);
      lastWordMissed(core, client.exchange);
    } else if (isTryLate(client.exchange, nowMs)) {
      changed.push(client);
      memberIsLate(core, client, lateTry);
    } else if (waitsInLine(client.exchange, nowMs - patienceMs(core, client.exchange))) {
      changed.push(client);
      moveOn(core, client.exchange);
    }
  }
  core.bufferedBytes = bufferedBytes;
  core.overloaded = bufferedBytes > core.limits.bufferedBytesMax;
  setReading(core);
  relievePressure(core);
  for (const [link, untilMs] of core.finishing) {
    if (nowMs < untilMs && link.writableLength > 0) continue;
    core.finishing.delete(link);
    link.destroy();
  }
  for (const service of core.services.values()) {
    for (const member of service.members) closeExpired(member, nowMs);
  }
  return changed;
}

export function expireConnects(core: CoreState): readonly ClientConnection[] {
  const changed: ClientConnection[] = [];
  for (const upstream of [...core.connecting]) {
    if (core.nowMs < upstream.connectUntilMs) continue;
    if (upstream.exchange !== undefined) changed.push(upstream.exchange.client);
    connectFailed(core, upstream);
  }
  return changed;
}

/** Everything that waits in our memory for this client, counted by what it pins. */
function buffered(client: ClientConnection): number {
  const { upstream } = client.exchange;
  const own = client.pending.length + client.headBytes.length + queued(client);
  if (upstream?.exchange !== client.exchange) return own;
  const held = upstream.held?.length ?? 0;
  return own + held + upstream.headBytes.length + queued(upstream);
}

/** Few bytes behind a peer that does not take them may pin the whole block that they lie in. */
function queued(connection: { readonly link: Link; readonly blocked: boolean }): number {
  const { writableLength } = connection.link;
  return connection.blocked ? Math.max(writableLength, blockBytes) : writableLength;
}

/**
 * A request that takes long must not pin the block in which its head was written beside those of
 * many others: after a while it gets a copy of its own.
 */
function unpin(core: CoreState, client: ClientConnection): void {
  const { exchange } = client;
  if (!exchange.active || core.nowMs - exchange.startedAtMs < unpinAfterMs) return;
  const { wire } = exchange;
  if (wire.buffer.byteLength <= 2 * wire.length) return;
  const copy = Buffer.allocUnsafeSlow(wire.length); // Not from the pool, which would pin as well.
  copy.set(wire);
  exchange.wire = copy;
}

/** With full buffers nobody may send more body; heads are refused (`overloaded`). */
function setReading(core: CoreState): void {
  for (const client of core.clients) {
    const sends = client.phase === clientPhase.exchange && !client.exchange.bodyComplete;
    if (core.overloaded && sends) client.pause(pauseFor.buffers);
    else if ((client.pauses & pauseFor.buffers) !== 0) client.resume(pauseFor.buffers);
  }
}

function isDue(core: CoreState, client: ClientConnection, nowMs: number): boolean {
  if (nowMs >= client.deadlineMs) return client.phase !== clientPhase.closed;
  return client.deadlineFor === deadline.body && isTrickle(core, client);
}

/** A body that always makes a little progress, but far too little. */
function isTrickle(core: CoreState, client: ClientConnection): boolean {
  const { bodyRateAfterMs, bodyBytesPerSecondMin } = core.limits;
  const elapsedMs = core.nowMs - client.exchange.startedAtMs;
  if (client.pauses !== 0 || elapsedMs < bodyRateAfterMs) return false;
  return client.exchange.bytesIn < (bodyBytesPerSecondMin * elapsedMs) / 1_000;
}

const silent: ReadonlyMap<number, ClosedLabel> = new Map([
  [deadline.firstByte, "first-byte"],
  [deadline.idle, "idle"],
]);

function act(core: CoreState, client: ClientConnection): void {
  switch (client.deadlineFor) {
    case deadline.firstByte:
    case deadline.idle:
      drop(core, client, silent.get(client.deadlineFor));
      return;
    case deadline.head:
      client.exchange.begin(client.headSinceMs);
      client.exchange.clientAddress = client.address;
      refuse(core, client, refusal["head-timeout"]);
      return;
    case deadline.body:
      refuse(core, client, refusal["body-timeout"]);
      return;
    case deadline.response:
    case deadline.stream:
      memberIsLate(core, client);
      return;
    case deadline.slowReader:
      abandon(core, client, "slow-reader");
      return;
    case deadline.linger:
      lingerIsOver(core, client);
      return;
    case deadline.tunnel:
      closeTunnel(core, client, "tunnel-idle");
      return;
    case deadline.tunnelDrain:
      closeTunnel(core, client, "tunnel-drain");
      return;
    case deadline.local:
      refuse(core, client, refusal.timeout);
      return;
  }
}

/** The leader that had it was overtaken, and does not say whether it began. */
function isMute({ active, lastWordUntilMs }: Exchange, nowMs: number): boolean {
  return active && lastWordUntilMs > 0 && nowMs >= lastWordUntilMs;
}

/** Only tries of whole requests count: what the client has not sent is no fault of the member. */
function isTryLate(exchange: Exchange, nowMs: number): boolean {
  const tryTimeoutMs = exchange.service?.rules.tryTimeoutMs ?? 0;
  if (tryTimeoutMs === 0 || !exchange.active || !exchange.sent || exchange.given) return false;
  const { upstream } = exchange;
  const isFirst = upstream?.exchange === exchange && upstream.phase === upstreamPhase.head;
  const isAwaited = isFirst && exchange.bodyComplete;
  return isAwaited && nowMs - exchange.sentAtMs >= tryTimeoutMs;
}

/** Behind others on a shared connection a request waits no longer than a try may take. */
function patienceMs({ limits }: CoreState, { service }: Exchange): number {
  return Math.min(
    limits.upstreamPipelineMs,
    service?.rules.tryTimeoutMs || limits.upstreamPipelineMs,
  );
}

function memberIsLate(
  core: CoreState,
  client: ClientConnection,
  failure: Failure = lateResponse,
): void {
  const { exchange } = client;
  const { upstream } = exchange;
  // Behind others it is late because of them: only its own place in their line is given up.
  const isFirst = upstream !== undefined && upstream.exchange === exchange;
  if (isFirst && upstream.phase !== upstreamPhase.connecting) {
    exchangeFailed(core, upstream, failure);
    return;
  }
  stopWaiting(exchange);
  refuse(core, client, refusal.timeout);
}

/** The rest of an answer may still be on its way to a slow client: that is not lingering. */
function lingerIsOver(core: CoreState, client: ClientConnection): void {
  if (client.link.writableLength > 0 && !client.slowLinger) {
    client.slowLinger = true;
    client.wait(core.nowMs + core.limits.slowReaderMs, deadline.linger);
    return;
  }
  drop(core, client, client.ended ? undefined : "linger");
}

/** A tunnel to a member that takes no more traffic ends in good time. */
function drainTunnel(core: CoreState, client: ClientConnection): void {
  if (client.deadlineFor === deadline.tunnelDrain) return;
  const member = client.exchange.member;
  if (!core.draining && member?.serving === true && member.current) return;
  client.wait(core.nowMs + core.limits.tunnelDrainMs, deadline.tunnelDrain);
}

function drainIdle(core: CoreState, client: ClientConnection): void {
  const isIdle = client.phase === clientPhase.head && client.headBytes.length === 0;
  if (!isIdle || core.nowMs < core.drainingSinceMs + core.limits.drainIdleMs) return;
  drop(core, client, "drain");
}

/** Many connections: those that are idle for the longest time go first. */
function relievePressure(core: CoreState): void {
  const { clientConnectionsMax } = core;
  if (core.clients.length < clientConnectionsMax * pressureShare) return;
  const idle = core.clients
    .filter((client) => client.phase === clientPhase.head && client.headBytes.length === 0)
    .sort((a, b) => a.idleSinceMs - b.idleSinceMs);
  const surplus = core.clients.length - Math.floor(clientConnectionsMax * relaxedShare);
  for (const client of idle.slice(0, surplus)) drop(core, client, "pressure");
}
