/**
 * Who owns this key? A Maglev fill of a power-of-two table, read with one shift.
 *
 * Invariants, checked by `placement.test.ts`:
 *   G13  A placement is a pure function of the set of (id, weight) and the slot count. It is equal
 *        in all gateways, whatever order their members came in.
 *   G14  A change of one member moves at most 1/n + 1 % of the keys while the slot count stays. A
 *        restart, an ejection, a slow start or an overload changes no placement, so when it ends
 *        every key is back where it was.
 *
 * Every member walks over all slots in an order of its own. In rounds, each takes the next free slot
 * of its walk until none is left:
 *
 *   walk of a: 5 0 3 6 ...      round 1: a takes 5, b takes 2, c finds 5 taken and takes 4
 *   walk of b: 2 7 4 1 ...      round 2: a takes 0, b takes 7, c finds 7 taken ...
 *   walk of c: 5 4 7 3 ...      and so on: no member is ever more than one slot ahead
 *
 * A walk counts in odd steps modulo the power of two, which meets every number once, and stirs each
 * number by a fold and an odd factor, both one-to-one: so it visits every slot. The stirring is not
 * ornament. With bare steps, two members whose steps are alike chase each other through the table,
 * and in one set out of a thousand a leave then moved 1.6 % to 43 % of the keys without need.
 *
 * G13 holds because members are sorted by id first; another order would fill some slots otherwise.
 * G14 holds because walks depend on the id alone: a member that leaves frees its slots, and most of
 * the others still meet their old ones first. The extra movement is the price of perfect balance; it
 * is largest, 0.77 %, at some 550 members. With weights tenfold apart it is the same, a hundredfold
 * apart 1.5 %. A weight slows a member down: after a round it holds round * weight / heaviest slots,
 * rounded. A member that is entitled to less than half a slot owns none.
 *
 * Source: Eisenbud et al., "Maglev", NSDI 2016, section 3.4. We deviate in these points: the table
 * is a power of two from 2^17 on instead of a prime (a shift is cheaper than a division), walks are
 * stirred, members are sorted, and weights are built in. Numbers: docs/protocol/ring.md.
 */
import { ClusterError, type MemberId, mix32 } from "../kernel/index.ts";
import { hashKey } from "./key-hash.ts";

export type RingMember = {
  readonly id: MemberId;
  /** Share of the keys relative to the others, in (0, 100]; heaviest to lightest at most 1,000. */
  readonly weight: number;
};

/** Immutable and cloneable, so that a worker thread may build it. */
export type Placement = {
  /** Sorted by id. Every index below points into this list. */
  readonly members: readonly RingMember[];
  /** Index of the owner, by slot. The length is a power of two. */
  readonly slots: Uint16Array;
  /** A 32-bit hash shifted right by this is its slot. */
  readonly shift: number;
};

export type PlacementOptions = {
  /**
   * A power of two from 2 to 8,388,608, not less than the members. Without it: 131,072, or the next
   * power of two from 100 slots a member on. **Another slot count is another placement:** a service
   * that will cross 1,310 members (2,621, ...) should fix it beforehand, or nearly every key moves
   * once at the crossing.
   */
  readonly slotCount?: number;
};

/** One less than 16 bits can tell apart; the last value marks a free slot while the table is filled. */
export const ringMembersMax = 65_535;
const freeSlot = 0xffff;
const slotCountMin = 2; // JavaScript shifts by 32 as by 0, so one slot cannot be expressed.
const slotCountMax = 2 ** 23;
const defaultSlotCountMin = 131_072;
const slotsPerMember = 100;
const weightMax = 100;
const weightRatioMax = 1_000;

/** The golden ratio in 32 bits, odd: multiples of it visit every 32-bit number. */
const jumpStep = 0x9e3779b1;
/** Jumps a member on average, before `nextOwner` goes through the members one by one. */
const jumpsPerMember = 7;

