/**
 * The fate of each message: how long it takes, whether it is lost, comes late or comes twice.
 *
 * A message is known by its link, its kind and its number on both. Its fate is a hash of these, so
 * that it does not change when something else in the run does; or it is read from a list, when a
 * recorded run is played again.
 */
import { hashBits, hashDraw } from "./chance.ts";

export type NetworkOptions = {
  /** Ordinary delay: at least `leastMs`, and `moreMs` on average on top, exponentially spread. */
  readonly leastMs: number;
  readonly moreMs: number;
  readonly lossChance: number;
  readonly twiceChance: number;
  readonly tailChance: number;
  readonly tailLeastMs: number;
  readonly tailMostMs: number;
  /** Only messages of these kinds come late; all kinds when undefined. */
  readonly tailKinds: readonly string[] | undefined;
  /** A dead process whose peers are not told that the connection is gone. */
  readonly finLostChance: number;
};

export const calmNetwork: NetworkOptions = {
  leastMs: 0.2,
  moreMs: 0.2,
  lossChance: 0,
  twiceChance: 0,
  tailChance: 0,
  tailLeastMs: 0,
  tailMostMs: 0,
  tailKinds: undefined,
  finLostChance: 0,
};

/** What happened to one message, other than arriving. */
export type Misfortune = {
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  /** The how-manieth of its kind on this link, counted from 0. */
  readonly index: number;
} & (
  | { readonly what: "lost" }
  | { readonly what: "late"; readonly byMs: number }
  | { readonly what: "twice"; readonly afterMs: number }
);

export type Fate = {
  delayMs: number;
  isLost: boolean;
  /** The second copy comes so much after the first one; negative when there is none. */
  twiceAfterMs: number;
};

export function misfortuneWords(one: Misfortune): string {
  const which = `${one.kind} ${one.index} from ${one.from} to ${one.to}`;
  if (one.what === "lost") return `${which} is lost`;
  if (one.what === "late") return `${which} is late by ${one.byMs.toFixed(1)} ms`;
  return `${which} comes again after ${one.afterMs.toFixed(1)} ms`;
}

export class Network {
  readonly #seed: number;
  readonly #nodes: number;
  readonly #kinds: readonly string[];
  readonly #options: NetworkOptions;
  readonly #hasTail: readonly boolean[];
  readonly #sent: Uint32Array;
  readonly #listed: ReadonlyMap<number, Misfortune> | undefined;
  readonly #met: Misfortune[] | undefined;
  #isCalm = false;
  readonly #fate: Fate = { delayMs: 0, isLost: false, twiceAfterMs: -1 };

  constructor(options: {
    readonly seed: number;
    readonly nodes: number;
    readonly kinds: readonly string[];
    readonly network: NetworkOptions;
    /** When given, these happen and no others. */
    readonly misfortunes: readonly Misfortune[] | undefined;
    /** When given, what happens is added to it. */
    readonly met: Misfortune[] | undefined;
  }) {
    const { seed, nodes, kinds, network, misfortunes, met } = options;
    this.#seed = seed;
    this.#nodes = nodes;
    this.#kinds = kinds;
    this.#options = network;
    this.#hasTail = kinds.map((kind) => network.tailKinds?.includes(kind) ?? true);
    this.#sent = new Uint32Array(nodes * nodes * kinds.length);
    this.#met = met;
    this.#listed =
      misfortunes === undefined
        ? undefined
        : new Map(
            misfortunes.map((one) => {
              const lane = this.#lane(one.from, one.to, kinds.indexOf(one.kind));
              return [lane * indexesMost + one.index, one];
            }),
          );
  }

  /** From here on every message arrives, once and in time. */
  calm(): void {
    this.#isCalm = true;
  }

  /** The answer is good until the next call. */
  fateOf(from: number, to: number, kind: number): Fate {
    const lane = this.#lane(from, to, kind);
    const index = this.#sent[lane] ?? 0;
    this.#sent[lane] = index + 1;
    const { leastMs, moreMs } = this.#options;
    const fate = this.#fate;
    const spread = -Math.log(1 - hashDraw(this.#seed, lane, index));
    fate.delayMs = leastMs + moreMs * spread;
    fate.isLost = false;
    fate.twiceAfterMs = -1;
    if (this.#isCalm) return fate;
    const misfortune =
      this.#listed === undefined
        ? this.#drawn(from, to, kind, index)
        : this.#listed.get(lane * indexesMost + index);
    if (misfortune === undefined) return fate;
    this.#met?.push(misfortune);
    if (misfortune.what === "lost") fate.isLost = true;
    else if (misfortune.what === "late") fate.delayMs += misfortune.byMs;
    else fate.twiceAfterMs = misfortune.afterMs;
    return fate;
  }

  #drawn(from: number, to: number, kind: number, index: number): Misfortune | undefined {
    const { lossChance, twiceChance, tailChance, tailLeastMs, tailMostMs } = this.#options;
    const lane = this.#lane(from, to, kind);
    let dice = hashDraw(this.#seed ^ 0x5bd1e995, lane, index);
    if (dice >= lossChance + twiceChance + tailChance) return undefined;
    const one = { from, to, kind: this.#kinds[kind] ?? "", index };
    if (dice < lossChance) return { ...one, what: "lost" };
    dice -= lossChance;
    const size = hashBits(this.#seed ^ 0x2545f491, lane, index) / 0x1_0000_0000;
    const byMs = tailLeastMs + size * (tailMostMs - tailLeastMs);
    if (dice < twiceChance) return { ...one, what: "twice", afterMs: byMs };
    if (this.#hasTail[kind] !== true) return undefined;
    return { ...one, what: "late", byMs };
  }

  #lane(from: number, to: number, kind: number): number {
    return (from * this.#nodes + to) * this.#kinds.length + kind;
  }
}

const indexesMost = 2 ** 24;
