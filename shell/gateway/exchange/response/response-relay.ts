/**
 * Bytes from a member: parsed strictly, framed for the client, and passed on.
 *
 *   G3  A response is delivered only to the client whose request caused it. No byte outside a parsed
 *       response reaches a client.
 *   G7  An incomplete response never looks complete to the client.
 *
 * A response with a small length is held until it is whole, so a member that dies in its middle is
 * still a failure that another member can make good. Everything else streams at once.
 */

import {
  askedHead,
  askedUpgrade,
  bodyKind,
  defaultResponseLimits,
  methodCode,
  parseResponseHead,
  type ResponseHead,
  resumeResponseHead,
} from "../../parser/index.ts";
import { accepted, more } from "../../refusals.ts";
import { blame } from "../../routing/rotation.ts";
import { responseHeadRoom, withHead, writeResponseHead } from "../bytes/head-writing.ts";
import {
  closedBeforeResponse,
  exchangeFailed,
  malformedResponse,
  repeatRefused,
} from "../dispatch/failures.ts";
import { scatter, sendElsewhere } from "../dispatch/shared-line.ts";
import { openTunnel, relayToClient } from "../ending/tunnel.ts";
import { clientPhase, deadline, pauseFor } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";
import { answersAhead } from "../upstream/pipeline.ts";
import { discard } from "../upstream/upstream-pool.ts";
import { leaderRefused, withholdHead } from "./leader-answer.ts";
import { beginBody, endBody, relayBody } from "./response-body.ts";
import { giveClient } from "./response-ending.ts";

const interimMax = 8;

/** Takes bytes from `at` on, one answer at most; returns where the next one in line begins. */
export function takeUpstreamBytes(
  core: CoreState,
  upstream: UpstreamConnection,
  bytes: Uint8Array,
  at: number,
): number {
  upstream.nextAt = bytes.length;
  take(core, upstream, bytes, at);
  return upstream.nextAt;
}

function take(core: CoreState, upstream: UpstreamConnection, bytes: Uint8Array, at: number): void {
  switch (upstream.phase) {
    case upstreamPhase.idle:
      // Nobody asked: it would be taken for the answer to the next request.
      blame(core, upstream.service, upstream.member, "framing");
      discard(upstream, "unsolicited");
      return;
    case upstreamPhase.gathering:
      blame(core, upstream.service, upstream.member, "framing");
      scatter(core, upstream, "unsolicited");
      return;
    case upstreamPhase.head:
      takeHeads(core, upstream, bytes, at);
      return;
    case upstreamPhase.body:
      relayBody(core, upstream, bytes, at, bytes.length);
      return;
    case upstreamPhase.tunnel:
      relayToClient(core, upstream, bytes);
      return;
    default:
      return;
  }
}

/** Any number of interim heads, then the final one. */
function takeHeads(
  core: CoreState,
  upstream: UpstreamConnection,
  bytes: Uint8Array,
  start: number,
): void {
  const { headBytes, exchange } = upstream;
  if (exchange === undefined) return;
  upstream.begun = true;
  let at = start;
  while (at < bytes.length) {
    const asked = askedBy(exchange);
    const isFresh = headBytes.length === 0;
    if (!isFresh) headBytes.push(bytes, at, bytes.length);
    const head = isFresh ? core.responseHead : upstream.headOfItsOwn();
    const result = isFresh
      ? parseResponseHead(bytes, at, bytes.length, defaultResponseLimits, asked, head)
      : resumeResponseHead(headBytes.bytes, headBytes.end, defaultResponseLimits, asked, head);
    if (result === more) {
      if (isFresh) keepHead(upstream, bytes, at, asked);
      return;
    }
    if (result !== accepted) {
      exchangeFailed(core, upstream, malformedResponse);
      return;
    }
    const surplus = isFresh ? bytes.length - head.end : headBytes.end - head.end;
    const source = isFresh ? bytes : headBytes.bytes;
    if (!isFresh) headBytes.clear();
    at = bytes.length - surplus;
    takeHead(core, upstream, exchange, head, source, bytes, at);
    if (upstream.phase !== upstreamPhase.head || upstream.exchange !== exchange) return;
  }
}

function keepHead(
  upstream: UpstreamConnection,
  bytes: Uint8Array,
  at: number,
  asked: number,
): void {
  const { headBytes } = upstream;
  headBytes.push(bytes, at, bytes.length);
  const own = upstream.headOfItsOwn();
  parseResponseHead(headBytes.bytes, 0, headBytes.end, defaultResponseLimits, asked, own);
}

function askedBy(exchange: Exchange): number {
  if (exchange.method === methodCode.head) return askedHead;
  return exchange.wantsUpgrade ? askedUpgrade : 0;
}

