/**
 * What the agent cannot see and must hear of: faults that only show in traffic. It asks for what came
 * after the last one that it took and waits for news; whatever it took is forgotten here, so the next
 * agent hears each trouble once, and one that was away hears what it missed.
 *
 * Bounded: the oldest go, counted. The same trouble comes at most once a minute (`CoreState.report`).
 */
import { Bell } from "@prunella/driver";
import type { Trouble, TroublePage } from "@prunella/wire/trouble";
import type { DataPathFact } from "./data-path-fact.ts";

const keptMax = 256;

export class TroubleFeed {
  readonly #bell = new Bell();
  readonly #closed = new AbortController();
  #kept: readonly Trouble[] = [];
  #lastId = 0;
  #missed = 0;

  /** @param atMs - Wall clock. */
  note(fact: DataPathFact, atMs: number): void {
    if (fact.type === "emptied") return; // The agent's own view did that.
    this.#lastId += 1;
    const { type, service, member = null, incarnation = null, message } = fact;
    const at = new Date(atMs).toISOString();
    const trouble = { id: this.#lastId, at, type, service, member, incarnation, message };
    this.#kept = [...this.#kept, trouble];
    if (this.#kept.length > keptMax) {
      this.#kept = this.#kept.slice(1);
      this.#missed += 1;
    }
    this.#bell.ring();
  }

  /** Forgets what was taken; resolves with what came later, at the latest after `waitMs`. */
  async after(id: number, waitMs: number): Promise<TroublePage> {
    this.#kept = this.#kept.filter((trouble) => trouble.id > id);
    if (this.#kept.length === 0 && waitMs > 0) {
      await this.#bell.nextWithin(waitMs, this.#closed.signal);
    }
    const page = { troubles: this.#kept.filter((each) => each.id > id), missed: this.#missed };
    this.#missed = 0;
    return page;
  }

  /** Answers whoever waits. */
  close(): void {
    this.#closed.abort();
  }
}
