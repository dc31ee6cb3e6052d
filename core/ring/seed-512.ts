/**
 * The source's map, by name `seed-512`: 512 slots, nine virtual servers each, given hash functions.
 *
 * Invariant, checked by `seed-512.test.ts`:
 *   G18  The map equals the source's slot by slot; every member holds exactly K slots; a member too
 *        many is an error, never an endless search.
 *
 *   slot     ... 26 27 28 29 30 31 32 ...      a request in slot 27 goes clockwise, that is upwards,
 *   server        1  .  .  1  2  .  2          to the nearest taken slot: 29, server 1
 *
 * The source leaves four things open. Decided here: servers count from 1 and virtual servers from 0;
 * clockwise includes the slot itself; the map is always filled in ascending server number, because
 * every order of insertion gives another map and gateways must agree; and a server that is down
 * stays as a *tombstone*: it keeps its slots, lookups pass over them, and when its replacement comes
 * with the same number nothing else has moved.
 *
 * G18's bound holds because the check `members * K <= M` comes before any search, and because every
 * probing continues linearly when M steps found nothing. It must: steps of k * k reach only 87 of
 * 512 slots.
 *
 * It is here for compatibility and for the experiments, never as a default: its functions leave 425
 * of 512 slots without any request. Numbers: docs/protocol/ring.md.
 *
 * Source: CS60002 Distributed Systems, assignment 1 (load balancer), 2024, task 2 and appendix B.
 */
import { ClusterError, invariant } from "../kernel/index.ts";
import { requestHashes, serverHashes } from "./seed-512-hashes.ts";

/** The source's H: where a request goes. Pure, an integer for every integer; taken modulo M here. */
export type RequestHash = (requestId: number, slotCount: number) => number;

/** The source's Phi: where virtual server j of server i stands. As pure as `RequestHash`. */
export type ServerHash = (i: number, j: number, slotCount: number) => number;

/** Where to look after a collision at s, k-th step: s + k, s + k * k, or s + k * (k + 1) / 2. */
export type Probing = "linear" | "quadratic" | "triangular";

export type Seed512Member = {
  /** A positive integer of its own. Hostnames are not numbers; the lowest free one is the custom. */
  readonly number: number;
  /** False for a tombstone: slots reserved, nothing served. */
  readonly live: boolean;
};

export type Seed512Options = {
  /** M, from 1 to 1,048,576. Default 512. */
  readonly slotCount?: number;
  /** K, virtual servers each. Default 9. */
  readonly virtualCount?: number;
  readonly requestHash?: RequestHash;
  readonly serverHash?: ServerHash;
  readonly probing?: Probing;
};

export type Seed512 = {
  /** Ascending by number, tombstones included. */
  readonly members: readonly Seed512Member[];
  /** Number of the server whose virtual server stands in a slot, tombstones too; 0 = free. */
  readonly slots: Int32Array;
  /** Number of the live server that a request in a slot goes to; 0 = nobody is live. */
  readonly owners: Int32Array;
  readonly virtualCount: number;
  readonly requestHash: RequestHash;
  readonly probing: Probing;
  /** Most steps that one virtual server needed to find a free slot. */
  readonly longestProbe: number;
};

const slotCountMax = 2 ** 20;
const numberMax = 2 ** 31 - 1;

/**
 * Builds the map of a set of members.
 *
 * @param members - In any order; the result is the same.
 * @throws ClusterError `RING_FULL` when members, tombstones included, times K exceed the slots,
 *   `RING_NUMBER` for a number that is no positive 32-bit integer or stands twice, `RING_OPTION` for
 *   an impossible setting or a hash function whose result is no integer.
 *
 * @example
 * ```ts
 * const map = placeSeed512([1, 2, 3].map((number) => ({ number, live: true })));
 * ownerOfSeed512(map, 132574); // 3
 * ```
 */
