/** What a client received on one connection, split into answers: written without our own parser. */
import { fieldOf } from "../peers/raw-client.ts";

export type Answer = {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
};

export type Answers = {
  /** Final answers; interim ones are left out. */
  readonly finals: readonly Answer[];
  /** What is behind the last whole answer: nothing, or one that broke off. */
  readonly rest: string;
};

/** @param methods - Of the requests in their order: an answer to HEAD has no body. */
export function splitAnswers(received: string, methods: readonly string[]): Answers {
  const finals: Answer[] = [];
  let at = 0;
  for (;;) {
    const headEnd = received.indexOf("\r\n\r\n", at);
    if (headEnd < 0) return { finals, rest: received.slice(at) };
    const [line = "", ...fields] = received.slice(at, headEnd).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) return { finals, rest: received.slice(at) };
    const bodyStart = headEnd + 4;
    if (status < 200 && status !== 101) {
      at = bodyStart;
      continue;
    }
    const isBodiless =
      methods[finals.length] === "HEAD" || status === 101 || status === 204 || status === 304;
    const end = isBodiless ? bodyStart : bodyEnd(received, bodyStart, fields);
    if (end === undefined) return { finals, rest: received.slice(at) };
    finals.push({ status, fields, body: received.slice(bodyStart, end) });
    at = end;
  }
}

/** Where the body ends; undefined while it is incomplete. */
function bodyEnd(text: string, start: number, fields: readonly string[]): number | undefined {
  if (fieldOf(fields, "transfer-encoding") === undefined) {
    const length = fieldOf(fields, "content-length");
    const end = length === undefined ? text.length : start + Number(length);
    return end <= text.length ? end : undefined;
  }
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) {
      const end = text.startsWith("\r\n", lineEnd + 2)
        ? lineEnd + 4
        : text.indexOf("\r\n\r\n", lineEnd) + 4;
      return end < lineEnd + 4 ? undefined : end;
    }
    at = lineEnd + 2 + size + 2;
    if (!(at <= text.length)) return undefined;
  }
}
