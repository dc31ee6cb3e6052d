/**
 * What `ring.ts` reports. Lookups are timed in rounds that alternate between all sizes, so that a
 * disturbance hits all of them alike, and in slices of some 0.2 ms: most slices are shorter than what
 * the scheduler gives, so the median does not count the time that other processes took. (Processor
 * time does not help: many kernels advance it in ticks of milliseconds.) Everything but time is
 * computed exactly from the tables.
 */
import { draw, instanceName, invariant, mix32, rngFrom } from "@prunella/core/kernel";
import {
  compare,
  describe,
  describeSeed512,
  hashKey,
  ownerIndex,
  ownerOf,
  type Placement,
  place,
  placeSeed512,
  type RingMember,
} from "@prunella/core/ring";
import { type Spread, spreadOf } from "./report.ts";

const lookupSizes = [3, 10, 100, 1_000, 3_000, 10_000];
const keyCount = 65_536;
const sliceCount = 4_096;

export type Lookup = {
  readonly members: number;
  readonly slots: number;
  /** Nanoseconds for one lookup. */
  readonly number: Spread;
  readonly text: Spread;
  readonly name: Spread;
};

/** Ready-made numbers, strings that must be hashed, and strings whose answer is a name. */
export function measureLookups(rounds: number): readonly Lookup[] {
  // Through bytes, because a concatenated string is a tree until something reads it.
  const texts = Array.from({ length: keyCount }, (_, index) =>
    Buffer.from(`/user/${mix32(index)}`).toString("latin1"),
  );
  const hashes = Uint32Array.from({ length: keyCount }, (_, index) => mix32(index));
  const subjects = lookupSizes.map((members) => ({
    placement: place(membersOf(members)),
    number: [] as number[],
    text: [] as number[],
    name: [] as number[],
  }));
  for (let round = -3; round < rounds; round++) {
    for (const { placement, number, text, name } of subjects) {
      const slices = [
        timeSlices((start, end) => lookUpNumbers(placement, { keys: hashes, start, end })),
        timeSlices((start, end) => lookUpTexts(placement, { keys: texts, start, end })),
        timeSlices((start, end) => lookUpNames(placement, { keys: texts, start, end })),
      ];
      if (round < 0) continue; // The compiler is still at work.
      for (const [index, list] of [number, text, name].entries())
        list.push(...(slices[index] ?? []));
    }
  }
  return subjects.map(({ placement, number, text, name }) => ({
    members: placement.members.length,
    slots: placement.slots.length,
    number: spreadOf(number),
    text: spreadOf(text),
    name: spreadOf(name),
  }));
}

/** Looks up all keys and notes for each slice of them how many nanoseconds one lookup took. */
function timeSlices(lookUp: (start: number, end: number) => number): readonly number[] {
  const tookNs: number[] = [];
  for (let start = 0; start < keyCount; start += sliceCount) {
    const began = process.hrtime.bigint();
    const sum = lookUp(start, start + sliceCount);
    tookNs.push(Number(process.hrtime.bigint() - began) / sliceCount);
    invariant(sum >= 0, "the sum is used, so that no compiler may leave the work out");
  }
  return tookNs;
}

type Slice<Key> = { readonly keys: ArrayLike<Key>; readonly start: number; readonly end: number };

function lookUpNumbers(placement: Placement, { keys, start, end }: Slice<number>): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += ownerIndex(placement, keys[at] ?? 0);
  return sum;
}

function lookUpTexts(placement: Placement, { keys, start, end }: Slice<string>): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += ownerIndex(placement, hashKey(keys[at] ?? "", 1));
  return sum;
}

function lookUpNames(placement: Placement, { keys, start, end }: Slice<string>): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += ownerOf(placement, hashKey(keys[at] ?? "", 1)).length;
  return sum;
}

export type Build = {
  readonly members: number;
  readonly slots: number;
  readonly buildMs: Spread;
  readonly tableKiB: number;
  readonly maxOverMean: number;
  readonly leaveMoved: number;
  readonly joinMoved: number;
  readonly needlessly: number;
};

