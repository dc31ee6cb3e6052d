/**
 * Says when a member has nothing in flight any more, so that the agent may end its process.
 *
 * One ticker looks for all who wait, and only while somebody does. Waiting has a deadline and a
 * bound on how many may wait.
 */
import type { DataPathSnapshot } from "../observation/snapshot.ts";

export type DrainAnswer = {
  readonly drained: boolean;
  readonly inFlight: number;
  /** `gone` when this gateway knows no such incarnation of the member. */
  readonly state: string;
};

const lookMs = 10;
const waitersMax = 1_024;

type Waiter = {
  readonly member: string;
  readonly incarnation: number;
  readonly untilMs: number;
  readonly resolve: (answer: DrainAnswer) => void;
};

export class DrainWatch {
  readonly #snapshot: () => DataPathSnapshot;
  readonly #waiters = new Set<Waiter>();
  #ticker: NodeJS.Timeout | undefined;

  constructor(snapshot: () => DataPathSnapshot) {
    this.#snapshot = snapshot;
  }

  /** Resolves when the member is drained, or after `waitMs` with how far it is. */
  async wait(member: string, incarnation: number, waitMs: number): Promise<DrainAnswer> {
    const now = drainAnswer(this.#snapshot(), member, incarnation);
    if (now.drained || waitMs <= 0 || this.#waiters.size >= waitersMax) return now;
    return await new Promise((resolve) => {
      this.#waiters.add({ member, incarnation, untilMs: performance.now() + waitMs, resolve });
      this.#ticker ??= setInterval(() => this.#look(), lookMs);
    });
  }

  /** Answers everybody who waits with what is true now. */
  close(): void {
    this.#look(Number.POSITIVE_INFINITY);
  }

  #look(nowMs = performance.now()): void {
    const snapshot = this.#snapshot();
    for (const waiter of this.#waiters) {
      const answer = drainAnswer(snapshot, waiter.member, waiter.incarnation);
      if (!answer.drained && nowMs < waiter.untilMs) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(answer);
    }
    if (this.#waiters.size > 0) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }
}

/**
 * A member that still takes requests is not drained, however quiet it is at the moment. One that is
 * not in the view, or is there as another incarnation, has nothing in flight that may be waited for.
 */
export function drainAnswer(
  snapshot: DataPathSnapshot,
  member: string,
  incarnation: number,
): DrainAnswer {
  for (const service of snapshot.services) {
    for (const known of service.members) {
      if (known.id !== member || known.incarnation !== incarnation) continue;
      const drained = known.state !== "serving" && known.inFlight === 0;
      return { drained, inFlight: known.inFlight, state: known.state };
    }
  }
  return { drained: true, inFlight: 0, state: "gone" };
}
