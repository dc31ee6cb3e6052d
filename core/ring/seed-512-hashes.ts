/**
 * Hash functions for the source's map: its own, and well mixed ones to compare with.
 *
 * `(i + 1)^2 + 16` is what the source's H is, and there are only 87 squares modulo 512: that is why
 * 425 slots never see a request. The mixed functions are what experiment A-4 puts in their place.
 */
import { mix32 } from "../kernel/index.ts";
import type { RequestHash, ServerHash } from "./seed-512.ts";

/**
 * H by name. `source` is i^2 + 2i + 17. The id is reduced first, which changes nothing modulo M and
 * keeps squares of ids above 94,906,265 exact.
 */
export const requestHashes = {
  source: (requestId, slotCount) => {
    const i = requestId % slotCount;
    return i * i + 2 * i + 17;
  },
  mixed: (requestId) => mix32(requestId),
} as const satisfies Record<string, RequestHash>;

/** Phi by name. `source` is i^2 + j^2 + 2j + 25, its server number reduced in the same way. */
export const serverHashes = {
  source: (number, j, slotCount) => {
    const i = number % slotCount;
    return i * i + j * j + 2 * j + 25;
  },
  mixed: (number, j) =>
    mix32(Math.imul(number, 0x9e3779b1) ^ Math.imul(j + 0x7f4a7c15, 0x85ebca77)),
} as const satisfies Record<string, ServerHash>;
