/**
 * Makes HTTP/1.1 messages that are right, or nearly so: wrong in the ways that matter, which are
 * framing, Host, Connection, white space and chunks. Damage to bytes comes on top (`byte-mutation.ts`).
 *
 * Strings hold one byte per character.
 */
import type { Draws } from "./draws.ts";

type Choices = readonly [string, ...string[]];
/** What a message should say, and what it may say when it is wrong. */
type Part = { readonly right: Choices; readonly wrong: Choices };

const methods: Part = {
  right: ["GET", "GET", "GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "M-SEARCH"],
  wrong: ["CONNECT", "TRACE", "get", "FETCH", "", "G(T", "PRI"],
};
const targets: Part = {
  right: [
    "/",
    "/home",
    "/home?id=123456",
    "/a/b/c;d=e?f=g&h",
    "//x",
    "/a..b",
    "/[x]|{y}",
    "/?",
    "http://h.example/",
    "https://h.example:8443/p?q",
    "http://h.example",
    "http://[::1]/?x",
  ],
  wrong: [
    "/%2e%2e/x",
    "/./",
    "*",
    "http://u@h/",
    "ftp://x/",
    "h:80",
    "/#f",
    "/\x7f",
    "/\xe9",
    "?",
    "",
  ],
};
const versions: Part = {
  right: ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"],
  wrong: ["HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", "HTTP/11", ""],
};
const hosts: Part = {
  right: ["h.example", "127.0.0.1:8080", "[::1]:80", "h", "x%2f"],
  wrong: ["", "u@h", "a b", "h:0", "h,h", "[::g]"],
};
const lengths: Part = {
  right: ["5", "5", "5", "0", "2"],
  wrong: ["05", "+5", "5,5", "-1", "0x5", "5 ", "5\t", "", "99999999999999999999"],
};
const codings: Part = {
  right: ["chunked", "chunked", "Chunked"],
  wrong: [
    "chunked ",
    "\tchunked",
    "gzip, chunked",
    "chunked, gzip",
    "xchunked",
    "identity",
    "chunked;q=1",
    "",
    "chunked,chunked",
  ],
};
const connections: Part = {
  right: [
    "close",
    "keep-alive",
    "Upgrade",
    "keep-alive, Upgrade",
    "X-Hop",
    "close, X-Hop, Y",
    "TE, trailers",
    ",,",
    "",
    "X-Forwarded-For",
    "Via, Date, ETag, Cookie",
  ],
  wrong: ["Content-Length", "transfer-encoding", "a b", "host", "x;y", "Expect"],
};
const fields: Part = {
  right: [
    "Accept: */*",
    "User-Agent: curl/8",
    "Cookie: a=b; session=0123",
    "X-Hop: 1",
    "TE: trailers",
    "Via: 1.1 shop",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "Expect: 100-continue",
    "X-Forwarded-For: 1.2.3.4",
    "ETag: x",
    "X-Forwarded-Proto: https",
    "Forwarded: for=x",
    "X-Request-Id: abc",
    "Prunella-Term: 3",
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: x",
    "X-Odd: \t\x80\xff ",
    "A:",
    "Trailer: X-Sum",
    "Content-Type: text/plain",
    "x_y: z",
  ],
  wrong: [
    "Content_Length: 4",
    "A :1",
    " folded",
    "\tfolded",
    "NoColon",
    ": empty",
    "A: \x00",
    "A: \x0b",
    "A(: 1",
    "Expect: x",
    "A: 1\nB: 2",
    "A: 1\rB: 2",
  ],
};
const trailers: Part = {
  right: ["X-Sum", "ETag", "x_y", "X-Hopper"],
  wrong: ["Host", "Content-Length", "A ", "", "Set-Cookie", "X-Hop", "Content_Length"],
};
const extensions: Part = {
  right: ["", "", "", ";a", ";a=b", ';a="b c"', ";a=b;c=d", ';a="\\""'],
  wrong: [";", "; a", ";a=", ';a="x', " ", ";=", "\t", ";a\n"],
};
const sizes: Choices = ["g", "0x5", "-1", "00000000000000005", "", "5 ", "ffffffffffffffff"];
const statuses: Part = {
  right: [
    "200 OK",
    "200 OK",
    "204 No Content",
    "304 Not Modified",
    "100 Continue",
    "101 Switch",
    "404",
    "503 ",
  ],
  wrong: ["600 X", "20 X", "099", "2000", "abc"],
};
const newlines: Choices = ["\n", "\r", "\r\r\n", "\n\n"];

/** Draws parts of one message, of which `wrongPer` in a hundred are wrong. */
class Writer {
  readonly draws: Draws;
  readonly #wrongPer: number;

  constructor(draws: Draws) {
    this.draws = draws;
    this.#wrongPer = draws.one([0, 0, 2, 8]);
  }

  isWrong(): boolean {
    return this.draws.percent(this.#wrongPer);
  }

  part(part: Part): string {
    return this.draws.one(this.isWrong() ? part.wrong : part.right);
  }

  space(): string {
    return this.isWrong() ? this.draws.one(["  ", "\t", "", " \t"]) : " ";
  }
}

/** One request, complete unless a wrong length says otherwise. */
export function requestFrom(draws: Draws): string {
  const writer = new Writer(draws);
  const method = writer.part(methods);
  const target = writer.part(targets);
  const lines = [`${method}${writer.space()}${target}${writer.space()}${writer.part(versions)}`];
  if (!writer.isWrong()) lines.push(`Host: ${writer.part(hosts)}`);
  if (writer.isWrong()) lines.push("host: h.example");
  return finish(writer, lines, 5);
}

/** One response. */
export function responseFrom(draws: Draws): string {
  const writer = new Writer(draws);
  const version = writer.part(versions);
  const lines = [`${version}${writer.space()}${writer.part(statuses)}`];
  if (draws.percent(50)) lines.push("Date: Sun, 06 Nov 1994 08:49:37 GMT");
  return finish(writer, lines, 4);
}

/** Adds fields, framing, and the body that the framing asks for. */
function finish(writer: Writer, lines: string[], fieldsMax: number): string {
  const { draws } = writer;
  const count = draws.below(fieldsMax);
  for (let index = 0; index < count; index++) {
    lines.push(draws.percent(25) ? `Connection: ${writer.part(connections)}` : writer.part(fields));
  }
  let body = "";
  const kind = draws.below(10);
  if (kind < 3 || writer.isWrong()) {
    const length = writer.part(lengths);
    lines.push(`Content-Length: ${length}`);
    body = "hello".slice(0, /^\d$/.test(length) ? Number(length) : 5);
  }
  if (kind === 3 || kind === 4 || writer.isWrong()) {
    lines.push(`Transfer-Encoding: ${writer.part(codings)}`);
    body = chunksFrom(writer);
  }
  const newline = writer.isWrong() ? draws.one(newlines) : "\r\n";
  return `${draws.percent(3) ? "\r\n" : ""}${lines.join("\r\n")}${newline}\r\n${body}`;
}

function chunksFrom(writer: Writer): string {
  const { draws } = writer;
  let body = "";
  const count = draws.below(4);
  for (let index = 0; index < count; index++) {
    const size = 1 + draws.below(20);
    const digits = writer.isWrong() ? draws.one(sizes) : size.toString(16);
    const data = "d".repeat(writer.isWrong() ? size + draws.below(3) : size);
    body += `${digits}${writer.part(extensions)}\r\n${data}\r\n`;
  }
  body += `0${writer.part(extensions)}\r\n`;
  const trailerCount = draws.percent(20) ? 1 + draws.below(2) : 0;
  for (let index = 0; index < trailerCount; index++) body += `${writer.part(trailers)}: v\r\n`;
  return `${body}\r\n`;
}