export function placeSeed512(
  members: readonly Seed512Member[],
  options: Seed512Options = {},
): Seed512 {
  const {
    slotCount = 512,
    virtualCount = 9,
    requestHash = requestHashes.source,
    serverHash = serverHashes.source,
    probing = "linear",
  } = options;
  const sorted = [...members].sort((a, b) => a.number - b.number);
  checkNumbers(sorted);
  checkCount("slotCount", slotCount, slotCountMax);
  checkCount("virtualCount", virtualCount, slotCount);
  checkRoom(sorted.length, virtualCount, slotCount);

  const slots = new Int32Array(slotCount);
  let longestProbe = 0;
  for (const { number } of sorted) {
    for (let j = 0; j < virtualCount; j++) {
      const home = slotOf(serverHash(number, j, slotCount), slotCount, "serverHash");
      const { slot, steps } = freeSlot(slots, home, probing);
      slots[slot] = number;
      longestProbe = Math.max(longestProbe, steps);
    }
  }
  return {
    members: sorted,
    slots,
    owners: ownersOf(slots, sorted),
    virtualCount,
    requestHash,
    probing,
    longestProbe,
  };
}

/**
 * The number of the live server for a request, or undefined when no server is live.
 *
 * @param requestId - Any safe integer.
 */
export function ownerOfSeed512(map: Seed512, requestId: number): number | undefined {
  const owner = map.owners[requestSlot(map, requestId)];
  return owner === 0 ? undefined : owner;
}

/** The slot that a request falls into, before it goes clockwise. @internal */
export function requestSlot(map: Seed512, requestId: number): number {
  const slotCount = map.slots.length;
  return slotOf(map.requestHash(requestId, slotCount), slotCount, "requestHash");
}

function freeSlot(
  slots: Int32Array,
  home: number,
  probing: Probing,
): { readonly slot: number; readonly steps: number } {
  const slotCount = slots.length;
  let slot = home;
  let steps = 0;
  while (slots[slot] !== 0) {
    steps++;
    invariant(steps <= 2 * slotCount, "a map with room has a free slot within 2 M steps");
    const distance = steps <= slotCount ? distanceOf(steps, probing) : steps - slotCount;
    slot = (home + distance) % slotCount;
  }
  return { slot, steps };
}

function distanceOf(k: number, probing: Probing): number {
  if (probing === "quadratic") return k * k;
  if (probing === "triangular") return (k * (k + 1)) / 2;
  return k;
}

/** Two turns against the clock: the second one carries owners over the seam at slot 0. */
function ownersOf(slots: Int32Array, members: readonly Seed512Member[]): Int32Array {
  const live = new Set(members.filter((member) => member.live).map(({ number }) => number));
  const owners = new Int32Array(slots.length);
  let owner = 0;
  for (let step = 2 * slots.length - 1; step >= 0; step--) {
    const slot = step % slots.length;
    const number = slots[slot] ?? 0;
    if (live.has(number)) owner = number;
    owners[slot] = owner;
  }
  return owners;
}

function slotOf(value: number, slotCount: number, field: string): number {
  if (!Number.isSafeInteger(value)) {
    throw new ClusterError("RING_OPTION", {
      message: `${field} returned ${value}. It must return a safe integer; reduce its input modulo the slot count first.`,
      details: { field, value },
    });
  }
  const slot = value % slotCount;
  return slot < 0 ? slot + slotCount : slot;
}

function checkNumbers(sorted: readonly Seed512Member[]): void {
  for (const [index, { number }] of sorted.entries()) {
    const valid = Number.isInteger(number) && number > 0 && number <= numberMax;
    if (valid && sorted[index + 1]?.number !== number) continue;
    throw new ClusterError("RING_NUMBER", {
      message: valid
        ? `Server number ${number} is used twice. Give the new server the lowest free number.`
        : `Server number ${number} is not an integer from 1 to ${numberMax}.`,
      details: { number },
    });
  }
}

function checkCount(field: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new ClusterError("RING_OPTION", {
    message: `${field} is ${value}. Use an integer from 1 to ${most}.`,
    details: { field, value },
  });
}

function checkRoom(memberCount: number, virtualCount: number, slotCount: number): void {
  if (memberCount * virtualCount <= slotCount) return;
  const membersMax = Math.floor(slotCount / virtualCount);
  throw new ClusterError("RING_FULL", {
    message: `${memberCount} servers with ${virtualCount} virtual servers each do not fit into ${slotCount} slots. Keep at most ${membersMax} servers, or use the default placement.`,
    details: { memberCount, membersMax, virtualCount, slotCount },
  });
}
