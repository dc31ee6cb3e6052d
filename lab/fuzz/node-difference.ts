/**
 * Compares one reading of ours with Node's: what we accept, Node accepts with the same meaning. The
 * other way round only the reasons listed here may differ: we refuse more, on purpose.
 */
import {
  forwardedForm,
  fromLatin1,
  latin1,
  type ReadRequest,
  readRequests,
} from "../../shell/gateway/parser/fixtures/request-reader.ts";
import type { RefusalReason } from "../../shell/gateway/refusals.ts";
import type { NodeJudge, NodeRequest } from "./node-judge.ts";

export type KnownDifference = {
  readonly reason: RefusalReason;
  /** What the refused message looks like, where the reason alone would excuse too much. */
  readonly pattern?: RegExp;
  readonly example: string;
};

const head = "GET / HTTP/1.1\r\nHost: a\r\n";
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;

/** An input of each kind that Node 24 accepts and we refuse. A new kind fails the test. */
export const knownDifferences: readonly KnownDifference[] = [
  // Between messages Node skips any number of CR and LF, in any order.
  { reason: "empty-line", example: `\r\n\r\n\r\n${head}\r\n` },
  { reason: "bare-lf", pattern: /^(?:\r\n)?\n/, example: `\n${head}\r\n` },
  { reason: "bare-lf", pattern: /^(?:\r\n)?[A-Z-]+ +[!-~]+\n/, example: "GET /\nA: 1\r\n\r\n" },
  { reason: "bare-cr", pattern: /^(?:\r\n)?\r(?!\n)/, example: `\r${head}\r\n` },
  // HTTP/0.9: Node takes the line for a whole request.
  { reason: "version-syntax", pattern: /^(?:\r\n)?[A-Z-]+ [!-~]+\r\n/, example: "GET /\r\n\r\n" },
  { reason: "version", example: "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
  {
    reason: "request-line",
    pattern: /^(?:\r\n)?[^\r\n]* {2}/,
    example: "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
  },
  {
    reason: "target-syntax",
    pattern: /^(?:\r\n)?[^\r\n]*#/,
    example: "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
  },
  { reason: "target-form", example: "GET * HTTP/1.1\r\nHost: a\r\n\r\n" },
  { reason: "target-authority", example: "GET ftp://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n" },
  { reason: "dot-segment", example: "GET /../a HTTP/1.1\r\nHost: a\r\n\r\n" },
  { reason: "target-long", example: `GET /${"a".repeat(8_192)} HTTP/1.1\r\nHost: a\r\n\r\n` },
  { reason: "trace", example: "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n" },
  { reason: "host-many", example: `${head}Host: b\r\n\r\n` },
  { reason: "host-syntax", example: "GET / HTTP/1.1\r\nHost:\r\n\r\n" },
  { reason: "host-syntax", example: "GET / HTTP/1.1\r\nHost: a/b, c\r\n\r\n" },
  { reason: "head-large", example: `${head}A: ${"a".repeat(15_360)}\r\n\r\n` },
  { reason: "head-count", example: `${head}${"A: 1\r\n".repeat(128)}\r\n` },
  {
    reason: "length-syntax",
    pattern: /:[\t ]*0[0-9]+ *\r\n/,
    example: `${head}Content-Length: 05\r\n\r\nhello`,
  },
  {
    reason: "length-syntax",
    pattern: /:[\t ]*[0-9]+[\t ]*\r\n/,
    example: `${head}Content-Length:\t5\r\n\r\nhello`,
  },
  { reason: "te-coding", example: `${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n` },
  {
    reason: "te-syntax",
    pattern: /transfer-encoding:(?:[^\r\n]*[\t ,])?chunked *\r\n/i,
    example: `${head}Transfer-Encoding: ,chunked \r\n\r\n0\r\n\r\n`,
  },
  {
    // A wish for an upgrade makes Node forget the body, whatever its coding is.
    reason: "te-syntax",
    pattern: /^upgrade:/im,
    example: `${head}Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: xchunked\r\n\r\n`,
  },
  {
    reason: "te-version",
    example: "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  },
  { reason: "name-underscore", example: `${head}Content_Length: 5\r\n\r\n` },
  { reason: "connection-names", example: `${head}Connection: host\r\n\r\n` },
  { reason: "expect", example: `${head}Expect: 100-continue, x\r\n\r\n` },
  {
    reason: "chunk-size",
    pattern: /\r\n0[0-9a-f]{16,}[;\r]/i,
    example: `${chunked}00000000000000005\r\nhello\r\n0\r\n\r\n`,
  },
  {
    reason: "chunk-extension",
    pattern: /\r\n[0-9a-f]+(?=;)[^\r\n]*(?:;;|;=|=[;\r]|[^=]")/i,
    example: `${chunked}5;;a=;b\r\nhello\r\n0\r\n\r\n`,
  },
  { reason: "chunk-extension-large", example: `${chunked}0;${"a".repeat(256)}\r\n\r\n` },
  { reason: "chunk-tiny", example: `${chunked}${"1\r\nx\r\n".repeat(10_001)}0\r\n\r\n` },
  { reason: "trailer-name", example: `${chunked}0\r\nContent-Type: a\r\n\r\n` },
  { reason: "trailer-count", example: `${chunked}0\r\n${"A: 1\r\n".repeat(33)}\r\n` },
  { reason: "trailer-large", example: `${chunked}0\r\nA: ${"a".repeat(8_192)}\r\n\r\n` },
];

function isKnown(reason: string, message: string): boolean {
  return knownDifferences.some(
    (known) => known.reason === reason && (known.pattern?.test(message) ?? true),
  );
}

/** Says what differs between the two readings of `input`, or undefined. */
export async function difference(input: Uint8Array, judge: NodeJudge): Promise<string | undefined> {
  const ours = readRequests(input, []);
  if (ours.end === "more") return undefined; // Nothing was decided yet.
  if (ours.end !== "idle") {
    const rest = input.subarray(ours.messageStart);
    const node = await judge.read(rest);
    const isLaxer = node.refusal === undefined && node.requests.length > 0;
    if (!isLaxer || isKnown(ours.end, latin1(rest))) return undefined;
    return `we refuse with ${ours.end} what Node accepts`;
  }
  // Behind a request that closes, Node refuses any byte; the data path does not read on either.
  // Behind one that asks for an upgrade it drops the rest of the piece. We never pipeline upstream.
  if (ours.requests.slice(0, -1).some(endsReading)) return undefined;
  const node = await judge.read(input);
  return meaningDifference(ours.requests, node.requests, node.refusal);
}

/** Says how Node misreads what we would send it for an accepted request, or undefined. */
export async function forwardingDifference(
  request: ReadRequest,
  judge: NodeJudge,
): Promise<string | undefined> {
  const sent = fromLatin1(forwardedForm(request));
  const [again] = readRequests(sent, []).requests;
  const node = await judge.read(sent);
  if (again === undefined) return "we refuse what we forward";
  return meaningDifference([again], node.requests, node.refusal);
}

function endsReading(request: ReadRequest): boolean {
  const asksUpgrade = request.lines.some(([name]) => name.toLowerCase() === "upgrade");
  return asksUpgrade || request.facts["keepAlive"] !== true;
}

function meaningDifference(
  ours: readonly ReadRequest[],
  nodes: readonly NodeRequest[],
  refusal: string | undefined,
): string | undefined {
  if (refusal !== undefined) return `Node refuses with ${refusal} what we accept`;
  const wanted = JSON.stringify(ours.map(asNodeSeesIt));
  const found = JSON.stringify(nodes);
  return wanted === found ? undefined : `we read ${wanted}, Node reads ${found}`;
}

export function asNodeSeesIt(request: ReadRequest): NodeRequest {
  const [, target = ""] = request.head.split(" ", 2);
  return {
    method: request.method,
    target,
    lines: request.lines,
    body: request.body,
    trailers: request.facts["chunked"] === true ? trailersOf(request.rawBody) : [],
  };
}

/** Walks over the chunks of a body without extensions. */
function trailersOf(rawBody: string): readonly (readonly [string, string])[] {
  let rest = rawBody;
  for (;;) {
    const lineEnd = rest.indexOf("\r\n");
    const size = Number.parseInt(rest.slice(0, lineEnd), 16);
    if (size === 0) {
      return rest
        .slice(lineEnd + 2, -2)
        .split("\r\n")
        .filter((line) => line !== "")
        .map((line): readonly [string, string] => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "")];
        });
    }
    rest = rest.slice(lineEnd + 2 + size + 2);
  }
}
