/**
 * Writes heads by copying the received bytes between the lines that are dropped, and adding ours
 * behind them. Order and bytes of everything else stay as they came and nothing is decoded, so no
 * value can inject a line.
 *
 *   G20  Fields that clients must not set reach a member only with values of the gateway or of a
 *        trusted proxy. Ours are added after all that was dropped, so no Connection list removes them.
 */

import {
  ByteRange,
  findHeader,
  type RequestHead,
  type ResponseHead,
  webSocketUpgrade,
} from "../../parser/index.ts";
import type { ClientConnection } from "../state/client-connection.ts";
import type { RequestIds } from "./request-ids.ts";
import type { Slab } from "./slab.ts";

const crlf = Buffer.from("\r\n");
const requestVersion = Buffer.from(" HTTP/1.1\r\n");
const hostName = Buffer.from("Host: ");
const forwardedHostName = Buffer.from("X-Forwarded-Host: ");
const forwardedForName = Buffer.from("X-Forwarded-For: ");
const forwardedProtoName = Buffer.from("X-Forwarded-Proto: ");
const forwardedProtoLine = Buffer.from("X-Forwarded-Proto: http\r\n");
const requestIdName = Buffer.from("X-Request-Id: ");
const upgradeLine = Buffer.from("Connection: Upgrade\r\n");
const closeLine = Buffer.from("Connection: close\r\n");
const keepAliveLine = Buffer.from("Connection: keep-alive\r\n");
const chunkedLine = Buffer.from("Transfer-Encoding: chunked\r\n");
const termName = Buffer.from("Prunella-Term: ");
const dateName = Buffer.from("Date: ");

const forwardedForKey = Buffer.from("x-forwarded-for");
const range = new ByteRange();

/** Names, separators, an address, an id and a date: what we add beside copies and given blocks. */
const ownBytesMax = 512;

/** The lines of a peer that stay the same for all its requests. */
export function forwardedBlock(viaName: string, address: string, isTrusted: boolean): Buffer {
  const via = `Via: 1.1 ${viaName}\r\n`;
  if (isTrusted) return Buffer.from(via, "latin1"); // The rest depends on what the proxy says.
  return Buffer.from(`${via}X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: http\r\n`, "latin1");
}

/** Room for a request head; what follows it in the same piece comes on top. */
export function requestHeadRoom(head: RequestHead, client: ClientConnection): number {
  // Host and forwarding values may appear once more.
  return 2 * (head.end - head.methodStart) + client.forwarded.length + ownBytesMax;
}

/** The caller has reserved `requestHeadRoom`. `defaultHost` is for HTTP/1.0 without a Host. */
export function writeRequestHead(
  slab: Slab,
  bytes: Uint8Array,
  head: RequestHead,
  client: ClientConnection,
  defaultHost: Buffer,
  ids: RequestIds,
): void {
  if (head.rewritesLine) writeRequestLine(slab, bytes, head);
  const from = head.rewritesLine ? head.fieldsStart : head.methodStart;
  copyWithout(slab, bytes, from, head.fieldsEnd, head.drops, head.dropCount);
  if (head.needsHost) {
    if (head.hostStart < 0) writeField(slab, hostName, defaultHost, 0, defaultHost.length);
    else writeField(slab, hostName, bytes, head.hostStart, head.hostEnd);
  }
  if (head.upgrade === webSocketUpgrade) slab.putAll(upgradeLine);
  slab.putAll(client.forwarded);
  if (client.isTrusted) {
    writeTrustedForwarding(slab, bytes, head, client);
  } else if (head.hostStart >= 0) {
    writeField(slab, forwardedHostName, bytes, head.hostStart, head.hostEnd);
  }
  // A trusted peer's id has stayed where it was.
  if (head.requestIdStart < 0) writeField(slab, requestIdName, ids.bytes, 0, ids.bytes.length);
  slab.putAll(crlf);
}

/** Room for `writeWithTerm` beside the bytes that are there. */
const termRoom = 64;

/**
 * A copy of a written request with the line that names the term. The same request may leave under
 * another term, or under none, so the line is not part of what is kept.
 */
export function writeWithTerm(slab: Slab, wire: Buffer, fieldsEndAt: number, term: number): Buffer {
  slab.reserve(wire.length + termRoom);
  const start = slab.at;
  slab.put(wire, 0, fieldsEndAt);
  slab.putAll(termName);
  slab.putText(String(term));
  slab.putAll(crlf);
  slab.put(wire, fieldsEndAt, wire.length);
  return slab.view(start);
}