/** One complete head. What follows it lies in `bytes` from `at`. */
function takeHead(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  head: ResponseHead,
  headBytes: Uint8Array,
  bytes: Uint8Array,
  at: number,
): void {
  const { leaderRoute } = upstream.service;
  if (leaderRoute !== undefined && upstream.line.length > 0) {
    // It became an elected service in between: what is withheld there would be read as an answer here.
    exchangeFailed(core, upstream, closedBeforeResponse);
    return;
  }
  if (leaderRoute !== undefined && head.status >= 200 && isRefusal(head)) {
    if (leaderRefused(core, upstream, leaderRoute)) return;
  } else if (leaderRoute !== undefined && withholdHead(core, upstream, leaderRoute, head)) {
    return;
  }
  if (head.body === bodyKind.tunnel) {
    switchProtocols(core, upstream, exchange, head, headBytes, bytes, at);
    return;
  }
  if (head.status < 200) {
    relayInterim(core, upstream, exchange, head, headBytes);
    return;
  }
  upstream.keepAlive = head.keepAlive;
  upstream.keepAliveSeconds = head.keepAliveSeconds;
  if (upstream.line.length > 0) {
    if (answersAhead(upstream)) {
      exchangeFailed(core, upstream, malformedResponse);
      return;
    }
    // It said that it takes nothing more, so nothing behind this was begun (RFC 9112, section 9.6).
    if (!head.keepAlive) sendElsewhere(core, upstream.line.splice(0));
  }
  if (leaderRoute === undefined && isRefusal(head) && repeatRefused(core, upstream)) return;
  judge(core, upstream, head);
  exchange.service?.counters.upstreamDuration.add(core.nowMs - exchange.sentAtMs);
  exchange.status = head.status;
  beginBody(core, upstream, exchange, head, headBytes, bytes, at);
}

/** The member declares that it did nothing, so another one may do it. */
function isRefusal(head: ResponseHead): boolean {
  return head.status === 421 || (head.status === 503 && head.hasRefused);
}

/** 501 is about the method, and 503 with Retry-After means overload: neither is a fault. */
function judge(core: CoreState, upstream: UpstreamConnection, head: ResponseHead): void {
  const { status } = head;
  const isFault = status >= 500 && status !== 501 && !(status === 503 && head.hasRetryAfter);
  if (isFault) blame(core, upstream.service, upstream.member, "status");
  else upstream.member.succeeded();
}

/** 1xx go to HTTP/1.1 clients only (RFC 9110, section 15.2). */
function relayInterim(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  head: ResponseHead,
  bytes: Uint8Array,
): void {
  upstream.interimCount += 1;
  if (upstream.interimCount > interimMax) {
    exchangeFailed(core, upstream, malformedResponse);
    return;
  }
  if (exchange.minorVersion === 0) return;
  const { slab } = core;
  slab.reserve(responseHeadRoom(head));
  const start = slab.at;
  writeResponseHead(slab, bytes, head, core.date.bytes, 0);
  giveClient(core, exchange, slab.view(start));
}

/** Bytes behind either head belong to the tunnel. */
function switchProtocols(
  core: CoreState,
  upstream: UpstreamConnection,
  exchange: Exchange,
  head: ResponseHead,
  headBytes: Uint8Array,
  bytes: Uint8Array,
  at: number,
): void {
  const { client } = exchange;
  const { slab } = core;
  slab.reserve(responseHeadRoom(head));
  const start = slab.at;
  writeResponseHead(slab, headBytes, head, core.date.bytes, withHead.upgrade);
  exchange.status = 101;
  exchange.given = true;
  upstream.member.succeeded();
  openTunnel(core, client, upstream);
  giveClient(core, exchange, slab.view(start));
  if (at < bytes.length) relayToClient(core, upstream, bytes.subarray(at));
  client.resume(pauseFor.pending); // What the client sent ahead is taken by the caller's settling.
}

/** FIN from a member. */
export function upstreamFinished(core: CoreState, upstream: UpstreamConnection): void {
  upstream.ended = true;
  switch (upstream.phase) {
    case upstreamPhase.idle:
      discard(upstream, "peer");
      return;
    case upstreamPhase.gathering:
      scatter(core, upstream, "peer");
      return;
    case upstreamPhase.head:
      exchangeFailed(core, upstream, closedBeforeResponse);
      return;
    case upstreamPhase.body:
      if (upstream.bodyKind === bodyKind.untilClose) endBody(core, upstream);
      else exchangeFailed(core, upstream, closedBeforeResponse);
      return;
    default:
      return;
  }
}

/** The client takes bytes again. */
export function clientTakesBytes(core: CoreState, exchange: Exchange): void {
  const { client, upstream } = exchange;
  client.blocked = false;
  // Of a shared connection only the client whose answer is under way may hold the tap.
  if (upstream?.paused === true && upstream.exchange === exchange) {
    upstream.paused = false;
    upstream.link.resume();
  }
  if (client.deadlineFor !== deadline.slowReader) return;
  if (client.phase === clientPhase.head) {
    client.wait(core.nowMs + core.limits.idleMs, deadline.idle);
  } else if (exchange.given) {
    client.wait(core.nowMs + core.limits.responseBodyMs, deadline.stream);
  } else {
    // Only an interim answer was too much; the member still owes the final one.
    const timeoutMs = exchange.service?.view.timeoutMs ?? core.limits.responseBodyMs;
    client.wait(core.nowMs + timeoutMs, deadline.response);
  }
}

/** The member takes bytes again. */
export function upstreamTakesBytes(core: CoreState, upstream: UpstreamConnection): void {
  upstream.blocked = false;
  const { exchange } = upstream;
  if (exchange === undefined) return;
  const { client } = exchange;
  client.resume(pauseFor.upstream);
  if (client.phase === clientPhase.exchange && !exchange.bodyComplete && !exchange.given) {
    client.wait(core.nowMs + core.limits.bodyMs, deadline.body);
  }
}
