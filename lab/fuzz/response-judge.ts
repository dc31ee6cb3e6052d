/**
 * One answer of a member, judged at the client: what the pure reading accepts arrives with the same
 * meaning; what it refuses becomes the gateway's own 502, or half an answer that looks like half an
 * answer; what follows the final answer reaches nobody.
 *
 *   G3  No byte outside a parsed response reaches a client.
 *   G7  An incomplete response never looks complete to the client.
 */
import { fromLatin1 } from "../../shell/gateway/parser/fixtures/request-reader.ts";
import {
  type ReadResponse,
  type ResponseReading,
  readResponses,
} from "../../shell/gateway/parser/fixtures/response-reader.ts";
import { askedHead, askedUpgrade } from "../../shell/gateway/parser/index.ts";
import { type Answer, splitAnswers } from "./answers.ts";

const interimMax = 8;

/** The request that a member answers: plain, HEAD, or one that asks for a tunnel. */
export function requestAsking(asked: number, target: string): string {
  const method = asked === askedHead ? "HEAD" : "GET";
  const upgrade = asked === askedUpgrade ? "Connection: Upgrade\r\nUpgrade: websocket\r\n" : "";
  return `${method} ${target} HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`;
}

/**
 * @param input - All that the member sent, FIN behind it.
 * @param received - All that the client got.
 * @param tunnelled - What a client must see behind a 101; by default only that there is a tunnel.
 */
export function responseProblem(
  input: Uint8Array,
  asked: number,
  received: string,
  tunnelled?: string,
): string | undefined {
  const reading = readResponses(input, [], { asked });
  const isHead = asked === askedHead;
  const { finals, rest } = splitAnswers(received, [isHead ? "HEAD" : "GET"]);
  const [answer, ...more] = finals;
  const shown = JSON.stringify(received.slice(0, 400));
  const at = reading.responses.findIndex(isFinal);
  const wanted = at > interimMax ? undefined : reading.responses[at];
  if (wanted?.facts["status"] === 101) {
    const isOpen = answer?.status === 101 && (tunnelled === undefined || rest === tunnelled);
    return isOpen ? undefined : `no tunnel: ${shown}`;
  }
  if (more.length > 0) return `several answers: ${shown}`;
  if (wanted === undefined) return brokenProblem(reading.end, answer, rest, shown);
  if (answer === undefined || rest !== "") return `no whole answer, or more than one: ${shown}`;
  if (answer.status !== wanted.facts["status"]) return `status ${answer.status}: ${shown}`;
  const body = isHead ? answer.body : plainBody(answer);
  if (body !== wanted.body) return `another body: ${shown}`;
  const missing = linesOf(wanted).filter((line) => !answer.fields.includes(line));
  return missing.length > 0 ? `without ${missing.join(" | ")}: ${shown}` : undefined;
}

/** No whole final response came: 502, or half an answer that looks like half an answer. */
function brokenProblem(
  end: ResponseReading["end"],
  answer: Answer | undefined,
  rest: string,
  shown: string,
): string | undefined {
  const isOwn = answer?.status === 502 && answer.body.includes('"code":"GATEWAY_');
  const isOwnToHead = answer?.status === 502 && answer.body === "";
  if ((isOwn || isOwnToHead) && rest === "") return undefined;
  const isHalf = answer === undefined && rest !== "";
  return isHalf ? undefined : `${end} looks whole: ${shown}`;
}

function isFinal({ facts }: ReadResponse): boolean {
  return Number(facts["status"]) >= 200 || facts["status"] === 101;
}

/** What must arrive as it was sent; framing may change, the body that it describes may not. */
function linesOf({ head }: ReadResponse): readonly string[] {
  const lines = head.split("\r\n").slice(1, -1);
  return lines.filter((line) => !/^(?:content-length|transfer-encoding):/i.test(line));
}

function plainBody({ fields, body }: Answer): string {
  if (!fields.some((line) => /^transfer-encoding:/i.test(line))) return body;
  const whole = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  return readResponses(fromLatin1(whole), []).responses[0]?.body ?? "(broken)";
}
