/**
 * Tells a message that is heard for the first time from one that somebody recorded and sends again.
 *
 * Every life of a member numbers its messages to us. We remember, for each life, the highest number
 * and which of the 64 below it came, so messages may overtake each other a little. A life that we do
 * not know must first show a nonce of ours, which it can only know from an answer we signed for it.
 *
 * Invariants:
 *   A1  No message is taken twice, also after either side restarted.
 *   A2  Nothing grows with what strangers send: only messages with a valid code reach this file, and
 *       `livesMax` lives are remembered.
 *
 * A1 holds when a life begins, because every number below its first one counts as seen: it may have
 * been recorded before this process started. And it holds when a life is forgotten to make room,
 * because the nonce changes then: whatever was recorded bears an old one and opens nothing.
 */
import { randomBytes } from "node:crypto";

export type Freshness = "fresh" | "replayed" | "unknown-life";

export const windowSize = 64;
const livesMax = 256;

type Life = { highest: number; seen: bigint };

const windowMask = (1n << BigInt(windowSize)) - 1n;

export class ReplayGuard {
  readonly #lives = new Map<string, Life>();
  #nonce = newNonce();

  /** What a life that we do not know has to show. */
  get nonce(): string {
    return this.#nonce;
  }

  /** Judges a message whose code is valid, and remembers it when it is fresh. */
  admit(id: string, boot: string, seq: number, nonce: string | undefined): Freshness {
    const name = `${id} ${boot}`;
    const life = this.#lives.get(name);
    if (life === undefined) {
      if (nonce !== this.#nonce) return "unknown-life";
      this.#lives.set(name, { highest: seq, seen: windowMask });
      this.#makeRoom();
      return "fresh";
    }
    return advance(life, seq) ? "fresh" : "replayed";
  }

  #makeRoom(): void {
    if (this.#lives.size <= livesMax) return;
    const oldest = this.#lives.keys().next();
    if (!oldest.done) this.#lives.delete(oldest.value);
    this.#nonce = newNonce();
  }
}

/** Bit n of `seen` stands for the number `highest - n`. */
function advance(life: Life, seq: number): boolean {
  if (seq > life.highest) {
    const by = BigInt(Math.min(seq - life.highest, windowSize));
    life.seen = ((life.seen << by) | 1n) & windowMask;
    life.highest = seq;
    return true;
  }
  const back = life.highest - seq;
  if (back >= windowSize) return false;
  const bit = 1n << BigInt(back);
  if ((life.seen & bit) !== 0n) return false;
  life.seen |= bit;
  return true;
}

function newNonce(): string {
  return randomBytes(16).toString("hex");
}
