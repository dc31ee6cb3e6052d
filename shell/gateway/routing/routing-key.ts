/**
 * The routing key of a request as a 32-bit hash: the first key source of the service that yields a
 * value. Without any, a drawn number spreads the load evenly.
 */
import { hashKey } from "@prunella/core/ring";
import type { KeySource, ServiceView } from "@prunella/wire/view";
import {
  ByteRange,
  findCookie,
  findHeader,
  findQuery,
  hashRange,
  type RequestHead,
} from "../parser/index.ts";

const range = new ByteRange();
const names = new Map<string, Uint8Array>();
const namesMax = 1_024;

/** What a request without a key gets: the next number of the process. */
export interface Drawing {
  draw(): number;
}

export function keyHash(
  view: ServiceView,
  bytes: Uint8Array,
  head: RequestHead,
  clientAddress: () => string,
  drawing: Drawing,
): number {
  for (const source of view.keys) {
    if (source.from === "request") return drawing.draw();
    if (source.from === "client") return hashKey(clientAddress(), view.seed);
    if (source.from === "path") return hashOfPath(bytes, head, view.seed);
    if (find(source, bytes, head)) return hashRange(bytes, range.start, range.end, view.seed);
  }
  return drawing.draw();
}

function find(
  source: Extract<KeySource, { name: string }>,
  bytes: Uint8Array,
  head: RequestHead,
): boolean {
  switch (source.from) {
    case "query":
      return findQuery(bytes, head, nameBytes(source.name), range);
    case "cookie":
      return findCookie(bytes, head, nameBytes(source.name), range);
    case "header":
      return findHeader(bytes, head, nameBytes(source.name.toLowerCase()), range);
  }
}

function hashOfPath(bytes: Uint8Array, head: RequestHead, seed: number): number {
  if (head.needsSlash) return hashKey("/", seed);
  return hashRange(bytes, head.targetStart, head.pathEnd, seed);
}

function nameBytes(name: string): Uint8Array {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (names.size >= namesMax) names.clear(); // Names come from views, and those change rarely.
  const bytes = Buffer.from(name, "latin1");
  names.set(name, bytes);
  return bytes;
}

const idName = Buffer.from("id");
const requestIdName = Buffer.from("x-request-id");
const digitsMax = 15;

/**
 * The request id of the source's map: query `id` of 1 to 15 digits, else the field X-Request-Id of
 * the same form, else a drawn six-digit number.
 */
export function sourceRequestId(bytes: Uint8Array, head: RequestHead, drawing: Drawing): number {
  if (findQuery(bytes, head, idName, range)) {
    const number = digits(bytes, range.start, range.end);
    if (number >= 0) return number;
  }
  if (findHeader(bytes, head, requestIdName, range)) {
    const number = digits(bytes, range.start, range.end);
    if (number >= 0) return number;
  }
  return 100_000 + (drawing.draw() % 900_000);
}

function digits(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > digitsMax || end === start) return -1;
  let number = 0;
  for (let index = start; index < end; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