/**
 * Builds the table that says which member owns which key.
 *
 * @param members - In any order: 1 to 65,535 with different ids.
 * @throws ClusterError `RING_EMPTY` without a member, `RING_DUPLICATE` when an id stands twice,
 *   `RING_WEIGHT` for a weight that is out of range, `RING_OPTION` for an impossible slot count,
 *   `RING_FULL` for more members than slots or more than 65,535.
 *
 * O(slots log slots): 6 to 13 ms for up to 1,310 members, 15 for 2,000, 100 for 10,000 (one core of a
 * shared machine). Up to some thousand members that is less than a worker thread costs to start. Two bytes a
 * slot.
 *
 * @example
 * ```ts
 * const placement = place([{ id: instanceName("a"), weight: 1 }, { id: instanceName("b"), weight: 1 }]);
 * ownerOf(placement, hashKey("/home"));
 * ```
 */
export function place(members: readonly RingMember[], options: PlacementOptions = {}): Placement {
  const sorted = [...members].sort(byId);
  checkMembers(sorted);
  const slotCount = options.slotCount ?? defaultSlotCount(sorted.length);
  checkSlotCount(slotCount, sorted.length);
  return {
    members: sorted,
    slots: fill(sorted, slotCount),
    shift: 32 - Math.log2(slotCount),
  };
}

/**
 * The owner of a hash as an index into `placement.members`: the form for the data path, one shift
 * and one load. Any number is a valid hash; its low 32 bits count.
 */
export function ownerIndex(placement: Placement, hash: number): number {
  // The shift keeps exactly log2(slots) bits, so the slot always exists.
  return placement.slots[hash >>> placement.shift] ?? 0;
}

/** The id of the owner of a hash. */
export function ownerOf(placement: Placement, hash: number): MemberId {
  return idAt(placement, ownerIndex(placement, hash));
}

/**
 * Where to try next when the owner cannot serve, as an index. `attempt` counts from 1.
 *
 * The first 7n attempts jump to random slots, so that the keys of a sick member spread over all
 * others by weight instead of burying one neighbour (Chen, Coleman, Shrivastava, "Revisiting
 * Consistent Hashing with Bounded Loads", arXiv 1908.08762). Random jumps alone can miss somebody
 * for long; the next n attempts therefore go through the members in order, and every member has its
 * turn within 8n attempts. An answer may repeat an earlier one; the caller remembers what it tried.
 */
export function nextOwnerIndex(placement: Placement, hash: number, attempt: number): number {
  const memberCount = placement.members.length;
  if (attempt > jumpsPerMember * memberCount) return ((hash >>> 0) + attempt) % memberCount;
  return ownerIndex(placement, mix32(hash + Math.imul(attempt, jumpStep)));
}

/** The id of the member to try next; see `nextOwnerIndex`. */
export function nextOwner(placement: Placement, hash: number, attempt: number): MemberId {
  return idAt(placement, nextOwnerIndex(placement, hash, attempt));
}

function idAt(placement: Placement, index: number): MemberId {
  const member = placement.members[index];
  if (member === undefined) throw new RangeError(`the placement has no member ${index}`);
  return member.id;
}

/** By code units, never by language: two machines with different locales must agree. */
function byId(a: RingMember, b: RingMember): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

function fill(members: readonly RingMember[], slotCount: number): Uint16Array {
  const heaviest = members.reduce((most, { weight }) => Math.max(most, weight), 0);
  const speed = Float64Array.from(members, ({ weight }) => weight / heaviest);
  const walks = members.map(({ id }) => walkOf(id, slotCount));
  const held = new Uint32Array(members.length);
  const slots = new Uint16Array(slotCount).fill(freeSlot);

  let freeCount = slotCount;
  for (let round = 1; freeCount > 0; round++) {
    // The heaviest member has speed 1 and moves in every round, so the rounds end.
    for (const [index, walk] of walks.entries()) {
      const count = held[index] ?? 0;
      if (freeCount === 0 || count + 0.5 > round * (speed[index] ?? 0)) continue;
      slots[nextFree(slots, walk)] = index;
      held[index] = count + 1;
      freeCount--;
    }
  }
  return slots;
}

