/**
 * After 101 both directions are plain bytes: half-closes pass, back-pressure passes, and the end of
 * either side is the end. A tunnel counts as in flight until then.
 */
import {
  type ClientConnection,
  clientPhase,
  deadline,
  pauseFor,
} from "../state/client-connection.ts";
import type { ClosedLabel, CoreState } from "../state/core-state.ts";
import { type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";
import { lasting } from "../upstream/read-buffer.ts";
import { discard, finish } from "../upstream/upstream-pool.ts";
import { conclude, detach, drop, linger } from "./conclusion.ts";

export function openTunnel(
  core: CoreState,
  client: ClientConnection,
  upstream: UpstreamConnection,
): void {
  client.phase = clientPhase.tunnel;
  upstream.phase = upstreamPhase.tunnel;
  upstream.keepAlive = false;
  client.wait(core.nowMs + core.limits.tunnelIdleMs, deadline.tunnel);
}

export function relayToUpstream(
  core: CoreState,
  client: ClientConnection,
  bytes: Uint8Array,
): void {
  const { exchange } = client;
  const { upstream } = exchange;
  if (upstream === undefined) return;
  touch(core, client);
  exchange.bytesIn += bytes.length;
  if (upstream.link.write(bytes)) return;
  upstream.blocked = true;
  client.pause(pauseFor.upstream);
}

export function relayToClient(
  core: CoreState,
  upstream: UpstreamConnection,
  bytes: Uint8Array,
): void {
  const { exchange } = upstream;
  if (exchange === undefined) return;
  const { client } = exchange;
  touch(core, client);
  exchange.bytesOut += bytes.length;
  core.bytesOut += bytes.length;
  const flows = client.link.write(lasting(upstream, bytes));
  if (client.link.writableLength > 0) upstream.lent = true;
  if (flows) return;
  client.blocked = true;
  upstream.paused = true;
  upstream.link.pause();
}

/** A tunnel that is being drained keeps its deadline, however busy it is. */
function touch(core: CoreState, client: ClientConnection): void {
  if (client.deadlineFor !== deadline.tunnel) return;
  client.deadlineMs = core.nowMs + core.limits.tunnelIdleMs;
}

/** FIN from the client goes on to the member; the other direction stays open. */
export function clientHalfClosed(core: CoreState, client: ClientConnection): void {
  const { upstream } = client.exchange;
  upstream?.link.end();
  if (upstream === undefined || upstream.ended) closeTunnel(core, client, undefined);
}

export function upstreamHalfClosed(core: CoreState, upstream: UpstreamConnection): void {
  const { exchange } = upstream;
  if (exchange === undefined) return;
  exchange.client.link.end();
  if (exchange.client.ended) closeTunnel(core, exchange.client, undefined);
}

/**
 * Both directions have ended, one side is gone, or its time is over. After two FINs what is still on
 * its way arrives; otherwise both connections are destroyed.
 */
export function closeTunnel(
  core: CoreState,
  client: ClientConnection,
  why: ClosedLabel | undefined,
): void {
  const { exchange } = client;
  const { upstream } = exchange;
  const isClean = why === undefined && client.ended && upstream?.ended === true;
  detach(core, exchange);
  if (upstream !== undefined) {
    if (isClean) finish(upstream, core.finishing, core.nowMs + core.limits.slowReaderMs);
    else discard(upstream, "tunnel");
  }
  exchange.reason = why;
  conclude(core, exchange);
  if (isClean) linger(core, client);
  else drop(core, client, why);
}
