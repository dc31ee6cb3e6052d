/**
 * What a member has to do because it leads, is about to, or was asked to get ready: raise the fences, hold
 * the leadership out to the program, tell whoever publishes it, let work end, and stop.
 */
import type { AppWord, EndOfLeadership, HistoryRow } from "@prunella/core/election";
import type { Log } from "@prunella/driver";
import type { LeaderReport } from "./discovery/discovery.ts";
import { raiseAll } from "./fence/raising.ts";
import { type Leadership, Leaderships } from "./leadership.ts";
import type { ElectionOptions } from "./options.ts";

export type DutyOptions = {
  readonly options: ElectionOptions;
  readonly log: Log;
  /** Asks the machine, by the clock. */
  readonly holds: (term: number) => boolean;
  readonly say: (word: AppWord) => void;
  readonly history: () => readonly HistoryRow[];
  readonly led: (leadership: Leadership) => void;
};

/** How long a successor may take to open its pools; half of the longest drain. */
export const prepareMs = 30_000;

export class LeaderDuties implements Disposable {
  readonly leaderships: Leaderships;
  readonly #duty: DutyOptions;
  readonly #stopping = new AbortController();
  #fencing = new AbortController();
  #count = 0;
  #electedAtMs = 0;
  #lastWord: Promise<void> | undefined;

  constructor(duty: DutyOptions) {
    this.#duty = duty;
    this.leaderships = new Leaderships(duty.holds);
  }

  /** How often this member has led. */
  get count(): number {
    return this.#count;
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
    this.#fencing.abort();
    this.leaderships.end("the election was stopped");
  }

  /** The first thing that a new leader does. */
  async fence(term: number, token: string): Promise<void> {
    this.#electedAtMs = performance.now();
    this.#fencing.abort();
    this.#fencing = new AbortController();
    const { signal } = this.#fencing;
    const { fences = [] } = this.#duty.options;
    const isRaised = fences.length === 0 || (await raiseAll(fences, token, signal, this.#duty.log));
    if (isRaised && !signal.aborted) this.#duty.say({ is: "fenced", term });
  }

  lead(term: number, token: string): void {
    this.#count += 1;
    this.leaderships.begin(term, token);
    this.#duty.log.info("this member leads", { term, token });
    this.#report("leading");
    const { current } = this.leaderships;
    if (current !== undefined) this.#duty.led(current);
  }

  async drain(term: number, boundMs: number): Promise<void> {
    this.#report("handing-over");
    await this.leaderships.drain(boundMs);
    this.#duty.say({ is: "drained", term });
  }

  stepDown(term: number, why: EndOfLeadership): void {
    this.#fencing.abort();
    this.leaderships.end(why);
    this.#duty.log.info("this member does not lead any more", { term, why });
    this.#lastWord = this.#tell({ term, state: "none", why });
  }

  /** Resolves when the outside knows of the end of the last leadership. */
  async delivered(): Promise<void> {
    await this.#lastWord;
  }

  async prepare(term: number): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(prepareMs)]);
    try {
      await this.#duty.options.prepare?.(signal);
      this.#duty.say({ is: "ready", term });
    } catch (error) {
      if (error instanceof Error && error.name === "InvariantError") throw error;
      this.#duty.log.warn("this member could not get ready to lead", { why: `${error}` });
      this.#duty.say({ is: "unready", term });
    }
  }

  /** The newest word about this member's own leadership: why it came to lead, and how long that took. */
  #report(state: "leading" | "handing-over"): void {
    const term = this.leaderships.current?.term;
    if (term === undefined) return;
    const electedAtMs = this.#electedAtMs;
    const taken = this.#tell({ term, state, electedAtMs, ...this.#lastEnd(term) });
    if (state === "leading") void taken?.then(() => this.#duty.say({ is: "exposed", term }));
  }

  #lastEnd(term: number): Pick<LeaderReport, "why" | "after" | "proof" | "detectMs" | "electMs"> {
    const before = this.#duty.history().findLast((row) => row.term < term);
    if (before === undefined) return { why: "start" };
    const { why, proof, detectMs, electMs } = before;
    return { why, after: before.term, proof, detectMs, electMs };
  }

  #tell(word: Omit<LeaderReport, "id" | "incarnation">): Promise<void> | undefined {
    const { self, discovery } = this.#duty.options;
    return discovery?.report?.({ id: self.id, incarnation: self.incarnation ?? 0, ...word });
  }
}
