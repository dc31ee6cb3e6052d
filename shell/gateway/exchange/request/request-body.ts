/**
 * The body of a request: checked by length or chunk, sent on, and kept for a retry while it is small.
 *
 *   G2  The member sees exactly the bytes that were accepted, next to framing that describes them.
 */

import { accepted, more } from "../../refusals.ts";
import { collectLocally, finishLocally } from "../answers/local-exchange.ts";
import { refuse } from "../answers/own-answer.ts";
import { keptOf } from "../bytes/dropped-bytes.ts";
import { giveUpRepeating } from "../dispatch/dispatch.ts";
import {
  type ClientConnection,
  clientPhase,
  deadline,
  pauseFor,
} from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import { type Exchange, requestBody } from "../state/exchange.ts";
import type { Link } from "../state/transport.ts";

/** More of the body of the current request; returns where it ended or the piece did. */
export function takeBody(
  core: CoreState,
  client: ClientConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { exchange } = client;
  if (exchange.bodyDiscarded) {
    takeDiscarded(core, client, end - start);
    return end;
  }
  let at: number;
  if (exchange.bodyKind === requestBody.length) {
    at = Math.min(end, start + exchange.bodyLeft);
    exchange.bodyLeft -= at - start;
    exchange.bodyComplete = exchange.bodyLeft === 0;
    takeBodyBytes(core, client, bytes.subarray(start, at));
  } else {
    const scanner = client.scannerOfItsOwn();
    const result = scanner.scan(bytes, start, end);
    at = scanner.at;
    if (result !== accepted && result !== more) {
      refuse(core, client, result);
      return end;
    }
    exchange.bodyComplete = result === accepted;
    takeBodyBytes(core, client, keptOf(scanner, bytes, start));
  }
  exchange.bytesIn += at - start;
  progress(core, client);
  return at;
}

/** A deadline for the client while it owes bytes, for the member as soon as everything was sent. */
export function progress(core: CoreState, client: ClientConnection): void {
  const { exchange } = client;
  if (client.phase === clientPhase.local) {
    if (exchange.bodyComplete) finishLocally(core, exchange);
    else client.wait(core.nowMs + core.limits.bodyMs, deadline.body);
    return;
  }
  if (client.phase !== clientPhase.exchange) return;
  if (exchange.bodyComplete || client.pauses !== 0) {
    const timeoutMs = exchange.service?.view.timeoutMs ?? core.limits.bodyMs;
    client.wait(core.nowMs + timeoutMs, deadline.response);
  } else {
    client.wait(core.nowMs + core.limits.bodyMs, deadline.body);
  }
}

function takeBodyBytes(core: CoreState, client: ClientConnection, piece: Uint8Array): void {
  if (piece.length === 0) return;
  const { exchange } = client;
  if (client.phase === clientPhase.local) collectLocally(core, exchange, piece);
  else forward(core, exchange, piece);
}

/** Sends a piece of the body, keeps it for a retry, or both. */
function forward(core: CoreState, exchange: Exchange, piece: Uint8Array): void {
  const { upstream, client } = exchange;
  if (exchange.sent && upstream !== undefined && !upstream.link.write(piece)) {
    upstream.blocked = true;
    client.pause(pauseFor.upstream);
  }
  if (!exchange.whole) {
    if (exchange.sent && upstream !== undefined) core.pieceIsSpent = hasLeft(upstream.link, piece);
    return;
  }
  const { keptBytesMax, keptBytesTotalMax } = core.limits;
  const keptBytes = exchange.keptBytes + piece.length;
  const tooMuch =
    keptBytes > keptBytesMax || core.keptBytesTotal + piece.length > keptBytesTotalMax;
  if (exchange.sent && tooMuch) {
    giveUpRepeating(core, exchange);
    return;
  }
  exchange.kept.push(compact(piece));
  exchange.keptBytes = keptBytes;
  core.keptBytesTotal += piece.length;
  if (tooMuch) client.pause(pauseFor.kept); // Nobody has it yet, so it cannot be let go.
}

/** The system has all of it, and there is nothing else in its memory that somebody may hold. */
function hasLeft(link: Link, piece: Uint8Array): boolean {
  return piece.byteLength === piece.buffer.byteLength && link.writableLength === 0;
}

/** A small view can pin a large buffer: what is kept is copied then. */
function compact(piece: Uint8Array): Uint8Array {
  return piece.length * 4 < piece.buffer.byteLength ? Uint8Array.from(piece) : piece;
}

/** The member answered early: what still comes of the request is read, and only counted. */
function takeDiscarded(core: CoreState, client: ClientConnection, size: number): void {
  client.lingerBytes += size;
  if (client.lingerBytes > core.limits.lingerBytes) client.pause(pauseFor.discarded);
}
