/**
 * Who the client is behind trusted proxies: the rightmost address in X-Forwarded-For that is no
 * trusted proxy itself. Everything left of it was written by somebody we do not know.
 */
import { ByteRange, findHeader, type RequestHead } from "../parser/index.ts";
import type { AddressSet } from "./trusted-proxies.ts";

const forwardedForKey = Buffer.from("x-forwarded-for");
const range = new ByteRange();

/** Whoever is at the other end of a connection. */
export interface Peer {
  readonly address: string;
  /** A proxy whose forwarding fields are believed. */
  readonly isTrusted: boolean;
}

export function clientAddressOf(
  client: Peer,
  bytes: Uint8Array,
  head: RequestHead,
  trustedProxies: AddressSet,
): string {
  if (!client.isTrusted || head.forwardedForCount === 0) return client.address;
  const named: string[] = [];
  let at: number | undefined;
  for (let line = 0; line < head.forwardedForCount; line++) {
    if (!findHeader(bytes, head, forwardedForKey, range, at)) break;
    const text = Buffer.from(bytes.subarray(range.start, range.end)).toString("latin1");
    named.push(...text.split(",").map((part) => part.trim()));
    at = range.next;
  }
  const first = named.findLast((address) => address !== "" && !trustedProxies.has(address));
  return first ?? client.address;
}
