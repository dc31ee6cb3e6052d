/**
 * Exchanges that the gateway answers itself in compatibility mode. The path is compared as bytes, the
 * body is collected up to a bound, and the answer may take its time: promises and strings are fine
 * here, because nobody measures these calls by the thousand.
 */

import type { LocalAnswer } from "../../load-balancer/local-endpoint.ts";
import type { RequestHead } from "../../parser/index.ts";
import type { Service } from "../../routing/service.ts";
import { type ClientConnection, clientPhase, deadline } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { answerLocally } from "./own-answer.ts";

/** Until an answer must be there; making a cluster larger takes its time. */
const localAnswerMs = 15_000;

/** What is known of such an exchange beside its ordinary fields. */
type LocalExchange = { readonly path: string; readonly method: string; tooLarge: boolean };

const underWay = new WeakMap<ClientConnection, LocalExchange>();

/** The local path that a head asks for; undefined for all others and for ordinary services. */
export function localPathOf(
  core: CoreState,
  service: Service,
  bytes: Uint8Array,
  head: RequestHead,
): string | undefined {
  if (service.view.compat === undefined) return undefined;
  const length = head.pathEnd - head.targetStart;
  for (const [index, path] of core.localPaths.entries()) {
    if (path.length !== length || head.needsSlash) continue;
    let same = 0;
    while (same < length && path[same] === bytes[head.targetStart + same]) same++;
    if (same === length) return core.options.localEndpoints?.paths[index];
  }
  return undefined;
}

export function beginLocally(
  core: CoreState,
  exchange: Exchange,
  path: string,
  bytes: Uint8Array,
  head: RequestHead,
): void {
  const { client } = exchange;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const method = text.toString("latin1", head.methodStart, head.methodEnd);
  const tooLarge = head.contentLength > core.limits.localBodyBytesMax;
  underWay.set(client, { path, method, tooLarge });
  client.phase = clientPhase.local;
  if (exchange.bodyComplete || tooLarge) finishLocally(core, exchange);
  else client.wait(core.nowMs + core.limits.bodyMs, deadline.body);
}

export function collectLocally(core: CoreState, exchange: Exchange, piece: Uint8Array): void {
  const local = underWay.get(exchange.client);
  if (local === undefined || local.tooLarge) return;
  if (exchange.keptBytes + piece.length > core.limits.localBodyBytesMax) {
    local.tooLarge = true;
    finishLocally(core, exchange);
    return;
  }
  exchange.kept.push(Uint8Array.from(piece));
  exchange.keptBytes += piece.length;
  core.keptBytesTotal += piece.length;
}

/** The body is there, or it is too large: ask for the answer. */
export function finishLocally(core: CoreState, exchange: Exchange): void {
  const { client, service, serial } = exchange;
  const local = underWay.get(client);
  const endpoints = core.options.localEndpoints;
  if (local === undefined || service === undefined || endpoints === undefined) return;
  underWay.delete(client);
  if (local.tooLarge) exchange.bodyDiscarded = true;
  client.wait(core.nowMs + localAnswerMs, deadline.local);
  const { path, method } = local;
  const body = local.tooLarge ? undefined : Buffer.concat(exchange.kept);
  const reply = (answer: LocalAnswer) => {
    // The client may be gone by now, or its next request on the way.
    if (!exchange.active || exchange.serial !== serial) return;
    core.enter(client, () => answerLocally(core, exchange, answer));
  };
  endpoints.answer({ service: service.view, method, path, body }).then(reply, () => reply(failed));
}

const failed: LocalAnswer = {
  status: 500,
  body: '{"error":{"code":"GATEWAY_LOCAL","message":"The gateway could not make this answer; read its log."}}',
};
