/**
 * Which framing the client gets for the one that came from the member, and whether it gets the body
 * at all. The table stands in `response-body.ts`.
 */

import type { LocalAnswer } from "../../load-balancer/local-endpoint.ts";
import {
  bodyKind,
  keepDataOnly,
  keepFraming,
  methodCode,
  type ResponseHead,
  responseChunkLimits,
} from "../../parser/index.ts";
import { withHead } from "../bytes/head-writing.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { bodyRoute, type UpstreamConnection } from "../state/upstream-connection.ts";

/** In compatibility mode a replica's 404 becomes the answer of the source. */
export function replacementFor(
  core: CoreState,
  exchange: Exchange,
  head: ResponseHead,
): LocalAnswer | undefined {
  const { service, method } = exchange;
  if (head.status !== 404 || service?.view.compat === undefined) return undefined;
  if (method !== methodCode.get && method !== methodCode.head) return undefined;
  return core.options.localEndpoints?.notFound(service.view, pathOf(exchange.wire));
}

/** Between the first space and the query or the second space of a request line that we wrote. */
function pathOf(wire: Buffer): string {
  const start = wire.indexOf(0x20) + 1;
  const target = wire.toString("latin1", start, wire.indexOf(0x20, start));
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}

/** Decides the framing towards the client; returns the flags for its head. */
export function frame(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  head: ResponseHead,
): number {
  const isOld = exchange.minorVersion === 0;
  let flags = 0;
  if (head.body === bodyKind.untilClose) {
    if (isOld) exchange.closeDelimited = true;
    else {
      flags |= withHead.chunked;
      upstream.bodyRoute = bodyRoute.wrap;
    }
  } else if (head.chunked && isOld) {
    flags |= withHead.noFraming;
    exchange.closeDelimited = head.body === bodyKind.chunked;
  }
  if (head.body === bodyKind.chunked) resetScanner(upstream, isOld ? keepDataOnly : keepFraming);
  const closes = exchange.closeDelimited || !exchange.bodyComplete || core.draining;
  // To HTTP/1.0 only a declared length lets the connection live.
  const isOpenEnded = isOld && head.body !== bodyKind.none && head.body !== bodyKind.length;
  if (closes || isOpenEnded) exchange.keepAlive = false;
  if (!exchange.keepAlive) flags |= withHead.close;
  else if (isOld) flags |= withHead.keepAlive;
  return flags;
}

export function resetScanner(upstream: UpstreamConnection, keep: number): void {
  upstream.scannerOfItsOwn().reset(responseChunkLimits, keep);
}
