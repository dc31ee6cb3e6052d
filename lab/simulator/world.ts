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
import { invariant } from "@prunella/core/kernel";
import { hashBits, hashDraw } from "./chance.ts";
import { Cuts } from "./cuts.ts";
import { EventQueue } from "./event-queue.ts";
import { type Fault, faultWords, type TimedFault } from "./fault.ts";
import type { Happening } from "./happening.ts";
import { type Misfortune, Network, type NetworkOptions } from "./network.ts";
import type { Observer } from "./observer.ts";
import { newProcess, type Process, type Unstamped } from "./process.ts";
import type { Acts, Input, Program } from "./program.ts";
import type { Recorder, TraceRow } from "./trace.ts";
import { Violation } from "./violation.ts";

export type WorldOptions = {
  readonly seed: number;
  readonly nodes: number;
  readonly network: NetworkOptions;
  readonly faults: readonly TimedFault[];
  /** When given, these happen to messages and no others. */
  readonly misfortunes?: readonly Misfortune[] | undefined;
  /** How long the disk takes to confirm: drawn between the two. */
  readonly syncLeastMs: number;
  readonly syncMostMs: number;
  /** A timer fires up to so much late. */
  readonly timerLateMs: number;
  readonly dialTimeoutMs: number;
};

export class World<State, Message, Stored> {
  nowMs = 0;
  /** Steps of programs: the work that a run costs. */
  steps = 0;
  messages = 0;
  /** Everything that was done to it, for a plan that repeats it without chance. */
  readonly faultsMet: TimedFault[] = [];
  readonly #options: WorldOptions;
  readonly #program: Program<State, Message, Stored>;
  readonly #observer: Observer<State, Message>;
  readonly #recorder: Recorder | undefined;
  readonly #queue = new EventQueue<Happening<Message>>();
  readonly #network: Network;
  readonly #processes: readonly Process<State, Message, Stored>[];
  readonly #cuts: Cuts;
  readonly #acts: Acts<Message, Stored>;
  readonly #draws: Uint32Array;
  readonly #outstanding = new Set<() => void>();
  #acting = 0;
  #isHealed = false;

