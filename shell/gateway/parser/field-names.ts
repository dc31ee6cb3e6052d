/**
 * Families of field names, and names in disguise.
 *
 * Programs that take requests through CGI-like variables cannot tell `Content_Length` from
 * `Content-Length`. So the underscore forms of names that frame a message, or that only the gateway may
 * set, are refused; other names may contain underscores as they like.
 */
import { ascii, dash, lowerByte, underscore } from "./byte-classes.ts";
import type { FieldLine } from "./field-line.ts";

export const prunellaPrefix = ascii("prunella-");
export const forwardedPrefix = ascii("x-forwarded-");

const disguisedNames = [ascii("content-length"), ascii("transfer-encoding")];
const disguisedPrefixes = [prunellaPrefix, forwardedPrefix];

/** True when the name begins with `prefix`, which is in lower case. */
export function hasPrefix(bytes: Uint8Array, line: FieldLine, prefix: Uint8Array): boolean {
  if (line.nameEnd - line.start < prefix.length) return false;
  for (let index = 0; index < prefix.length; index++) {
    if (lowerByte[bytes[line.start + index] ?? 0] !== prefix[index]) return false;
  }
  return true;
}

/** True when the name, with `-` for `_`, is one that must not come in disguise. */
export function isDisguised(bytes: Uint8Array, line: FieldLine): boolean {
  const length = line.nameEnd - line.start;
  for (const name of disguisedNames) {
    if (length === name.length && looksLike(bytes, line.start, name)) return true;
  }
  for (const prefix of disguisedPrefixes) {
    if (length >= prefix.length && looksLike(bytes, line.start, prefix)) return true;
  }
  return false;
}

/** The caller knows that the name has an underscore somewhere: a prefix may still be honest. */
function looksLike(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    const byte = bytes[start + index] ?? 0;
    if ((byte === underscore ? dash : lowerByte[byte]) !== name[index]) return false;
  }
  return true;
}
