/**
 * Does to a world what a plan of faults says, and undoes what lasts when its time is over or at the heal.
 *
 * After the heal nobody may harm the world, because a fault after it looks exactly like a protocol that
 * does not recover.
 */
import { invariant } from "@prunella/core/kernel";
import type { Execution } from "./execution.ts";
import { type Fault, faultWords, type TimedFault } from "./fault.ts";
import type { Process } from "./process.ts";
import type { Scene } from "./scene.ts";

export class Harm<State, Message, Stored> {
  /** Everything that was done, for a plan that repeats it without chance. */
  readonly met: TimedFault[] = [];
  readonly #scene: Scene<State, Message, Stored>;
  readonly #execution: Execution<State, Message, Stored>;
  readonly #outstanding = new Set<() => void>();
  #isHealed = false;

  constructor(scene: Scene<State, Message, Stored>, execution: Execution<State, Message, Stored>) {
    this.#scene = scene;
    this.#execution = execution;
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  plan(fault: TimedFault): void {
    invariant(!this.#isHealed, "the harness plans a fault after the heal");
    const { queue, nowMs } = this.#scene;
    queue.add(Math.max(fault.atMs, nowMs), { type: "call", call: () => this.#harm(fault) });
  }

  /** Ends every fault that lasts. */
  heal(): void {
    this.#isHealed = true;
    this.#scene.network.calm();
    for (const undo of [...this.#outstanding]) undo();
  }

  #harm(fault: TimedFault): void {
    invariant(!this.#isHealed, "the harness harms a world that was healed");
    this.met.push({ ...fault, atMs: this.#scene.nowMs });
    const node = "node" in fault ? fault.node : -1;
    this.#scene.recorder?.add(this.#scene.row("fault", node, faultWords(fault)));
    switch (fault.type) {
      case "crash":
        this.#crash(fault);
        break;
      case "pause":
        this.#pause(fault.node, fault.forMs);
        break;
      case "cut":
        this.#scene.cuts.begin(fault.links);
        this.#lasting(fault.forMs, () => this.#scene.cuts.end(fault.links));
        break;
      case "rate":
        this.#setRate(fault.node, fault.rate);
        break;
      case "wall":
        this.#scene.process(fault.node).clock.stepWall(fault.byMs);
        break;
      case "stall":
        this.#stall(this.#scene.process(fault.node), fault.forMs);
        break;
      case "close":
        this.#execution.input(this.#scene.process(fault.node), {
          type: "closed",
          peer: fault.peer,
        });
        break;
      case "refuse":
        this.#refuse(fault.node, fault.forMs);
        break;
      case "word":
        this.#scene.observer.word?.(fault.node, fault.word);
        break;
    }
  }

  #crash(fault: Fault & { readonly type: "crash" }): void {
    const process = this.#scene.process(fault.node);
    const last = process.state;
    if (last === undefined) return;
    process.disk.crash(fault.storage, this.#scene.draw(fault.node));
    process.state = undefined;
    process.armedAtMs = Number.POSITIVE_INFINITY;
    process.isHostDown = fault.isHostDown;
    this.#scene.recorder?.add(this.#scene.row("down", fault.node, ""));
    if (!fault.isHostDown) this.#closeAll(fault.node);
    this.#lasting(fault.forMs, () => this.#execution.boot(fault.node));
    this.#scene.observer.crashed?.(fault.node, last, fault);
  }

  /** The kernel closes a dead process's connections; some of these messages never arrive. */
  #closeAll(node: number): void {
    const { leastMs, moreMs, finLostChance } = this.#scene.options.network;
    for (const { node: other, boot } of this.#scene.processes) {
      if (
        other === node ||
        this.#scene.cuts.has(node, other) ||
        this.#scene.draw(node) < finLostChance
      )
        continue;
      const input = { type: "closed", peer: node } as const;
      const delayMs = leastMs + 2 * moreMs * this.#scene.draw(node);
      this.#scene.queue.add(this.#scene.nowMs + delayMs, {
        type: "input",
        node: other,
        boot,
        input,
      });
    }
  }

  #pause(node: number, forMs: number): void {
    const process = this.#scene.process(node);
    const { boot, state } = process;
    if (state === undefined) return;
    process.pauses += 1;
    this.#scene.recorder?.add(this.#scene.row("pause", node, ""));
    this.#lasting(forMs, () => {
      if (process.boot !== boot || process.state === undefined) return;
      process.pauses -= 1;
      if (process.pauses === 0) this.#resume(process);
    });
  }

  /** Either the timers come first or the sockets: event loops differ, programs must not mind. */
  #resume(process: Process<State, Message, Stored>): void {
    this.#scene.recorder?.add(this.#scene.row("resume", process.node, ""));
    const { boot } = process;
    const isTimerFirst = this.#scene.draw(process.node) < 0.5;
    if (isTimerFirst) this.#execution.wakeIfDue(process);
    for (const input of process.waiting.splice(0)) {
      if (process.boot === boot) this.#execution.input(process, input);
    }
    if (!isTimerFirst) this.#execution.wakeIfDue(process);
    if (process.state !== undefined) this.#execution.arm(process, process.state);
  }

  #stall(process: Process<State, Message, Stored>, forMs: number): void {
    const { disk } = process;
    disk.stalls += 1;
    this.#lasting(forMs, () => {
      disk.stalls -= 1;
      if (disk.stalls === 0 && disk.isOverdue) this.#execution.synced(process);
    });
  }

  #setRate(node: number, rate: number): void {
    const process = this.#scene.process(node);
    process.clock.setRate(rate, this.#scene.nowMs);
    process.armedAtMs = Number.POSITIVE_INFINITY;
    if (process.state !== undefined) this.#execution.arm(process, process.state);
  }

  #refuse(node: number, forMs: number): void {
    const process = this.#scene.process(node);
    process.refusals += 1;
    this.#lasting(forMs, () => {
      process.refusals -= 1;
    });
  }

  /** Undoes a fault when its time is over, or at the heal. */
  #lasting(forMs: number, undo: () => void): void {
    const once = (): void => {
      if (this.#outstanding.delete(once)) undo();
    };
    this.#outstanding.add(once);
    this.#scene.after(forMs, once);
  }
}