export function measureBuilds(): readonly Build[] {
  return [3, 10, 30, 100, 300, 655, 1_000, 3_000, 10_000].map((count) => {
    const members = membersOf(count);
    const timesMs: number[] = [];
    for (let round = 0; round < (count > 1_000 ? 3 : 9); round++) {
      const start = performance.now();
      place(members);
      timesMs.push(performance.now() - start);
    }
    const whole = place(members);
    const slotCount = whole.slots.length;
    const left = compare(whole, place(members.toSpliced(count >> 1, 1), { slotCount }));
    const joined = compare(whole, place([...members, ...membersOf(1, "new")], { slotCount }));
    return {
      members: count,
      slots: slotCount,
      buildMs: spreadOf(timesMs),
      tableKiB: whole.slots.byteLength / 1_024,
      maxOverMean: describe(whole).maxOverMean,
      leaveMoved: left.moved,
      joinMoved: joined.moved,
      needlessly: Math.max(left.extra, joined.extra),
    };
  });
}

export type Balance = { readonly members: number; readonly maxOverMean: number };

/** Every count of members that one service is likely to have. */
export function measureBalance(): readonly Balance[] {
  return Array.from({ length: 98 }, (_, index) => {
    const { maxOverMean } = describe(place(membersOf(index + 3)));
    return { members: index + 3, maxOverMean };
  });
}

export type Worst = {
  readonly sets: number;
  readonly what: string;
  readonly maxOverMean: number;
  /** Largest fraction of keys that moved between two members that stayed. */
  readonly needlessly: number;
  readonly atMembers: number;
};

/** The worst of many random sets with random names, of which one random member leaves. */
export function searchWorst(sets: number): readonly Worst[] {
  const random = randomFrom(1);
  const tenfold = (): number => (1 + Math.floor(random() * 10)) / 10;
  const search = (what: string, count: number, most: number, weight: () => number): Worst => {
    let worst: Worst = { sets: count, what, maxOverMean: 0, needlessly: 0, atMembers: 0 };
    for (let set = 0; set < count; set++) {
      const size = 2 + Math.floor(random() * (most - 1));
      const members = Array.from({ length: size }, (_, index) => ({
        id: instanceName(`m${Math.floor(random() * 2 ** 32).toString(36)}-${index}`),
        weight: weight(),
      }));
      const whole = place(members);
      const gone = Math.floor(random() * size);
      const rest = place(members.toSpliced(gone, 1), { slotCount: whole.slots.length });
      const { extra } = compare(whole, rest);
      const maxOverMean = Math.max(worst.maxOverMean, describe(whole).maxOverMean);
      worst = { ...worst, maxOverMean };
      if (extra > worst.needlessly) worst = { ...worst, needlessly: extra, atMembers: size };
    }
    return worst;
  };
  return [
    search("2 to 100 members", sets, 100, () => 1),
    search("2 to 1310 members", Math.ceil(sets / 10), 1_310, () => 1),
    search("2 to 100, weights 0.1 to 1", sets, 100, tenfold),
  ];
}

export function describeSource(): { reachable: number; shares: string; maxOverMean: string } {
  const map = placeSeed512([1, 2, 3].map((number) => ({ number, live: true })));
  const { share, maxOverMean, reachableSlotCount } = describeSeed512(map);
  return {
    reachable: reachableSlotCount,
    shares: share.map((part) => `${(100 * part).toFixed(1)} %`).join(" "),
    maxOverMean: maxOverMean.toFixed(2),
  };
}

function membersOf(count: number, name = "hello"): readonly RingMember[] {
  return Array.from({ length: count }, (_, index) => ({
    id: instanceName(`${name}-${index + 1}`),
    weight: 1,
  }));
}

function randomFrom(seed: number): () => number {
  let rng = rngFrom(seed);
  return () => {
    const drawn = draw(rng);
    rng = drawn.rng;
    return drawn.value;
  };
}
