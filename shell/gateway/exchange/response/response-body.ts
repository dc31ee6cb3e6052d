/**
 * How the body of a response reaches the client.
 *
 *   from the member        HTTP/1.1 client                   HTTP/1.0 client
 *   length, small          held, then one write              the same
 *   length                 as it comes, counted              the same
 *   chunked                verbatim, without extensions      data alone, ends with the connection
 *   until the close        chunked; last chunk after a FIN   as it comes, ends with the connection
 */

import { bodyKind, keepFraming, type ResponseHead } from "../../parser/index.ts";
import { accepted, more } from "../../refusals.ts";
import { answerLocally } from "../answers/own-answer.ts";
import { keptOf } from "../bytes/dropped-bytes.ts";
import { responseHeadRoom, writeResponseHead } from "../bytes/head-writing.ts";
import type { Slab } from "../bytes/slab.ts";
import {
  exchangeFailed,
  giveUpLine,
  malformedResponse,
  notWorthReading,
} from "../dispatch/failures.ts";
import { detach, giveAway } from "../ending/conclusion.ts";
import { pauseFor } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { bodyRoute, type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";
import { lasting } from "../upstream/read-buffer.ts";
import { finishResponse, giveClient, release } from "./response-ending.ts";
import { frame, replacementFor, resetScanner } from "./response-framing.ts";

/** A piece up to this is copied behind the head, so that both leave as one write. */
const copyBytesMax = 16_384;

/** Of a body that the client does not get; beyond it the connection is given up. */
const discardBytesMax = 65_536;

const lastChunk = Buffer.from("0\r\n\r\n");
const crlf = Buffer.from("\r\n");

/** A final head with what came behind it. */
export function beginBody(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  head: ResponseHead,
  headBytes: Uint8Array,
  bytes: Uint8Array,
  at: number,
): void {
  upstream.phase = upstreamPhase.body;
  upstream.bodyKind = head.body;
  upstream.bodyLeft = head.body === bodyKind.length ? head.contentLength : 0;
  upstream.bodyRoute = bodyRoute.stream;
  if (!exchange.bodyComplete) discardRequestBody(exchange);
  const replacement = replacementFor(core, exchange, head);
  if (replacement !== undefined) {
    upstream.bodyRoute = bodyRoute.discard;
    upstream.replacement = replacement;
    if (head.body === bodyKind.chunked) resetScanner(upstream, keepFraming);
    relayBody(core, upstream, bytes, at, bytes.length);
    return;
  }
  const flags = frame(core, upstream, exchange, head);
  const isWhole = head.body === bodyKind.none || upstream.bodyLeft <= bytes.length - at;
  const isCounted = head.body === bodyKind.none || head.body === bodyKind.length;
  const isCopied = isWhole && upstream.bodyLeft <= copyBytesMax;
  if (isCounted && (isCopied || isHeld(core, upstream))) {
    upstream.shareable = true;
    const start = writeHead(core, head, headBytes, flags, upstream.bodyLeft);
    if (isWhole) giveWhole(core, upstream, exchange, bytes, at, start);
    else holdBody(core, upstream, bytes, at, start);
    return;
  }
  upstream.shareable = false;
  giveAway(core, exchange);
  giveFirst(core, upstream, exchange, head, headBytes, bytes, at, flags);
}

/** The request is not complete and never will be: what still comes of it is read and dropped. */
function discardRequestBody(exchange: Exchange): void {
  const { client } = exchange;
  exchange.bodyDiscarded = true;
  exchange.whole = false; // So it cannot be repeated either.
  client.lingerBytes = 0;
  client.resume(pauseFor.upstream | pauseFor.kept);
}

function isHeld(core: CoreState, upstream: UpstreamConnection): boolean {
  return upstream.bodyLeft <= core.limits.heldResponseBytesMax;
}

/** Writes the head into the slab with room for `bodyBytes` behind it; returns where it starts. */
function writeHead(
  core: CoreState,
  head: ResponseHead,
  headBytes: Uint8Array,
  flags: number,
  bodyBytes: number,
): number {
  const { slab } = core;
  slab.reserve(responseHeadRoom(head) + bodyBytes);
  const start = slab.at;
  writeResponseHead(slab, headBytes, head, core.date.bytes, flags);
  return start;
}

/** Head and body in one write: the common case. */
function giveWhole(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  bytes: Uint8Array,
  at: number,
  start: number,
): void {
  const end = at + upstream.bodyLeft;
  upstream.takenTo = end;
  core.slab.put(bytes, at, end);
  giveAway(core, exchange);
  giveClient(core, exchange, core.slab.view(start));
  finishResponse(core, upstream, end < bytes.length);
}

/** Head and what is there of the body stay here until the rest has come. */
function holdBody(
  core: CoreState,
  upstream: UpstreamConnection,
  bytes: Uint8Array,
  at: number,
  start: number,
): void {
  const { slab } = core;
  const arrived = bytes.length - at;
  slab.put(bytes, at, bytes.length);
  upstream.heldAt = slab.at - start;
  upstream.bodyLeft -= arrived;
  slab.at += upstream.bodyLeft; // The rest of the body goes there.
  upstream.held = slab.view(start);
  upstream.bodyRoute = bodyRoute.hold;
}

/** The head of a response that streams, with its first piece. */
function giveFirst(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  head: ResponseHead,
  headBytes: Uint8Array,
  bytes: Uint8Array,
  at: number,
  flags: number,
): void {
  const isSmall = bytes.length - at <= copyBytesMax;
  const start = writeHead(
    core,
    head,
    headBytes,
    flags,
    isSmall ? bytes.length - at + sizeLineMax : 0,
  );
  if (at === bytes.length) {
    giveClient(core, exchange, core.slab.view(start));
    return;
  }
  const headView = isSmall ? undefined : core.slab.view(start);
  const piece = takePiece(upstream, bytes, at, bytes.length);
  if (piece === undefined) {
    giveClient(core, exchange, core.slab.view(start));
    exchangeFailed(core, upstream, malformedResponse);
    return;
  }
  const { link } = exchange.client;
  if (headView !== undefined) {
    link.cork();
    giveClient(core, exchange, headView);
    givePiece(core, upstream, exchange, piece);
    link.uncork();
  } else {
    putPiece(core.slab, upstream, piece);
    giveClient(core, exchange, core.slab.view(start));
  }
  if (!upstream.bodyDone) return;
  upstream.shareable = true;
  finishResponse(core, upstream, upstream.takenTo < bytes.length);
}

/** More of the body. */
export function relayBody(
  core: CoreState,
  upstream: UpstreamConnection,
  bytes: Uint8Array,
  at: number,
  end: number,
): void {
  const { exchange } = upstream;
  if (exchange === undefined) return;
  const piece = takePiece(upstream, bytes, at, end);
  if (piece === undefined) {
    if (upstream.bodyRoute === bodyRoute.discard) replace(core, upstream, exchange, ending.spoilt);
    else exchangeFailed(core, upstream, malformedResponse);
    return;
  }
  const surplus = upstream.takenTo < end;
  switch (upstream.bodyRoute) {
    case bodyRoute.hold:
      takeHeld(core, upstream, exchange, piece, surplus);
      return;
    case bodyRoute.discard:
      upstream.discardedBytes += piece.length;
      if (upstream.bodyDone) {
        replace(core, upstream, exchange, surplus ? ending.surplus : ending.whole);
      } else if (upstream.discardedBytes > discardBytesMax) {
        replace(core, upstream, exchange, ending.spoilt);
      }
      return;
    default:
      givePiece(core, upstream, exchange, piece);
      if (upstream.bodyDone) finishResponse(core, upstream, surplus);
      else if (exchange.vacant && exchange.bytesOut > discardBytesMax) {
        exchangeFailed(core, upstream, notWorthReading);
      }
  }
}

/** The member closed where only a close ends the body. */
export function endBody(core: CoreState, upstream: UpstreamConnection): void {
  const { exchange } = upstream;
  if (exchange === undefined) return;
  if (upstream.bodyRoute === bodyRoute.discard) {
    replace(core, upstream, exchange, ending.whole);
    return;
  }
  if (upstream.bodyRoute === bodyRoute.wrap) giveClient(core, exchange, lastChunk);
  finishResponse(core, upstream);
}

/** The part of `[at, end)` that belongs to the body; undefined when it breaks its framing. */
function takePiece(
  upstream: UpstreamConnection,
  bytes: Uint8Array,
  at: number,
  end: number,
): Uint8Array | undefined {
  switch (upstream.bodyKind) {
    case bodyKind.none:
    case bodyKind.length:
      upstream.takenTo = Math.min(end, at + upstream.bodyLeft);
      upstream.bodyLeft -= upstream.takenTo - at;
      upstream.bodyDone = upstream.bodyLeft === 0;
      return bytes.subarray(at, upstream.takenTo);
    case bodyKind.chunked: {
      const scanner = upstream.scannerOfItsOwn();
      const result = scanner.scan(bytes, at, end);
      if (result !== accepted && result !== more) return undefined;
      upstream.takenTo = scanner.at;
      upstream.bodyDone = result === accepted;
      return keptOf(scanner, bytes, at);
    }
    default:
      upstream.takenTo = end;
      upstream.bodyDone = false;
      return bytes.subarray(at, end);
  }
}

function takeHeld(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  piece: Uint8Array,
  surplus: boolean,
): void {
  const { held } = upstream;
  if (held === undefined) return;
  held.set(piece, upstream.heldAt);
  upstream.heldAt += piece.length;
  if (!upstream.bodyDone) return;
  upstream.held = undefined;
  giveAway(core, exchange);
  giveClient(core, exchange, held);
  finishResponse(core, upstream, surplus);
}

/** Size line and CR LF around a wrapped piece. */
const sizeLineMax = 20;

function putPiece(slab: Slab, upstream: UpstreamConnection, piece: Uint8Array): void {
  const wraps = upstream.bodyRoute === bodyRoute.wrap && piece.length > 0;
  if (wraps) slab.putText(`${piece.length.toString(16)}\r\n`);
  slab.putAll(piece);
  if (wraps) slab.putAll(crlf);
}

function givePiece(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  piece: Uint8Array,
): void {
  if (piece.length === 0) return;
  if (upstream.bodyRoute !== bodyRoute.wrap) {
    giveView(core, upstream, exchange, piece);
    return;
  }
  const { link } = exchange.client;
  link.cork();
  giveClient(core, exchange, Buffer.from(`${piece.length.toString(16)}\r\n`, "latin1"));
  giveView(core, upstream, exchange, piece);
  giveClient(core, exchange, crlf);
  link.uncork();
}

function giveView(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  piece: Uint8Array,
): void {
  const { link } = exchange.client;
  giveClient(core, exchange, lasting(upstream, piece));
  if (link.writableLength > 0) upstream.lent = true;
}

/** How the body that the client does not get ended: with bytes behind it, or it was given up. */
const ending = { whole: 0, surplus: 1, spoilt: 2 } as const;

/** The body that the client does not get has ended, or is not worth reading on. */
function replace(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  how: number,
): void {
  const { replacement } = upstream;
  if (replacement === undefined) return;
  upstream.replacement = undefined;
  const wasEarly = !exchange.bodyComplete;
  detach(core, exchange);
  if (how === ending.spoilt) giveUpLine(core, upstream, "surplus");
  else release(core, upstream, how === ending.surplus, wasEarly);
  if (exchange.vacant) return;
  exchange.reason = "not-found";
  answerLocally(core, exchange, replacement);
}
