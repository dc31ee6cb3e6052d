/**
 * What may name a host: letters, digits, `-._~`, `%hh`, or an IPv6 address in brackets; then a port.
 *
 * Stricter than RFC 3986, section 3.2.2: sub-delimiters, user information, zone ids and empty ports
 * are refused, because routers and instances disagree about them (RFC 9110, section 7.2).
 */
import { byteClass, colon, dot, hexValue, hostByte, percent } from "./byte-classes.ts";

const bracketOpen = 0x5b;
const bracketClose = 0x5d;
const zero = 0x30;

/** Returns where the name ends and the port or nothing begins, or -1 when this is no host. */
export function hostNameEndOf(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  const nameEnd =
    bytes[start] === bracketOpen ? bracketEnd(bytes, start, end) : plainEnd(bytes, start, end);
  if (nameEnd <= start) return -1;
  return nameEnd === end || isPort(bytes, nameEnd, end) ? nameEnd : -1;
}

function plainEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if ((byteClass[byte] ?? 0) & hostByte) at++;
    else if (byte === percent && isHexAt(bytes, at + 1, end) && isHexAt(bytes, at + 2, end))
      at += 3;
    else break;
  }
  return at;
}

function bracketEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start + 1;
  while (at < end && bytes[at] !== bracketClose) at++;
  return at < end && isIpv6(bytes, start + 1, at) ? at + 1 : -1;
}

/** A colon and 1 to 65535 without leading zero. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  const digits = end - start - 1;
  if (bytes[start] !== colon || digits < 1 || digits > 5 || bytes[start + 1] === zero) return false;
  const port = decimal(bytes, start + 1, end);
  return port >= 1 && port <= 65_535;
}

function isIpv6(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  let groups = 0;
  let compressed = false;
  if (bytes[at] === colon) {
    if (bytes[at + 1] !== colon || at + 2 > end) return false;
    compressed = true;
    at += 2;
  }
  while (at < end) {
    let group = at;
    while (group < end && group - at < 4 && isHexAt(bytes, group, end)) group++;
    if (bytes[group] === dot && group < end) {
      if (!isIpv4(bytes, at, end)) return false;
      groups += 2;
      break;
    }
    if (group === at) return false;
    groups++;
    at = group;
    if (at === end) break;
    if (bytes[at] !== colon) return false;
    at++;
    if (at === end) return false;
    if (bytes[at] !== colon) continue;
    if (compressed) return false;
    compressed = true;
    at++;
  }
  return compressed ? groups <= 7 : groups === 8;
}

function isIpv4(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (let octet = 0; octet < 4; octet++) {
    let stop = at;
    while (stop < end && bytes[stop] !== dot) stop++;
    const length = stop - at;
    if (length < 1 || length > 3 || (length > 1 && bytes[at] === zero)) return false;
    const value = decimal(bytes, at, stop);
    if (value < 0 || value > 255 || octet < 3 !== stop < end) return false;
    at = stop + 1;
  }
  return at === end + 1;
}

/** The number of at most five digits, or -1. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - zero;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
  }
  return value;
}

function isHexAt(bytes: Uint8Array, at: number, end: number): boolean {
  return at < end && (hexValue[bytes[at] ?? 0] ?? 255) < 16;
}
