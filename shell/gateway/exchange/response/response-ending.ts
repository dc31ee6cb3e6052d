/** Gives bytes to the client, and ends an exchange whose response is complete. */
import { blame } from "../../routing/rotation.ts";
import { conclude, detach, goOn } from "../ending/conclusion.ts";
import { clientPhase, deadline } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import type { UpstreamConnection } from "../state/upstream-connection.ts";
import { lineIsHome } from "../upstream/gathering.ts";
import { advance } from "../upstream/pipeline.ts";
import { discard, giveBack } from "../upstream/upstream-pool.ts";

/** When the client does not keep up, the member is paused: memory stays bounded by one piece. */
export function giveClient(core: CoreState, exchange: Exchange, bytes: Uint8Array): void {
  const { client, upstream } = exchange;
  exchange.bytesOut += bytes.length;
  if (exchange.vacant) return;
  core.bytesOut += bytes.length;
  if (client.link.write(bytes)) {
    if (exchange.given && client.phase === clientPhase.exchange && !client.blocked) {
      client.wait(core.nowMs + core.limits.responseBodyMs, deadline.stream);
    }
    return;
  }
  client.blocked = true;
  if (client.phase === clientPhase.exchange) {
    client.wait(core.nowMs + core.limits.slowReaderMs, deadline.slowReader);
  }
  if (upstream === undefined || upstream.paused) return;
  upstream.paused = true;
  upstream.link.pause();
}

/** The response is complete. @param surplus - The member sent bytes behind its end. */
export function finishResponse(
  core: CoreState,
  upstream: UpstreamConnection,
  surplus = false,
): void {
  const { exchange } = upstream;
  if (exchange === undefined) return;
  const wasEarly = !exchange.bodyComplete;
  detach(core, exchange);
  release(core, upstream, surplus, wasEarly);
  if (exchange.vacant) return;
  conclude(core, exchange);
  goOn(core, exchange.client);
}

/** After a whole answer: the connection turns to the next one in line, or is used again, or closed. */
export function release(
  core: CoreState,
  upstream: UpstreamConnection,
  surplus: boolean,
  wasEarly: boolean,
): void {
  if (wasEarly) discard(upstream, surplus ? "surplus" : "early");
  else if (upstream.line.length > 0) advance(upstream);
  else if (surplus) {
    blame(core, upstream.service, upstream.member, "framing");
    discard(upstream, "surplus");
  } else {
    giveBack(upstream, core.limits, core.nowMs);
    lineIsHome(core, upstream.member);
  }
}