/** Where a member is on its way over the table. Only `position` changes while the table is filled. */
type Walk = {
  position: number;
  readonly step: number;
  readonly factor: number;
  readonly fold: number;
  readonly mask: number;
};

function walkOf(id: MemberId, slotCount: number): Walk {
  const mask = slotCount - 1;
  return {
    position: spread(id, 1) & mask,
    step: (spread(id, 2) & mask) | 1,
    factor: (spread(id, 3) & mask) | 1,
    fold: Math.max(1, Math.log2(slotCount) >>> 1), // By 0 it would not be one-to-one.
    mask,
  };
}

function nextFree(slots: Uint16Array, walk: Walk): number {
  const { step, factor, fold, mask } = walk;
  let { position } = walk;
  let slot: number;
  do {
    position = (position + step) & mask;
    slot = Math.imul(position ^ (position >>> fold), factor) & mask;
  } while (slots[slot] !== freeSlot);
  walk.position = position;
  return slot;
}

/** Independent numbers from one id: k = 1 begins the walk, 2 is its step, 3 stirs it. */
function spread(id: MemberId, k: number): number {
  return mix32(Math.imul(hashKey(id), 0x9e3779b1) ^ Math.imul(k + 0x7f4a7c15, 0x85ebca77));
}

function defaultSlotCount(memberCount: number): number {
  let slotCount = defaultSlotCountMin;
  while (slotCount < slotsPerMember * memberCount) slotCount *= 2;
  return slotCount;
}

function checkMembers(sorted: readonly RingMember[]): void {
  if (sorted.length === 0) throw new ClusterError("RING_EMPTY");
  if (sorted.length > ringMembersMax) {
    throw new ClusterError("RING_FULL", {
      message: `A ring holds at most ${ringMembersMax} members, not ${sorted.length}. Split the service.`,
      details: { memberCount: sorted.length, membersMax: ringMembersMax },
    });
  }
  let lightest = weightMax;
  let heaviest = 0;
  for (const [index, { id, weight }] of sorted.entries()) {
    if (sorted[index + 1]?.id === id) {
      throw new ClusterError("RING_DUPLICATE", {
        message: `Member "${id}" stands in the ring twice. Give every member an id of its own.`,
        details: { id },
      });
    }
    if (!(weight > 0 && weight <= weightMax)) {
      throw new ClusterError("RING_WEIGHT", {
        message: `Member "${id}" has weight ${weight}. Use a number above 0 and up to ${weightMax}.`,
        details: { id, weight },
      });
    }
    lightest = Math.min(lightest, weight);
    heaviest = Math.max(heaviest, weight);
  }
  if (heaviest / lightest > weightRatioMax) {
    throw new ClusterError("RING_WEIGHT", {
      message: `Weights reach from ${lightest} to ${heaviest}. The heaviest may be at most ${weightRatioMax} times the lightest.`,
      details: { lightest, heaviest, ratioMax: weightRatioMax },
    });
  }
}

function checkSlotCount(slotCount: number, memberCount: number): void {
  const fits = slotCount >= slotCountMin && slotCount <= slotCountMax;
  if (!fits || !Number.isInteger(Math.log2(slotCount))) {
    throw new ClusterError("RING_OPTION", {
      message: `slotCount is ${slotCount}. Use a power of two from ${slotCountMin} to ${slotCountMax}.`,
      details: { field: "slotCount", value: slotCount },
    });
  }
  if (memberCount > slotCount) {
    throw new ClusterError("RING_FULL", {
      message: `${memberCount} members do not fit into ${slotCount} slots. Leave slotCount out, or double it.`,
      details: { memberCount, slotCount },
    });
  }
}