  constructor(
    options: WorldOptions,
    program: Program<State, Message, Stored>,
    observer: Observer<State, Message>,
    recording?: { readonly recorder?: Recorder; readonly misfortunes?: Misfortune[] },
  ) {
    const { seed, nodes, network, misfortunes } = options;
    this.#options = options;
    this.#program = program;
    this.#observer = observer;
    this.#recorder = recording?.recorder;
    const met = recording?.misfortunes;
    this.#network = new Network({ seed, nodes, kinds: program.kinds, network, misfortunes, met });
    this.#cuts = new Cuts(nodes);
    this.#draws = new Uint32Array(nodes);
    this.#processes = Array.from({ length: nodes }, (_, node) =>
      newProcess<State, Message, Stored>(node, seed, program.kept),
    );
    this.#acts = {
      send: (to, message) => this.#send(to, message),
      dial: (peer) => this.#dial(peer),
      write: (record, ticket) => this.#write(record, ticket),
      note: (text) => this.#recorder?.add(this.#row("note", this.#acting, text())),
    };
    for (const fault of options.faults) this.plan(fault);
  }

  get nodes(): number {
    return this.#processes.length;
  }

  get isHealed(): boolean {
    return this.#isHealed;
  }

  /** `undefined` while the node has no process. */
  stateOf(node: number): State | undefined {
    return this.#process(node).state;
  }

  bootOf(node: number): number {
    return this.#process(node).boot;
  }

  isPaused(node: number): boolean {
    return this.#process(node).pauses > 0;
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts.has(from, to);
  }

  localMs(node: number): number {
    return this.#process(node).clock.localAt(this.nowMs);
  }

  /** When a clock will show this, in true time. */
  trueMs(node: number, localMs: number): number {
    return this.#process(node).clock.trueAt(localMs);
  }

  wallMs(node: number): number {
    return this.#process(node).clock.wallAt(this.nowMs);
  }

  fail(promise: string, sentence: string): never {
    this.#recorder?.add(this.#row("violation", -1, `${promise}: ${sentence}`));
    throw new Violation(promise, sentence, this.nowMs);
  }

  /** A line of the trace that no process wrote; of a node's lane, or of nobody's with -1. */
  mark(node: number, text: () => string): void {
    this.#recorder?.add(this.#row("mark", node, text()));
  }

  /** Starts the process of a node that has none. */
  boot(node: number): void {
    const process = this.#process(node);
    if (process.state !== undefined) return;
    process.boot += 1;
    process.pauses = 0;
    process.isHostDown = false;
    process.waiting.length = 0;
    this.#acting = node;
    this.#recorder?.add(this.#row("boot", node, `${process.boot}`));
    const state = this.#program.boot(
      {
        node,
        boot: process.boot,
        atMs: process.clock.localAt(this.nowMs),
        wallMs: process.clock.wallAt(this.nowMs),
        seed: hashBits(this.#options.seed, node, process.boot),
        records: process.disk.records,
        tornRecord: process.disk.tornRecord,
      },
      this.#acts,
    );
    process.state = state;
    this.#arm(process, state);
    this.#observer.booted?.(node, state);
  }

  /** Calls back later; the harness's own actors live on this. */
  after(delayMs: number, call: () => void): void {
    this.#queue.add(this.nowMs + delayMs, { type: "call", call });
  }

  /** A word from outside to the process that runs now, and to no later one. */
  tell(node: number, word: unknown, afterMs: number): void {
    const { boot } = this.#process(node);
    const input = { type: "told", word } as const;
    this.#queue.add(this.nowMs + afterMs, { type: "input", node, boot, input });
  }

  /** Plans a fault. A nemesis that reacts calls this during a run. */
  plan(fault: TimedFault): void {
    invariant(!this.#isHealed, "the harness plans a fault after the heal");
    this.#queue.add(Math.max(fault.atMs, this.nowMs), {
      type: "call",
      call: () => this.#harm(fault),
    });
  }

  /** Ends every fault that lasts: all processes run, all links carry, nobody lies. Clocks keep their rate. */
  heal(): void {
    this.#isHealed = true;
    this.#network.calm();
    for (const undo of [...this.#outstanding]) undo();
    this.mark(-1, () => "healed");
    this.#observer.healed?.();
  }

  /** Lets time pass until `untilMs`. */
  run(untilMs: number): void {
    const queue = this.#queue;
    while (queue.nextAtMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, queue.nextAtMs);
      const happening = queue.take();
      if (happening !== undefined) this.#happen(happening);
    }
    this.nowMs = untilMs;
  }

  #happen(happening: Happening<Message>): void {
    switch (happening.type) {
      case "deliver":
        this.#deliver(happening);
        break;
      case "timer":
        this.#timer(happening);
        break;
      case "input":
        if (happening.boot === this.#process(happening.node).boot) {
          this.#input(this.#process(happening.node), happening.input);
        }
        break;
      case "synced":
        if (happening.boot === this.#process(happening.node).boot) {
          this.#synced(this.#process(happening.node));
        }
        break;
      case "call":
        happening.call();
        break;
    }
  }

  #deliver(letter: Happening<Message> & { readonly type: "deliver" }): void {
    const { from, to, message, envelope } = letter;
    const process = this.#process(to);
    if (process.state === undefined || this.isCut(from, to)) {
      this.#recorder?.add(this.#letterRow("lost", { node: from, peer: to }, message, envelope));
      return;
    }
    this.#recorder?.add(this.#letterRow("receive", { node: to, peer: from }, message, envelope));
    this.#input(process, { type: "message", from, message });
  }

  /** A process keeps one timer in the queue; an early one is planned again when it fires. */
  #timer({ node, armedAtMs }: Happening<Message> & { readonly type: "timer" }): void {
    const process = this.#process(node);
    if (process.armedAtMs !== armedAtMs || process.state === undefined) return;
    process.armedAtMs = Number.POSITIVE_INFINITY;
    if (process.pauses > 0) return;
    const wakeAtMs = this.#program.wakeAtMs(process.state);
    const localMs = process.clock.localAt(this.nowMs);
    // A local time that was converted there and back may be a hair too early.
    if (wakeAtMs > localMs + 1e-6) this.#arm(process, process.state);
    else this.#step(process, { type: "wake", atMs: Math.max(localMs, wakeAtMs) });
  }

  #arm(process: Process<State, Message, Stored>, state: State): void {
    const wakeAtMs = this.#program.wakeAtMs(state);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    const dueMs = Math.max(this.nowMs, process.clock.trueAt(wakeAtMs));
    if (process.armedAtMs <= dueMs) return;
    const { timerLateMs } = this.#options;
    const lateMs = timerLateMs === 0 ? 0 : timerLateMs * this.#draw(process.node);
    process.armedAtMs = dueMs;
    this.#queue.add(dueMs + lateMs, { type: "timer", node: process.node, armedAtMs: dueMs });
  }

  #input(process: Process<State, Message, Stored>, input: Unstamped<Message>): void {
    if (process.state === undefined) return;
    if (process.pauses > 0) {
      process.waiting.push(input);
      return;
    }
    const atMs = process.clock.localAt(this.nowMs);
    this.#step(process, { ...input, atMs } as Input<Message>);
  }

  #step(process: Process<State, Message, Stored>, input: Input<Message>): void {
    const before = process.state;
    if (before === undefined) return;
    this.steps += 1;
    this.#acting = process.node;
    const after = this.#program.input(before, input, this.#acts);
    process.state = after;
    this.#arm(process, after);
    this.#observer.stepped?.(process.node, before, after);
  }

  #send(to: number, message: Message): void {
    const from = this.#acting;
    this.messages += 1;
    const envelope = this.messages;
    this.#observer.sent?.(from, to, message);
    this.#recorder?.add(this.#letterRow("send", { node: from, peer: to }, message, envelope));
    const fate = this.#network.fateOf(from, to, this.#program.kindOf(message));
    if (fate.isLost || this.isCut(from, to)) {
      this.#recorder?.add(this.#letterRow("lost", { node: from, peer: to }, message, envelope));
      return;
    }
    const letter = { type: "deliver", from, to, message, envelope } as const;
    const { delayMs, twiceAfterMs } = fate;
    this.#queue.add(this.nowMs + delayMs, letter);
    if (twiceAfterMs >= 0) this.#queue.add(this.nowMs + delayMs + twiceAfterMs, letter);
  }

  /** The kernel of the other host answers, so a paused process accepts and a dead one refuses. */
  #dial(peer: number): void {
    const node = this.#acting;
    const { boot } = this.#process(node);
    const { network, dialTimeoutMs } = this.#options;
    const thereMs = network.leastMs + network.moreMs * this.#draw(node);
    const answer = (answer: "open" | "refused" | "silence", afterMs: number): void => {
      const input = { type: "dialled", peer, answer } as const;
      this.#queue.add(this.nowMs + afterMs, { type: "input", node, boot, input });
    };
    this.after(thereMs, () => {
      const { state, refusals, isHostDown } = this.#process(peer);
      const isSilent = isHostDown || this.isCut(node, peer) || this.isCut(peer, node);
      if (isSilent) answer("silence", dialTimeoutMs - thereMs);
      else answer(state === undefined || refusals > 0 ? "refused" : "open", thereMs);
    });
  }

  #write(record: Stored, ticket: number): void {
    const process = this.#process(this.#acting);
    const { syncLeastMs, syncMostMs } = this.#options;
    const syncMs = syncLeastMs + (syncMostMs - syncLeastMs) * this.#draw(process.node);
    if (process.disk.write({ record, ticket, syncMs })) this.#sync(process);
  }

  #sync({ node, boot, disk }: Process<State, Message, Stored>): void {
    const { oldest } = disk;
    if (oldest !== undefined) {
      this.#queue.add(this.nowMs + oldest.syncMs, { type: "synced", node, boot });
    }
  }

  #synced(process: Process<State, Message, Stored>): void {
    const { disk, state } = process;
    const { oldest } = disk;
    if (state === undefined || oldest === undefined) return;
    disk.isOverdue = disk.stalls > 0;
    if (disk.isOverdue) return;
    disk.confirm();
    this.#sync(process);
    this.#input(process, { type: "written", ticket: oldest.ticket });
  }

  #harm(fault: TimedFault): void {
    invariant(!this.#isHealed, "the harness harms a world that was healed");
    this.faultsMet.push({ ...fault, atMs: this.nowMs });
    const node = "node" in fault ? fault.node : -1;
    this.#recorder?.add(this.#row("fault", node, faultWords(fault)));
    switch (fault.type) {
      case "crash":
        this.#crash(fault);
        break;
      case "pause":
        this.#pause(fault.node, fault.forMs);
        break;
      case "cut":
        this.#cuts.begin(fault.links);
        this.#lasting(fault.forMs, () => this.#cuts.end(fault.links));
        break;
      case "rate":
        this.#setRate(fault.node, fault.rate);
        break;
      case "wall":
        this.#process(fault.node).clock.stepWall(fault.byMs);
        break;
      case "stall":
        this.#stall(this.#process(fault.node), fault.forMs);
        break;
      case "close":
        this.#input(this.#process(fault.node), { type: "closed", peer: fault.peer });
        break;
      case "refuse":
        this.#refuse(fault.node, fault.forMs);
        break;
      case "word":
        this.#observer.word?.(fault.node, fault.word);
        break;
    }
  }

  #crash(fault: Fault & { readonly type: "crash" }): void {
    const process = this.#process(fault.node);
    const last = process.state;
    if (last === undefined) return;
    process.disk.crash(fault.storage, this.#draw(fault.node));
    process.state = undefined;
    process.armedAtMs = Number.POSITIVE_INFINITY;
    process.isHostDown = fault.isHostDown;
    this.#recorder?.add(this.#row("down", fault.node, ""));
    if (!fault.isHostDown) this.#closeAll(fault.node);
    this.#lasting(fault.forMs, () => this.boot(fault.node));
    this.#observer.crashed?.(fault.node, last, fault);
  }

  /** The kernel closes a dead process's connections; some of these messages never arrive. */
  #closeAll(node: number): void {
    const { leastMs, moreMs, finLostChance } = this.#options.network;
    for (const { node: other, boot } of this.#processes) {
      if (other === node || this.isCut(node, other) || this.#draw(node) < finLostChance) continue;
      const input = { type: "closed", peer: node } as const;
      const delayMs = leastMs + 2 * moreMs * this.#draw(node);
      this.#queue.add(this.nowMs + delayMs, { type: "input", node: other, boot, input });
    }
  }

  #pause(node: number, forMs: number): void {
    const process = this.#process(node);
    const { boot, state } = process;
    if (state === undefined) return;
    process.pauses += 1;
    this.#recorder?.add(this.#row("pause", node, ""));
    this.#lasting(forMs, () => {
      if (process.boot !== boot || process.state === undefined) return;
      process.pauses -= 1;
      if (process.pauses === 0) this.#resume(process);
    });
  }

  /** Either the timers come first or the sockets: event loops differ, programs must not mind. */
  #resume(process: Process<State, Message, Stored>): void {
    this.#recorder?.add(this.#row("resume", process.node, ""));
    const { boot } = process;
    const isTimerFirst = this.#draw(process.node) < 0.5;
    if (isTimerFirst) this.#wakeIfDue(process);
    for (const input of process.waiting.splice(0)) {
      if (process.boot === boot) this.#input(process, input);
    }
    if (!isTimerFirst) this.#wakeIfDue(process);
    if (process.state !== undefined) this.#arm(process, process.state);
  }

  #wakeIfDue(process: Process<State, Message, Stored>): void {
    if (process.state === undefined) return;
    const atMs = process.clock.localAt(this.nowMs);
    if (this.#program.wakeAtMs(process.state) <= atMs) this.#step(process, { type: "wake", atMs });
  }

  #stall(process: Process<State, Message, Stored>, forMs: number): void {
    const { disk } = process;
    disk.stalls += 1;
    this.#lasting(forMs, () => {
      disk.stalls -= 1;
      if (disk.stalls === 0 && disk.isOverdue) this.#synced(process);
    });
  }

  #setRate(node: number, rate: number): void {
    const process = this.#process(node);
    process.clock.setRate(rate, this.nowMs);
    process.armedAtMs = Number.POSITIVE_INFINITY;
    if (process.state !== undefined) this.#arm(process, process.state);
  }

  #refuse(node: number, forMs: number): void {
    const process = this.#process(node);
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
    this.after(forMs, once);
  }

  /** The next of the draws that belong to one node. */
  #draw(node: number): number {
    const index = this.#draws[node] ?? 0;
    this.#draws[node] = index + 1;
    return hashDraw(this.#options.seed ^ 0x68e31da4, node, index);
  }

  #process(node: number): Process<State, Message, Stored> {
    const process = this.#processes[node];
    invariant(process !== undefined, `there is no node ${node}`);
    return process;
  }

  #row(what: TraceRow["what"], node: number, text: string): TraceRow {
    return { atMs: this.nowMs, node, what, text };
  }

  #letterRow(
    what: "send" | "receive" | "lost",
    ends: { readonly node: number; readonly peer: number },
    message: Message,
    envelope: number,
  ): TraceRow {
    const kind = this.#program.kinds[this.#program.kindOf(message)] ?? "";
    const text = this.#program.words(message);
    return { atMs: this.nowMs, what, text, envelope, kind, ...ends };
  }
}
