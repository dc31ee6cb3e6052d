/**
 * Answers that the gateway gives itself: refusals with their prebuilt bytes, and those of local
 * endpoints. A refusal ends the connection, so that nothing behind a refused message is ever
 * interpreted; a local answer does not.
 *
 *   G1  A refused message contributes no byte to any upstream, except a prefix sent before the
 *       fault, whose connection is then destroyed.
 */

import type { LocalAnswer } from "../../load-balancer/local-endpoint.ts";
import { knownMethods, methodCode } from "../../parser/index.ts";
import { type RefusalReason, refusal, refusalOf } from "../../refusals.ts";
import { conclude, cutUpstream, goOn, linger, stopWaiting } from "../ending/conclusion.ts";
import { type ClientConnection, clientPhase } from "../state/client-connection.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";
import { type Answer, buildAnswer, buildOptionsAnswer, writeAnswer } from "./answer.ts";

const allow = `Allow: ${knownMethods.join(", ")}`;
const extraLines: Partial<Record<RefusalReason, readonly string[]>> = {
  trace: [allow],
  unavailable: ["Retry-After: 1"],
  "queue-full": ["Retry-After: 1"],
  overloaded: ["Retry-After: 1"],
  draining: ["Retry-After: 1"],
};
const answers = new Map<RefusalReason, Answer>();
const optionsAnswer = buildOptionsAnswer(knownMethods);
const lastOptionsAnswer = buildOptionsAnswer(knownMethods, true);

/**
 * Answers with the row `code` of the refusal table and closes. Works with and without an exchange
 * under way, as long as no byte of a final response was given.
 */
export function refuse(core: CoreState, client: ClientConnection, code: number): void {
  const { reason, status } = refusalOf(code);
  const { exchange } = client;
  if (exchange.active) {
    stopWaiting(exchange);
    cutUpstream(core, exchange, "refused");
  }
  core.rejected.add(reason);
  exchange.status = status;
  exchange.reason = reason;
  const answer = answerFor(reason);
  const { slab } = core;
  slab.reserve(answer.bytes.length);
  const start = slab.at;
  const headOnly = exchange.method === methodCode.head;
  slab.at = writeAnswer(answer, slab.block, start, core.date.bytes, headOnly);
  give(core, client, slab.view(start));
  conclude(core, exchange);
  linger(core, client);
}

/** The service has nobody who could take the request. */
export function refuseUnavailable(
  core: CoreState,
  exchange: Exchange,
  reason: "unavailable" | "queue-full",
): void {
  const { service, client } = exchange;
  const { localEndpoints } = core.options;
  const special =
    service?.view.compat === undefined ? undefined : localEndpoints?.unavailable(service.view);
  if (special === undefined) {
    refuse(core, client, refusal[reason]);
    return;
  }
  stopWaiting(exchange);
  core.rejected.add(reason);
  exchange.reason = reason;
  answerLocally(core, exchange, special);
}

/** `OPTIONS *` is about the gateway itself. */
export function answerOptions(core: CoreState, exchange: Exchange): void {
  // HTTP/1.0 would need a length to live on, and nobody reads a body that came along.
  const mayLive = exchange.minorVersion === 1 && exchange.bodyComplete && !core.draining;
  if (!mayLive) exchange.keepAlive = false;
  const answer = exchange.keepAlive ? optionsAnswer : lastOptionsAnswer;
  const { slab } = core;
  slab.reserve(answer.bytes.length);
  const start = slab.at;
  slab.at = writeAnswer(answer, slab.block, start, core.date.bytes, true);
  exchange.status = answer.status;
  give(core, exchange.client, slab.view(start));
  conclude(core, exchange);
  goOn(core, exchange.client);
}

/** Writes the answer of a local endpoint, then the connection goes on. */
export function answerLocally(core: CoreState, exchange: Exchange, answer: LocalAnswer): void {
  const { client } = exchange;
  if (!exchange.bodyComplete || core.draining) exchange.keepAlive = false;
  const body = Buffer.from(answer.body, "utf8");
  const lines = [
    `HTTP/1.1 ${answer.status} ${phrases[answer.status] ?? "Answer"}`,
    `Date: ${core.date.bytes.toString("latin1")}`,
    `Content-Type: ${answer.contentType ?? "application/json"}`,
    `Content-Length: ${body.length}`,
    ...(answer.headers ?? []).map(([name, value]) => `${name}: ${value}`),
  ];
  if (!exchange.keepAlive) lines.push("Connection: close");
  else if (exchange.minorVersion === 0) lines.push("Connection: keep-alive");
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const headOnly = exchange.method === methodCode.head;
  exchange.status = answer.status;
  exchange.given = true;
  give(core, client, headOnly ? head : Buffer.concat([head, body]));
  client.phase = clientPhase.exchange;
  conclude(core, exchange);
  goOn(core, client);
}

const phrases: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

function give(core: CoreState, client: ClientConnection, bytes: Uint8Array): void {
  client.exchange.bytesOut += bytes.length;
  core.bytesOut += bytes.length;
  if (!client.link.write(bytes)) client.blocked = true;
}

function answerFor(reason: RefusalReason): Answer {
  const known = answers.get(reason);
  if (known !== undefined) return known;
  const answer = buildAnswer(reason, extraLines[reason]);
  answers.set(reason, answer);
  return answer;
}
