/**
 * Bytes from a client: cut into heads and bodies, checked, and handed on.
 *
 *   G5  The outcome does not depend on how the input was cut into packets.
 *   G6  Work per received byte is bounded by a constant; so is memory per connection.
 *
 * Requests of one connection are served strictly one after another. What comes behind the current one
 * waits in `pending` (64 KiB, then the client is paused), so answers cannot be reordered.
 */

import { parseRequestHead, type RequestHead, resumeRequestHead } from "../../parser/index.ts";
import { accepted, more } from "../../refusals.ts";
import { refuse } from "../answers/own-answer.ts";
import { abandon, drop, linger } from "../ending/conclusion.ts";
import { relayToUpstream } from "../ending/tunnel.ts";
import {
  type ClientConnection,
  clientPhase,
  deadline,
  pauseFor,
} from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import { begin } from "./request-beginning.ts";
import { takeBody } from "./request-body.ts";

/** A new piece from the client. */
export function takeBytes(core: CoreState, client: ClientConnection, bytes: Uint8Array): void {
  core.bytesIn += bytes.length;
  const { pending } = client;
  if (pending.length > 0) {
    pending.push(bytes, 0, bytes.length);
    takePending(core, client);
  } else {
    const at = consume(core, client, bytes, 0, bytes.length);
    if (client.phase !== clientPhase.closed) pending.push(bytes, at, bytes.length);
  }
  if (pending.length >= core.limits.pendingBytesMax) client.pause(pauseFor.pending);
}

/** Called after each event that may have let the connection go on to its next request. */
export function takePending(core: CoreState, client: ClientConnection): void {
  const { pending } = client;
  while (pending.length > 0) {
    const { bytes, start, end } = pending;
    const at = consume(core, client, bytes, start, end);
    if (client.phase === clientPhase.closed || at === start) break;
    pending.advance(at);
  }
  if (pending.length < core.limits.pendingBytesMax) client.resume(pauseFor.pending);
  if (client.ended && client.phase === clientPhase.head && pending.length === 0) {
    endOfInput(core, client);
  }
}

/** The client sent FIN: a whole request still gets its answer, a torn one gets nothing. */
export function endOfInput(core: CoreState, client: ClientConnection): void {
  client.ended = true;
  switch (client.phase) {
    case clientPhase.head:
      if (client.pending.length > 0) return; // Its answers are being made; we come back.
      if (client.headBytes.length > 0) drop(core, client, undefined);
      else linger(core, client);
      return;
    case clientPhase.exchange:
    case clientPhase.local:
      if (!client.exchange.bodyComplete && !client.exchange.bodyDiscarded) {
        abandon(core, client, undefined);
      }
      return;
    default:
      return;
  }
}

/** Takes as much as the phase of the connection allows; returns the first byte that was not taken. */
function consume(
  core: CoreState,
  client: ClientConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let at = start;
  while (at < end) {
    switch (client.phase) {
      case clientPhase.head:
        // A client that does not read its answers gets no new ones.
        if (client.blocked) return at;
        at = takeHead(core, client, bytes, at, end);
        break;
      case clientPhase.exchange:
      case clientPhase.local:
        if (client.exchange.bodyComplete) return at;
        at = takeBody(core, client, bytes, at, end);
        break;
      case clientPhase.tunnel:
        relayToUpstream(core, client, bytes.subarray(at, end));
        return end;
      case clientPhase.linger:
        takeLingering(core, client, end - at);
        return end;
      default:
        return end;
    }
  }
  return at;
}

function takeHead(
  core: CoreState,
  client: ClientConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { headBytes } = client;
  if (headBytes.length > 0) return takeMoreOfHead(core, client, bytes, start, end);
  client.headSinceMs = core.nowMs;
  const head = core.requestHead;
  const result = parseRequestHead(bytes, start, end, client.limits, head);
  if (result === accepted) return begin(core, client, bytes, head, bytes, head.end, end);
  if (result !== more) return refuseHead(core, client, head, result, end);
  headBytes.push(bytes, start, end);
  const own = client.headOfItsOwn();
  parseRequestHead(headBytes.bytes, 0, headBytes.end, client.limits, own);
  client.wait(core.nowMs + core.limits.headMs, deadline.head);
  return end;
}

function takeMoreOfHead(
  core: CoreState,
  client: ClientConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { headBytes } = client;
  const head = client.headOfItsOwn();
  headBytes.push(bytes, start, end);
  const result = resumeRequestHead(headBytes.bytes, headBytes.end, client.limits, head);
  if (result === more) return end;
  if (result !== accepted) return refuseHead(core, client, head, result, end);
  const surplus = headBytes.end - head.end;
  const own = headBytes.bytes;
  headBytes.clear();
  return begin(core, client, own, head, bytes, end - surplus, end);
}

function refuseHead(
  core: CoreState,
  client: ClientConnection,
  head: RequestHead,
  code: number,
  end: number,
): number {
  const { exchange } = client;
  exchange.begin(client.headSinceMs);
  exchange.method = head.method;
  exchange.clientAddress = client.address;
  refuse(core, client, code);
  return end; // Nothing behind a refused message is interpreted.
}

function takeLingering(core: CoreState, client: ClientConnection, size: number): void {
  client.lingerBytes += size;
  if (client.lingerBytes > core.limits.lingerBytes) drop(core, client, "linger");
}
