/**
 * The whole gateway between a real client and a real `node:http` server, judged by counting: what was
 * accepted was read by the server exactly once and with the same meaning, each answer belongs to the
 * request in its place, and nothing behind a refusal was interpreted.
 *
 *   G1, G2, G3, G5 and, because a hang fails, a part of G6.
 */
import {
  forwardedForm,
  fromLatin1,
  latin1,
  type ReaderOptions,
  type ReadRequest,
  readRequests,
} from "../../shell/gateway/parser/fixtures/request-reader.ts";
import { refusals } from "../../shell/gateway/refusals.ts";
import { type SeenRequest, seenField, shortened } from "../peers/node-backend.ts";
import { fieldOf } from "../peers/raw-client.ts";
import { type Answer, splitAnswers } from "./answers.ts";
import { converse, piecesOf } from "./conversation.ts";
import { asNodeSeesIt } from "./node-difference.ts";

/** What must come back for an input. */
export type Expectation = {
  /** Requests that are answered, in order; those that the gateway answers itself are among them. */
  readonly requests: readonly ReadRequest[];
  /** Status of the refusal behind them; undefined when the connection just ends. */
  readonly refusedWith: number | undefined;
  /** The refused message starts as HEAD does, so its answer may have no body. */
  readonly mayBeHead: boolean;
  /** It starts as `OPTIONS *` does, which is answered before its body is read; then all is over. */
  readonly mayBeOptions: boolean;
};

/** Lines that the gateway adds; those of a client under these names are compared by other tests. */
const added =
  /^(?:via|host|connection|x-forwarded-(?:for|proto|host)|x-request-id|prunella-[^:]*)$/i;

export function expectationOf(input: Uint8Array, options: ReaderOptions): Expectation {
  const { requests, end, messageStart } = readRequests(input, [], options);
  const last = latin1(input, messageStart);
  const mayBeHead = /^(?:\r\n)?HEAD /.test(last);
  const mayBeOptions = /^(?:\r\n)?OPTIONS (?:\*|https?:\/\/[^/? ]+) /.test(last);
  const guesses = { mayBeHead, mayBeOptions };
  const closing = requests.findIndex(endsConnection);
  if (closing >= 0) {
    return { requests: requests.slice(0, closing + 1), refusedWith: undefined, ...guesses };
  }
  const row = refusals.find(({ reason }) => reason === end);
  return { requests, refusedWith: row?.status, ...guesses };
}

/** `OPTIONS *` is answered without a length, so HTTP/1.0 cannot go on; nor can it with a body. */
function endsConnection({ facts, rawBody }: ReadRequest): boolean {
  const isLocal = facts["asterisk"] === true;
  return (
    facts["keepAlive"] !== true || (isLocal && (facts["minorVersion"] === 0 || rawBody !== ""))
  );
}

/** Requests of these that reach the server. */
export function forwardedCount({ requests }: Expectation): number {
  return requests.filter(({ facts }) => facts["asterisk"] !== true).length;
}

/** Sends `input` cut at `cuts` and says what is wrong with what comes back, or undefined. */
export async function socketProblem(
  port: number,
  input: Uint8Array,
  cuts: readonly number[],
  expected: Expectation,
  options: ReaderOptions,
): Promise<string | undefined> {
  const { received } = await converse(port, piecesOf(input, cuts));
  const methods = expected.requests.map(({ method }) => method);
  const whole = splitAnswers(received, methods);
  const tryHead = whole.rest !== "" && expected.mayBeHead;
  const { finals, rest } = tryHead ? splitAnswers(received, [...methods, "HEAD"]) : whole;
  const shown = (): string => JSON.stringify(received.slice(-600));
  if (rest !== "") return `half an answer: ${JSON.stringify(rest.slice(0, 200))}`;
  for (const [index, request] of expected.requests.entries()) {
    const answer = finals[index];
    if (answer === undefined) return `request ${index + 1} got no answer; received ${shown()}`;
    const problem = answerProblem(request, answer, options);
    if (problem !== undefined) return `request ${index + 1}: ${problem}`;
  }
  const [refusal, ...more] = finals.slice(expected.requests.length);
  if (more.length > 0) return `answers behind the end: ${shown()}`;
  if (refusal?.status === expected.refusedWith) return undefined;
  if (refusal?.status === 204 && expected.mayBeOptions) return undefined;
  return `the end is ${refusal?.status}, not ${expected.refusedWith}; received ${shown()}`;
}

function answerProblem(
  request: ReadRequest,
  answer: Answer,
  options: ReaderOptions,
): string | undefined {
  if (request.facts["asterisk"] === true) {
    return answer.status === 204 ? undefined : `OPTIONS * got ${answer.status}`;
  }
  const text = fieldOf(answer.fields, seenField);
  if (answer.status !== 200 || text === undefined) return `got ${JSON.stringify(answer)}`;
  const seen: SeenRequest = JSON.parse(Buffer.from(text, "base64").toString());
  const [forwarded] = readRequests(fromLatin1(forwardedForm(request)), [], options).requests;
  if (forwarded === undefined) return "we refuse what we forward";
  const wanted = JSON.stringify(comparable(asNodeSeesIt(forwarded)));
  const found = JSON.stringify(comparable(seen));
  return wanted === found ? undefined : `the server read ${found} instead of ${wanted}`;
}

function comparable({ method, target, lines, body, trailers }: SeenRequest): SeenRequest {
  const kept = lines.filter(([name]) => !added.test(name));
  return { method, target, lines: kept, body: shortened(body), trailers };
}
