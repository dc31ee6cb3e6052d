/**
 * How processes run: they boot, take one input at a time, and are woken by the one timer that each
 * keeps. They take no time to think; a paused one thinks later.
 */
import { actsOf, planSync } from "./acts.ts";
import { hashBits } from "./chance.ts";
import type { Happening } from "./happening.ts";
import type { Process, Unstamped } from "./process.ts";
import type { Acts, Input } from "./program.ts";
import type { Scene } from "./scene.ts";

/** A local time that was converted to true time and back may be a hair too early. */
const conversionErrorMs = 1e-6;

export class Execution<State, Message, Stored> {
  readonly #scene: Scene<State, Message, Stored>;
  readonly #acts: Acts<Message, Stored>;

  constructor(scene: Scene<State, Message, Stored>) {
    this.#scene = scene;
    this.#acts = actsOf(scene);
  }

  /** Starts the process of a node that has none. */
  boot(node: number): void {
    const process = this.#scene.process(node);
    if (process.state !== undefined) return;
    process.boot += 1;
    process.pauses = 0;
    process.isHostDown = false;
    process.waiting.length = 0;
    this.#scene.acting = node;
    this.#scene.recorder?.add(this.#scene.row("boot", node, `${process.boot}`));
    const state = this.#scene.program.boot(
      {
        node,
        boot: process.boot,
        atMs: process.clock.localAt(this.#scene.nowMs),
        wallMs: process.clock.wallAt(this.#scene.nowMs),
        seed: hashBits(this.#scene.options.seed, node, process.boot),
        records: process.disk.records,
        tornRecord: process.disk.tornRecord,
      },
      this.#acts,
    );
    process.state = state;
    this.arm(process, state);
    this.#scene.observer.booted?.(node, state);
  }

  deliver(letter: Happening<Message> & { readonly type: "deliver" }): void {
    const { from, to, message, envelope } = letter;
    const process = this.#scene.process(to);
    if (process.state === undefined || this.#scene.cuts.has(from, to)) {
      this.#scene.recorder?.add(
        this.#scene.letterRow("lost", { node: from, peer: to }, message, envelope),
      );
      return;
    }
    this.#scene.recorder?.add(
      this.#scene.letterRow("receive", { node: to, peer: from }, message, envelope),
    );
    this.input(process, { type: "message", from, message });
  }

  /** A process keeps one timer in the queue; an early one is planned again when it fires. */
  timer({ node, armedAtMs }: Happening<Message> & { readonly type: "timer" }): void {
    const process = this.#scene.process(node);
    if (process.armedAtMs !== armedAtMs || process.state === undefined) return;
    process.armedAtMs = Number.POSITIVE_INFINITY;
    if (process.pauses > 0) return;
    const wakeAtMs = this.#scene.program.wakeAtMs(process.state);
    const localMs = process.clock.localAt(this.#scene.nowMs);
    if (wakeAtMs > localMs + conversionErrorMs) this.arm(process, process.state);
    else this.#step(process, { type: "wake", atMs: Math.max(localMs, wakeAtMs) });
  }

  arm(process: Process<State, Message, Stored>, state: State): void {
    const wakeAtMs = this.#scene.program.wakeAtMs(state);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    const dueMs = Math.max(this.#scene.nowMs, process.clock.trueAt(wakeAtMs));
    if (process.armedAtMs <= dueMs) return;
    const { timerLateMs } = this.#scene.options;
    const lateMs = timerLateMs === 0 ? 0 : timerLateMs * this.#scene.draw(process.node);
    process.armedAtMs = dueMs;
    this.#scene.queue.add(dueMs + lateMs, { type: "timer", node: process.node, armedAtMs: dueMs });
  }

  input(process: Process<State, Message, Stored>, input: Unstamped<Message>): void {
    if (process.state === undefined) return;
    if (process.pauses > 0) {
      process.waiting.push(input);
      return;
    }
    const atMs = process.clock.localAt(this.#scene.nowMs);
    this.#step(process, { ...input, atMs } as Input<Message>);
  }

  #step(process: Process<State, Message, Stored>, input: Input<Message>): void {
    const before = process.state;
    if (before === undefined) return;
    this.#scene.steps += 1;
    this.#scene.acting = process.node;
    const after = this.#scene.program.input(before, input, this.#acts);
    process.state = after;
    this.arm(process, after);
    this.#scene.observer.stepped?.(process.node, before, after);
  }

  synced(process: Process<State, Message, Stored>): void {
    const { disk, state } = process;
    const { oldest } = disk;
    if (state === undefined || oldest === undefined) return;
    disk.isOverdue = disk.stalls > 0;
    if (disk.isOverdue) return;
    disk.confirm();
    planSync(this.#scene, process);
    this.input(process, { type: "written", ticket: oldest.ticket });
  }

  wakeIfDue(process: Process<State, Message, Stored>): void {
    if (process.state === undefined) return;
    const atMs = process.clock.localAt(this.#scene.nowMs);
    if (this.#scene.program.wakeAtMs(process.state) <= atMs)
      this.#step(process, { type: "wake", atMs });
  }
}
