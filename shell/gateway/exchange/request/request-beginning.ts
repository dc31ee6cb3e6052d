/**
 * From an accepted head to a request on its way: service, routing key, the head as the member will
 * see it, and as much of the body as came along. Head and small body leave as one write.
 */

import {
  ByteRange,
  findHeader,
  keepDataOnly,
  keepFraming,
  nominatedNames,
  type RequestHead,
  webSocketUpgrade,
} from "../../parser/index.ts";
import { accepted, more, refusal } from "../../refusals.ts";
import { clientAddressOf } from "../../routing/client-address.ts";
import { keyHash, sourceRequestId } from "../../routing/routing-key.ts";
import type { Service } from "../../routing/service.ts";
import { beginLocally, localPathOf } from "../answers/local-exchange.ts";
import { answerOptions, refuse } from "../answers/own-answer.ts";
import { keptOf } from "../bytes/dropped-bytes.ts";
import { requestHeadRoom, writeRequestHead } from "../bytes/head-writing.ts";
import { dispatch } from "../dispatch/dispatch.ts";
import { type ClientConnection, clientPhase } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import { type Exchange, requestBody } from "../state/exchange.ts";
import { progress, takeBody } from "./request-body.ts";

/** With it a client says that sending the request twice does it once. */
const idempotencyKey = Buffer.from("idempotency-key");
const keyRange = new ByteRange();

/** A body piece up to this is copied behind the head; a larger one is written from where it lies. */
const copyBytesMax = 2_048;

/**
 * Begins the request whose head is in `headBytes`; its body, if any, follows in `bytes` from `at`.
 * Returns the first byte that was not taken.
 */
export function begin(
  core: CoreState,
  client: ClientConnection,
  headBytes: Uint8Array,
  head: RequestHead,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const { exchange } = client;
  describe(core, client, head);
  if (core.options.accessLog !== undefined) note(core, exchange, headBytes, head);
  client.phase = clientPhase.exchange;
  const service = head.asterisk ? undefined : core.routes.find(headBytes, head);
  const code = objectionTo(core, head, service);
  if (code !== accepted) {
    refuse(core, client, code);
    return end; // The rest of a refused message is never interpreted.
  }
  if (service === undefined) {
    answerOptions(core, exchange);
    return at;
  }
  exchange.service = service;
  if (service.rules.retriesKeyed && !exchange.idempotent) {
    exchange.idempotent = findHeader(headBytes, head, idempotencyKey, keyRange);
  }
  const localPath = localPathOf(core, service, headBytes, head);
  if (exchange.bodyKind === requestBody.chunked) {
    const names = nominatedNames(headBytes, head.connection);
    const keep = localPath === undefined ? keepFraming : keepDataOnly;
    client.scannerOfItsOwn().reset(service.chunkLimits, keep, names);
  }
  if (localPath !== undefined) {
    beginLocally(core, exchange, localPath, headBytes, head);
    return at;
  }
  findKey(core, exchange, service, headBytes, head);
  return start(core, client, service, headBytes, head, bytes, at, end);
}

/** Copies what the exchange needs to know out of the shared head. */
function describe(core: CoreState, client: ClientConnection, head: RequestHead): void {
  const { exchange } = client;
  exchange.begin(client.headSinceMs);
  client.requestCount += 1;
  exchange.method = head.method;
  exchange.idempotent = head.idempotent;
  exchange.minorVersion = head.minorVersion;
  exchange.keepAlive = head.keepAlive && client.requestCount < core.limits.requestsPerConnectionMax;
  exchange.wantsUpgrade = head.upgrade === webSocketUpgrade;
  if (head.chunked) {
    exchange.bodyKind = requestBody.chunked;
    exchange.bodyComplete = false;
  } else if (head.contentLength > 0) {
    exchange.bodyKind = requestBody.length;
    exchange.bodyLeft = head.contentLength;
    exchange.bodyComplete = false;
  }
}

function note(core: CoreState, exchange: Exchange, bytes: Uint8Array, head: RequestHead): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  exchange.methodText = text.toString("latin1", head.methodStart, head.methodEnd);
  exchange.target = text.toString("latin1", head.targetStart, head.targetEnd);
  if (head.needsSlash) exchange.target = `/${exchange.target}`;
  exchange.clientAddress = clientAddressOf(
    exchange.client,
    bytes,
    head,
    core.options.trustedProxies,
  );
  if (head.requestIdStart >= 0) {
    exchange.requestId = text.toString("latin1", head.requestIdStart, head.requestIdEnd);
  }
}

/** Why this request cannot begin: `accepted` when it can. `OPTIONS *` needs no service. */
function objectionTo(core: CoreState, head: RequestHead, service: Service | undefined): number {
  if (head.asterisk) return accepted;
  if (service === undefined) return refusal["no-route"];
  if (head.contentLength > service.view.bodyBytesMax) return refusal["body-large"];
  return core.overloaded ? refusal.overloaded : accepted;
}

function findKey(
  core: CoreState,
  exchange: Exchange,
  service: Service,
  bytes: Uint8Array,
  head: RequestHead,
): void {
  const { view } = service;
  if (view.placement === "seed-512") {
    exchange.requestNumber = sourceRequestId(bytes, head, core);
    return;
  }
  if (view.keys[0]?.from === "request") {
    exchange.hash = core.draw();
    return;
  }
  const address = () => clientAddressOf(exchange.client, bytes, head, core.options.trustedProxies);
  exchange.hash = keyHash(view, bytes, head, address, core);
}

function start(
  core: CoreState,
  client: ClientConnection,
  service: Service,
  headBytes: Uint8Array,
  head: RequestHead,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const { exchange } = client;
  const { slab } = core;
  service.budget.earn(core.nowMs);
  slab.reserve(requestHeadRoom(head, client) + copyBytesMax);
  const wireStart = slab.at;
  core.ids.next();
  writeRequestHead(slab, headBytes, head, client, service.hostBytes, core.ids);
  exchange.fieldsEndAt = slab.at - wireStart - 2;
  if (core.options.accessLog !== undefined && exchange.requestId === "") {
    exchange.requestId = core.ids.bytes.toString("latin1");
  }
  let next = at;
  if (!exchange.bodyComplete && at < end && end - at <= copyBytesMax) {
    next = copyBody(core, client, bytes, at, end);
    if (client.phase !== clientPhase.exchange) return end; // Refused: nothing was sent.
  }
  exchange.wire = slab.view(wireStart);
  progress(core, client);
  if (!exchange.bodyComplete && next < end) next = takeBody(core, client, bytes, next, end);
  if (client.phase !== clientPhase.exchange) return end;
  dispatch(core, exchange);
  return next;
}

/** Writes the beginning of the body behind the head; returns where it ended or the piece did. */
function copyBody(
  core: CoreState,
  client: ClientConnection,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const { exchange } = client;
  if (exchange.bodyKind === requestBody.length) {
    const stop = Math.min(end, start + exchange.bodyLeft);
    core.slab.put(bytes, start, stop);
    exchange.bodyLeft -= stop - start;
    exchange.bodyComplete = exchange.bodyLeft === 0;
    exchange.bytesIn += stop - start;
    return stop;
  }
  const scanner = client.scannerOfItsOwn();
  const result = scanner.scan(bytes, start, end);
  if (result !== accepted && result !== more) {
    refuse(core, client, result);
    return end;
  }
  core.slab.putAll(keptOf(scanner, bytes, start));
  exchange.bodyComplete = result === accepted;
  exchange.bytesIn += scanner.at - start;
  return scanner.at;
}
