/** Small damage to bytes, of the kinds that make two parsers disagree. */
import type { Draws } from "./draws.ts";

const special = [
  0x0d, 0x0a, 0x20, 0x09, 0x3a, 0x2c, 0x3b, 0x3d, 0x22, 0x00, 0x80, 0xff, 0x0b, 0x30, 0x23, 0x5f,
] as const;

/** Up to three mutations; often none at all. `others` are messages to splice with. */
export function mutate(draws: Draws, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = input;
  const count = draws.one([0, 0, 1, 1, 2, 3]);
  for (let index = 0; index < count && bytes.length > 0; index++) bytes = once(draws, bytes, other);
  return bytes;
}

function once(draws: Draws, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const at = draws.below(bytes.length);
  switch (draws.below(7)) {
    case 0:
      return splice(bytes, at, 0, Uint8Array.of(draws.one(special)));
    case 1:
      return splice(bytes, at, 1, new Uint8Array(0));
    case 2:
      return splice(bytes, at, 0, bytes.subarray(at, at + 1 + draws.below(8)));
    case 3:
      return splice(bytes, at, 1, Uint8Array.of(draws.one(special)));
    case 4:
      return splice(bytes, at, 1, Uint8Array.of(draws.below(256)));
    case 5:
      return swapped(bytes, at);
    default:
      return splice(bytes, at, bytes.length - at, other.subarray(draws.below(other.length)));
  }
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

/** Two neighbours change places: CR LF becomes LF CR. */
function swapped(bytes: Uint8Array, at: number): Uint8Array {
  const result = bytes.slice();
  const next = Math.min(at + 1, bytes.length - 1);
  result[at] = bytes[next] ?? 0;
  result[next] = bytes[at] ?? 0;
  return result;
}
