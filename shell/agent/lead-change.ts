/**
 * One change of the lead that somebody asked for, from the order to the next leader. The agent's word of
 * who leads may be older than the election, and a leader that left may be elected once more because its
 * successor was too slow: so it looks, orders, looks again, and gives up only when its time is over.
 */
import { ClusterError } from "@prunella/core/kernel";
import type { LeaderView } from "@prunella/wire/view";

/** A leader that refuses the order is mostly none any more; the news of the next one takes a moment. */
const refusedMs = 100;
/** Beside the time of its work: an order that has led to nothing by then is given again. */
const repeatMs = 2_000;

export type HandOverBounds = {
  /** How long the running work of the leader may take. */
  readonly drainMs: number;
  /** How long all of it may take. */
  readonly waitMs: number;
};

export type LeadChangeOptions = {
  readonly service: string;
  /** Who should lead next; undefined: the electors choose. */
  readonly to: string | undefined;
  readonly bounds: HandOverBounds;
  readonly leader: () => LeaderView | undefined;
  /** True when `check` held within `waitMs`. */
  readonly until: (check: () => boolean, waitMs: number) => Promise<boolean>;
  /** @throws ClusterError `LEADER_MISSING` when this member does not take the order. */
  readonly order: (member: string) => Promise<void>;
};

export class LeadChange {
  readonly #options: LeadChangeOptions;
  readonly #endAtMs: number;
  #obstacle = "nobody leads it";

  constructor(options: LeadChangeOptions) {
    this.#options = options;
    this.#endAtMs = performance.now() + options.bounds.waitMs;
  }

  /** @throws ClusterError `LEADER_MISSING`. */
  async run(): Promise<void> {
    let first = this.#options.leader();
    for (;;) {
      const leader = await this.#next(0, this.#leftMs);
      if (leader === undefined) break;
      first ??= leader;
      if (leader.member !== first.member || leader.incarnation !== first.incarnation) return;
      await this.#next(leader.term, await this.#order(leader.member));
    }
    const { service, bounds } = this.#options;
    throw new ClusterError("LEADER_MISSING", {
      message: `${service} did not get another leader within ${Math.round(bounds.waitMs)} ms: ${this.#obstacle}.`,
      details: { service, member: first?.member },
    });
  }

  /** Whoever leads a term above `term`, within `waitMs`. */
  async #next(term: number, waitMs: number): Promise<LeaderView | undefined> {
    const leader = (): LeaderView | undefined => {
      const now = this.#options.leader();
      return now?.state === "leading" && now.term > term ? now : undefined;
    };
    await this.#options.until(() => leader() !== undefined, Math.min(waitMs, this.#leftMs));
    return this.#leftMs > 0 ? leader() : undefined;
  }

  /** How long the news of the next leader is worth waiting for. */
  async #order(member: string): Promise<number> {
    const { order, bounds } = this.#options;
    try {
      await order(member);
      this.#obstacle = `${member} was asked to hand over, and nobody else was elected`;
      return bounds.drainMs + repeatMs;
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      this.#obstacle = error.message.replace(/\.$/, "");
      return refusedMs;
    }
  }

  get #leftMs(): number {
    return this.#endAtMs - performance.now();
  }
}