function writeRequestLine(slab: Slab, bytes: Uint8Array, head: RequestHead): void {
  slab.put(bytes, head.methodStart, head.methodEnd);
  slab.putText(head.needsSlash ? " /" : " ");
  slab.put(bytes, head.targetStart, head.targetEnd);
  slab.putAll(requestVersion);
}

/** A trusted proxy's values stay, all of them on one line, with its own address behind them. */
function writeTrustedForwarding(
  slab: Slab,
  bytes: Uint8Array,
  head: RequestHead,
  client: ClientConnection,
): void {
  slab.putAll(forwardedForName);
  let at: number | undefined;
  for (let line = 0; line < head.forwardedForCount; line++) {
    if (!findHeader(bytes, head, forwardedForKey, range, at)) break;
    slab.put(bytes, range.start, range.end);
    slab.putText(", ");
    at = range.next;
  }
  slab.putText(client.address);
  slab.putAll(crlf);
  if (head.forwardedProtoStart < 0) slab.putAll(forwardedProtoLine);
  else {
    writeField(slab, forwardedProtoName, bytes, head.forwardedProtoStart, head.forwardedProtoEnd);
  }
  const named = head.forwardedHostStart >= 0;
  const start = named ? head.forwardedHostStart : head.hostStart;
  if (start < 0) return;
  writeField(slab, forwardedHostName, bytes, start, named ? head.forwardedHostEnd : head.hostEnd);
}

/** What a response head gets beside what it brings; flags that add up. */
export const withHead = { close: 1, keepAlive: 2, chunked: 4, upgrade: 8, noFraming: 16 } as const;

export function responseHeadRoom(head: ResponseHead): number {
  return head.end - head.start + ownBytesMax;
}

/** The caller has reserved `responseHeadRoom`. `date` are the 29 bytes of now. */
export function writeResponseHead(
  slab: Slab,
  bytes: Uint8Array,
  head: ResponseHead,
  date: Uint8Array,
  flags: number,
): void {
  const { at } = slab;
  if ((flags & withHead.noFraming) !== 0 && head.framingStart >= 0) {
    copyWithoutLine(slab, bytes, head);
  } else {
    copyWithout(slab, bytes, head.start, head.fieldsEnd, head.drops, head.dropCount);
  }
  if (head.minorVersion === 0) slab.block[at + 7] = 0x31; // "HTTP/1.0" becomes "HTTP/1.1".
  if ((flags & withHead.chunked) !== 0) slab.putAll(chunkedLine);
  if ((flags & withHead.close) !== 0) slab.putAll(closeLine);
  if ((flags & withHead.keepAlive) !== 0) slab.putAll(keepAliveLine);
  if ((flags & withHead.upgrade) !== 0) slab.putAll(upgradeLine);
  if (!head.hasDate && head.status >= 200) writeField(slab, dateName, date, 0, date.length);
  slab.putAll(crlf);
}

function writeField(slab: Slab, name: Buffer, bytes: Uint8Array, start: number, end: number): void {
  slab.putAll(name);
  slab.put(bytes, start, end);
  slab.putAll(crlf);
}

function copyWithout(
  slab: Slab,
  bytes: Uint8Array,
  start: number,
  end: number,
  drops: Int32Array,
  dropCount: number,
): void {
  let from = start;
  for (let index = 0; index < dropCount; index++) {
    slab.put(bytes, from, drops[2 * index] ?? from);
    from = drops[2 * index + 1] ?? from;
  }
  slab.put(bytes, from, end);
}

/** As `copyWithout`, and without the framing line, which is none of the drops. */
function copyWithoutLine(slab: Slab, bytes: Uint8Array, head: ResponseHead): void {
  const before = dropsBefore(head, head.framingStart);
  const { drops, dropCount } = head;
  copyWithout(slab, bytes, head.start, head.framingStart, drops, before);
  const rest = drops.subarray(2 * before);
  copyWithout(slab, bytes, head.framingEnd, head.fieldsEnd, rest, dropCount - before);
}

function dropsBefore(head: ResponseHead, offset: number): number {
  let count = 0;
  while (count < head.dropCount && (head.drops[2 * count] ?? 0) < offset) count++;
  return count;
}
