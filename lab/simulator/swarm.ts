/**
 * Draws the weather of a run: which kinds of faults it knows at all, how often they come, how long
 * they last. A run that knows every fault finds less than many runs that know a few each.
 *
 * Source: A. Groce et al., "Swarm Testing" (2012).
 */
import type { Chance } from "./chance.ts";
import type { Fault, Links, Storage, TimedFault } from "./fault.ts";
import type { NetworkOptions } from "./network.ts";

export type Climate = {
  readonly nodes: number;
  readonly stormMs: number;
  /** The time scale of the protocol: pauses and cuts last from a fraction to several of these. */
  readonly scaleMs: number;
  /** Clocks run between 1 - rho and 1 + rho. */
  readonly rho: number;
  readonly storages: readonly [Storage, ...Storage[]];
  /** Kinds that this harness can stand at all. */
  readonly kinds: readonly FaultKind[];
};

export type FaultKind = "crash" | "pause" | "cut" | "rate" | "wall" | "stall" | "close" | "refuse";

/** A subset of the climate's kinds, and for each a string of faults over the storm. */
export function drawFaults(chance: Chance, climate: Climate): readonly TimedFault[] {
  const { stormMs, scaleMs, kinds } = climate;
  const faults: TimedFault[] = [];
  for (const kind of kinds) {
    if (chance.happens(0.5)) continue;
    const everyMs = kind === "rate" ? stormMs : scaleMs * chance.between(1, 8);
    let atMs = kind === "rate" ? 0 : chance.between(0, everyMs);
    while (atMs < stormMs) {
      if (kind === "rate") faults.push(...drawRates(chance, climate));
      else faults.push({ atMs, ...drawFault(chance, climate, kind) });
      atMs += chance.between(0.1, 2) * everyMs;
    }
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** Half of the networks are good; the others lose, repeat and delay, each by its own measure. */
export function drawNetwork(chance: Chance, scaleMs: number): NetworkOptions {
  const isBad = chance.happens(0.5);
  const some = (most: number): number => (isBad && chance.happens(0.6) ? chance.next() * most : 0);
  return {
    leastMs: chance.between(0.05, 0.5),
    moreMs: chance.between(0.05, 2),
    lossChance: some(0.1),
    twiceChance: some(0.05),
    tailChance: some(0.05),
    tailLeastMs: scaleMs / 30,
    tailMostMs: scaleMs * chance.between(0.2, 2.5),
    tailKinds: undefined,
    finLostChance: some(0.5),
  };
}

/** Either each clock by itself, or all of them pinned at the limits, which is worst. */
function drawRates(chance: Chance, { nodes, rho }: Climate): readonly TimedFault[] {
  const isPinned = chance.happens(0.5);
  return Array.from({ length: nodes }, (_, node) => {
    const error = isPinned ? (chance.happens(0.5) ? rho : -rho) : chance.between(-rho, rho);
    return { atMs: 0, type: "rate", node, rate: 1 + error };
  });
}

function drawFault(
  chance: Chance,
  climate: Climate,
  kind: Exclude<FaultKind, "rate">,
): Exclude<Fault, { readonly type: "word" | "rate" }> {
  const { nodes, scaleMs, storages } = climate;
  const node = chance.whole(0, nodes - 1);
  const forMs = scaleMs * (chance.happens(0.5) ? chance.between(0.02, 1) : chance.between(0.5, 4));
  switch (kind) {
    case "crash": {
      const storage = chance.pick(storages);
      return { type: "crash", node, storage, isHostDown: chance.happens(0.3), forMs };
    }
    case "pause":
      return { type: "pause", node, forMs };
    case "cut":
      return { type: "cut", ...drawCut(chance, nodes, node), forMs };
    case "wall":
      return { type: "wall", node, byMs: chance.between(-3_600_000, 3_600_000) };
    case "stall":
      return { type: "stall", node, forMs };
    case "close":
      return { type: "close", node, peer: (node + chance.whole(1, nodes - 1)) % nodes };
    case "refuse":
      return { type: "refuse", node, forMs };
  }
}

const shapes = ["around", "into", "out of", "half", "ring", "link", "one-way link"] as const;
type Shape = (typeof shapes)[number];

/** The shapes in which networks break: around a node, one way, in two, in a ring, one link. */
function drawCut(chance: Chance, nodes: number, node: number): { shape: string; links: Links } {
  const shape = chance.pick(shapes);
  const all = everyLink(nodes);
  const other = (node + chance.whole(1, nodes - 1)) % nodes;
  const sides = Array.from({ length: nodes }, () => chance.happens(0.5));
  const isNear = (a: number, b: number): boolean => (a + 1) % nodes === b || (b + 1) % nodes === a;
  const isCut: Readonly<Record<Shape, (a: number, b: number) => boolean>> = {
    around: (a, b) => a === node || b === node,
    into: (_, b) => b === node,
    "out of": (a) => a === node,
    half: (a, b) => sides[a] !== sides[b],
    ring: (a, b) => !isNear(a, b),
    link: (a, b) => (a === node && b === other) || (a === other && b === node),
    "one-way link": (a, b) => a === node && b === other,
  };
  return { shape, links: all.filter(([a, b]) => isCut[shape](a, b)) };
}

export function everyLink(nodes: number): Links {
  return Array.from(
    { length: nodes * nodes },
    (_, link) => [Math.floor(link / nodes), link % nodes] as const,
  ).filter(([from, to]) => from !== to);
}
