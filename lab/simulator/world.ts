/**
 * A cluster on virtual time: processes, clocks, disks and a network that fail as they are told.
 *
 * One event at a time, in the order of true time. Processes take no time to think; a paused one
 * thinks later. Nothing here draws at random but hashes of the seed, so two runs of one plan are
 * one run. The world has no opinion about what is right: observers look, and throw.
 *
 * It checks itself: after `heal` nobody may harm it, because a fault after the heal looks exactly
 * like a protocol that does not recover.
 */
import { Execution } from "./execution.ts";
import type { TimedFault } from "./fault.ts";
import type { Happening } from "./happening.ts";
import { Harm } from "./harm.ts";
import type { Observer } from "./observer.ts";
import type { Program } from "./program.ts";
import { type Recording, Scene, type WorldOptions } from "./scene.ts";
import { Violation } from "./violation.ts";

export class World<State, Message, Stored> {
  readonly #scene: Scene<State, Message, Stored>;
  readonly #execution: Execution<State, Message, Stored>;
  readonly #harm: Harm<State, Message, Stored>;

  constructor(
    options: WorldOptions,
    program: Program<State, Message, Stored>,
    observer: Observer<State, Message>,
    recording?: Recording,
  ) {
    this.#scene = new Scene(options, program, observer, recording);
    this.#execution = new Execution(this.#scene);
    this.#harm = new Harm(this.#scene, this.#execution);
    for (const fault of options.faults) this.plan(fault);
  }

  get nowMs(): number {
    return this.#scene.nowMs;
  }

  /** Steps of programs: the work that a run costs. */
  get steps(): number {
    return this.#scene.steps;
  }

  get messages(): number {
    return this.#scene.messages;
  }

  /** Everything that was done to it, for a plan that repeats it without chance. */
  get faultsMet(): readonly TimedFault[] {
    return this.#harm.met;
  }

  get nodes(): number {
    return this.#scene.processes.length;
  }

  get isHealed(): boolean {
    return this.#harm.isHealed;
  }

  /** `undefined` while the node has no process. */
  stateOf(node: number): State | undefined {
    return this.#scene.process(node).state;
  }

  bootOf(node: number): number {
    return this.#scene.process(node).boot;
  }

  isPaused(node: number): boolean {
    return this.#scene.process(node).pauses > 0;
  }

  isCut(from: number, to: number): boolean {
    return this.#scene.cuts.has(from, to);
  }

  localMs(node: number): number {
    return this.#scene.process(node).clock.localAt(this.#scene.nowMs);
  }

  /** When a clock will show this, in true time. */
  trueMs(node: number, localMs: number): number {
    return this.#scene.process(node).clock.trueAt(localMs);
  }

  wallMs(node: number): number {
    return this.#scene.process(node).clock.wallAt(this.#scene.nowMs);
  }

  fail(promise: string, sentence: string): never {
    this.#scene.recorder?.add(this.#scene.row("violation", -1, `${promise}: ${sentence}`));
    throw new Violation(promise, sentence, this.#scene.nowMs);
  }

  /** A line of the trace that no process wrote; of a node's lane, or of nobody's with -1. */
  mark(node: number, text: () => string): void {
    this.#scene.recorder?.add(this.#scene.row("mark", node, text()));
  }

  /** Starts the process of a node that has none. */
  boot(node: number): void {
    this.#execution.boot(node);
  }

  /** Calls back later; the harness's own actors live on this. */
  after(delayMs: number, call: () => void): void {
    this.#scene.after(delayMs, call);
  }

  /** A word from outside to the process that runs now, and to no later one. */
  tell(node: number, word: unknown, afterMs: number): void {
    const { boot } = this.#scene.process(node);
    const input = { type: "told", word } as const;
    this.#scene.queue.add(this.#scene.nowMs + afterMs, { type: "input", node, boot, input });
  }

  /** Plans a fault. A nemesis that reacts calls this during a run. */
  plan(fault: TimedFault): void {
    this.#harm.plan(fault);
  }

  /** Ends every fault that lasts: all processes run, all links carry, nobody lies. Clocks keep their rate. */
  heal(): void {
    this.#harm.heal();
    this.mark(-1, () => "healed");
    this.#scene.observer.healed?.();
  }

  /** Lets time pass until `untilMs`. */
  run(untilMs: number): void {
    const scene = this.#scene;
    const { queue } = scene;
    while (queue.nextAtMs <= untilMs) {
      scene.nowMs = Math.max(scene.nowMs, queue.nextAtMs);
      const happening = queue.take();
      if (happening !== undefined) this.#happen(happening);
    }
    scene.nowMs = untilMs;
  }

  #happen(happening: Happening<Message>): void {
    switch (happening.type) {
      case "deliver":
        this.#execution.deliver(happening);
        break;
      case "timer":
        this.#execution.timer(happening);
        break;
      case "input":
        if (happening.boot === this.#scene.process(happening.node).boot) {
          this.#execution.input(this.#scene.process(happening.node), happening.input);
        }
        break;
      case "synced":
        if (happening.boot === this.#scene.process(happening.node).boot) {
          this.#execution.synced(this.#scene.process(happening.node));
        }
        break;
      case "call":
        happening.call();
        break;
    }
  }
}
