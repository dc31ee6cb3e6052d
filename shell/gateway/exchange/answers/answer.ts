/**
 * The gateway's own answers, built once: status line, Date, type, length, `Connection: close` and a JSON
 * body with the code and the cure. Nothing of the request is echoed.
 *
 * Source: RFC 9110, sections 6.6.1 (Date), 9.3.7 (OPTIONS *) and 15; RFC 9112, section 9.6 (close).
 */
import { ascii } from "../../parser/byte-classes.ts";
import { type Refusal, type RefusalReason, refusal, refusalOf } from "../../refusals.ts";

/** 29 bytes, the length of every IMF-fixdate. */
export const dateBytes = 29;

export type Answer = {
  readonly status: number;
  /** Head and body; the `dateBytes` bytes at `dateStart` are the slot for an IMF-fixdate. */
  readonly bytes: Uint8Array;
  readonly dateStart: number;
  /** Head alone ends here: all that an answer to HEAD may send. */
  readonly headEnd: number;
};

const phrases: Readonly<Record<number, string>> = {
  204: "No Content",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  508: "Loop Detected",
};

/**
 * The answer for one reason.
 *
 * @param extra - Whole lines without CR LF, for example `Retry-After: 1` or `Allow: GET`.
 */
export function buildAnswer(reason: RefusalReason, extra: readonly string[] = []): Answer {
  const row = refusalOf(refusal[reason]);
  return build(row.status, ["Content-Type: application/json", ...extra], bodyOf(row));
}

/** 204 with `Allow`: the answer to `OPTIONS *`, after which the connection lives on or not. */
export function buildOptionsAnswer(methods: readonly string[], closes = false): Answer {
  const close = closes ? ["Connection: close"] : [];
  return build(204, [`Allow: ${methods.join(", ")}`, ...close], undefined);
}

/**
 * Copies an answer to `target` at `offset` with the date stamped in; without the body for HEAD.
 *
 * @param date - `dateBytes` bytes, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
 * @returns The offset behind the last byte written.
 */
export function writeAnswer(
  answer: Answer,
  target: Uint8Array,
  offset: number,
  date: Uint8Array,
  headOnly: boolean,
): number {
  const end = headOnly ? answer.headEnd : answer.bytes.length;
  target.set(answer.bytes.subarray(0, end), offset);
  target.set(date.subarray(0, dateBytes), offset + answer.dateStart);
  return offset + end;
}

function bodyOf(row: Refusal): string {
  return JSON.stringify({ error: { code: row.code, message: row.message } });
}

function build(status: number, lines: readonly string[], body: string | undefined): Answer {
  const start = `HTTP/1.1 ${status} ${phrases[status] ?? ""}\r\nDate: `;
  const framing = body === undefined ? [] : [`Content-Length: ${body.length}`, "Connection: close"];
  const rest = [...lines, ...framing].map((line) => `${line}\r\n`).join("");
  const head = `${start}${" ".repeat(dateBytes)}\r\n${rest}\r\n`;
  return {
    status,
    bytes: ascii(head + (body ?? "")),
    dateStart: start.length,
    headEnd: head.length,
  };
}
