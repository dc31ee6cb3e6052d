/**
 * The one event loop that runs any machine of `core` on real time: an inbox with a bound, one event
 * at a time to completion, one timer set to what the state says, effects performed after the step,
 * answers back as events. It stamps the clock and keeps the last events as a transcript, so that a
 * bug report is a list of events that can be replayed.
 *
 * An event that arrives while nothing else is being handled is handled before `tell` returns: the
 * way from a cause to its effect costs no turn of the event loop. So is what is due at once after it: a
 * timer of no milliseconds takes one, and several on a busy machine.
 */
import { writeSync } from "node:fs";
import { InvariantError, neverMs, type Step } from "@prunella/core/kernel";
import { type Log, silentLog } from "./log.ts";

export type Stamped = { readonly type: string; readonly atMs: number };

/** An event that the clock has not stamped yet. */
export type Unstamped<Event> = Event extends unknown ? Omit<Event, "atMs"> : never;

export type DriverOptions<State, Event extends Stamped, Effect> = {
  readonly start: State;
  readonly step: (state: State, event: Event) => Step<State, Effect>;
  readonly wakeAtMs: (state: State) => number;
  /** What the driver tells when `wakeAtMs` has come. */
  readonly tick: Unstamped<Event>;
  /** Begins the effect and returns at once; its answer, if it has one, comes back through `tell`. */
  readonly perform: (effect: Effect) => void;
  /** After every step and all its effects. */
  readonly onStep?: (state: State) => void;
  readonly log?: Log;
  /** Monotonic. */
  readonly nowMs?: () => number;
  readonly inboxMax?: number;
  readonly transcriptMax?: number;
  /** Must not return. By default writes the bug and its transcript to stderr and exits with 70. */
  readonly onBug?: (error: unknown) => void;
};

export type TranscriptEntry<Event, Effect> = {
  readonly event: Event;
  readonly effects: readonly Effect[];
};

const timerMsMax = 2 ** 31 - 1;
const softwareErrorExitCode = 70; // EX_SOFTWARE of sysexits.h.

export class Driver<State, Event extends Stamped, Effect> implements AsyncDisposable {
  readonly #options: DriverOptions<State, Event, Effect>;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #inbox: Event[] = [];
  readonly #transcript: TranscriptEntry<Event, Effect>[] = [];
  #transcriptNext = 0;
  #state: State;
  #busy = false;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = neverMs;

  constructor(options: DriverOptions<State, Event, Effect>) {
    this.#options = options;
    this.#state = options.start;
    this.#log = options.log ?? silentLog;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  get state(): State {
    return this.#state;
  }

  /** The last events and what followed from them, oldest first. */
  get transcript(): readonly TranscriptEntry<Event, Effect>[] {
    const { length } = this.#transcript;
    const from = this.#transcriptNext % Math.max(length, 1);
    return [...this.#transcript.slice(from), ...this.#transcript.slice(0, from)];
  }

  /** Takes an event. False when the inbox is full or the driver has ended: the event is lost. */
  tell(event: Unstamped<Event>): boolean {
    if (this.#ended) return false;
    if (this.#inbox.length >= (this.#options.inboxMax ?? 1_024)) {
      this.#log.error("an inbox is full and lost an event", { type: event.type });
      return false;
    }
    this.#inbox.push({ ...event, atMs: this.#nowMs() } as unknown as Event);
    if (!this.#busy) this.#work();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#inbox.length = 0;
    clearTimeout(this.#timer);
  }

  #work(): void {
    this.#busy = true;
    let event = this.#inbox.shift();
    try {
      for (; event !== undefined; event = this.#inbox.shift()) this.#handle(event);
      event = this.#dueAtOnce();
      for (; event !== undefined; event = this.#inbox.shift()) this.#handle(event);
    } catch (error) {
      this.#ended = true;
      if (event !== undefined) this.#record({ event, effects: [] });
      this.#fail(error);
    }
    this.#busy = false;
    this.#setTimer();
  }

  /** Once for all that was told: a machine that is always due does not keep the loop. */
  #dueAtOnce(): Event | undefined {
    const nowMs = this.#nowMs();
    if (this.#options.wakeAtMs(this.#state) > nowMs) return undefined;
    return { ...this.#options.tick, atMs: nowMs } as unknown as Event;
  }

  #handle(event: Event): void {
    const { state, effects } = this.#options.step(this.#state, event);
    this.#state = state;
    this.#record({ event, effects });
    this.#log.debug("step", { event, effects });
    for (const effect of effects) this.#options.perform(effect);
    this.#options.onStep?.(state);
  }

  #record(entry: TranscriptEntry<Event, Effect>): void {
    const max = this.#options.transcriptMax ?? 128;
    this.#transcript[this.#transcriptNext++ % max] = entry;
  }

  #setTimer(): void {
    if (this.#ended) return;
    const atMs = this.#options.wakeAtMs(this.#state);
    if (atMs === this.#timerAtMs) return;
    this.#timerAtMs = atMs;
    clearTimeout(this.#timer);
    if (atMs === neverMs) return;
    const inMs = Math.min(Math.max(0, Math.ceil(atMs - this.#nowMs())), timerMsMax);
    this.#timer = setTimeout(() => {
      this.#timerAtMs = neverMs;
      this.tell(this.#options.tick);
    }, inMs);
  }

  #fail(error: unknown): void {
    clearTimeout(this.#timer);
    if (this.#options.onBug !== undefined) {
      this.#options.onBug(error);
      return;
    }
    const kind = error instanceof InvariantError ? "a broken invariant" : "a bug";
    const text = error instanceof Error ? (error.stack ?? error.message) : `${error}`;
    const last = this.transcript.slice(-20).map((entry) => JSON.stringify(entry));
    writeSync(2, `${kind} ended this process:\n${text}\nLast events:\n${last.join("\n")}\n`);
    process.exit(softwareErrorExitCode);
  }
}
