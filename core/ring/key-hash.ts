/**
 * The hash of a routing key: 32-bit FNV-1a over its bytes, finished with `mix32`.
 *
 * The unit of work is one byte, so that a parser can fold the hash into the scan that it makes
 * anyway: `hashStart`, `hashByte` for each byte, `hashEnd`. FNV costs one multiplication a byte and
 * keys are short, so block hashes gain nothing. Its weakness, poor high bits, is what `mix32`
 * repairs: the table of `placement.ts` reads the high bits. A string means its UTF-8 bytes; hashing
 * UTF-16 units would send the same key to another member than the bytes on the wire do.
 *
 * This is no defence against chosen keys. The load bound (`load-bound.ts`) is.
 *
 * Source: Fowler, Noll, Vo, "FNV hash" (32-bit offset basis and prime), draft-eastlake-fnv.
 */
import { mix32 } from "../kernel/index.ts";

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/** Stands for a code unit that is half of nothing, as in every UTF-8 encoder of the platform. */
const replacementPoint = 0xfffd;

/** The state before the first byte. `seed` is an integer; every gateway of a cluster uses the same. */
export function hashStart(seed = 0): number {
  return offsetBasis ^ seed;
}

/** The state after one more byte, 0 to 255. */
export function hashByte(state: number, byte: number): number {
  return Math.imul(state ^ byte, prime);
}

/** The hash of all bytes folded so far: an unsigned 32-bit integer. */
export function hashEnd(state: number): number {
  return mix32(state);
}

/**
 * The hash of a whole key, an unsigned 32-bit integer.
 *
 * A string is hashed as UTF-8, a lone surrogate as U+FFFD, without encoding it first. O(length), no
 * allocation.
 *
 * @example
 * ```ts
 * hashKey("/home"); // 0xe6a63baf
 * ```
 */
export function hashKey(key: Uint8Array | string, seed = 0): number {
  return typeof key === "string" ? hashText(key, seed) : hashBytes(key, seed);
}

function hashBytes(bytes: Uint8Array, seed: number): number {
  let state = hashStart(seed);
  for (let index = 0; index < bytes.length; index++) state = hashByte(state, bytes[index] ?? 0);
  return hashEnd(state);
}

function hashText(text: string, seed: number): number {
  let state = hashStart(seed);
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) {
      state = hashByte(state, unit);
      continue;
    }
    const point = text.codePointAt(index) ?? replacementPoint;
    if (point > 0xffff) index++; // A pair of surrogates is one code point.
    state = hashPoint(state, point >= 0xd800 && point <= 0xdfff ? replacementPoint : point);
  }
  return hashEnd(state);
}

/** Folds the two to four UTF-8 bytes of a code point from U+0080 on. RFC 3629, section 3. */
function hashPoint(state: number, point: number): number {
  const last = 0x80 | (point & 0x3f);
  if (point < 0x800) return hashByte(hashByte(state, 0xc0 | (point >> 6)), last);
  const third = 0x80 | ((point >> 6) & 0x3f);
  if (point < 0x1_0000) {
    return hashByte(hashByte(hashByte(state, 0xe0 | (point >> 12)), third), last);
  }
  const second = 0x80 | ((point >> 12) & 0x3f);
  const halfway = hashByte(hashByte(state, 0xf0 | (point >> 18)), second);
  return hashByte(hashByte(halfway, third), last);
}
