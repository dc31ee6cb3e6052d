/**
 * What a world is made of, without anything that happens: processes, queue, network, cuts, draws and
 * the trace. Its parts (`execution.ts`, `acts.ts`, `harm.ts`) share one.
 */
import { invariant } from "@prunella/core/kernel";
import { hashDraw } from "./chance.ts";
import { Cuts } from "./cuts.ts";
import { EventQueue } from "./event-queue.ts";
import type { TimedFault } from "./fault.ts";
import type { Happening } from "./happening.ts";
import { type Misfortune, Network, type NetworkOptions } from "./network.ts";
import type { Observer } from "./observer.ts";
import { newProcess, type Process } from "./process.ts";
import type { Program } from "./program.ts";
import type { Recorder, TraceRow } from "./trace.ts";

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

/** Where a run is written down, if anywhere. */
export type Recording = { readonly recorder?: Recorder; readonly misfortunes?: Misfortune[] };

export class Scene<State, Message, Stored> {
  nowMs = 0;
  /** Steps of programs: the work that a run costs. */
  steps = 0;
  messages = 0;
  /** The node whose program runs at this moment, or ran last. */
  acting = 0;
  readonly options: WorldOptions;
  readonly program: Program<State, Message, Stored>;
  readonly observer: Observer<State, Message>;
  readonly recorder: Recorder | undefined;
  readonly queue = new EventQueue<Happening<Message>>();
  readonly network: Network;
  readonly processes: readonly Process<State, Message, Stored>[];
  readonly cuts: Cuts;
  readonly #draws: Uint32Array;

  constructor(
    options: WorldOptions,
    program: Program<State, Message, Stored>,
    observer: Observer<State, Message>,
    recording: Recording | undefined,
  ) {
    const { seed, nodes, network, misfortunes } = options;
    this.options = options;
    this.program = program;
    this.observer = observer;
    this.recorder = recording?.recorder;
    const met = recording?.misfortunes;
    this.network = new Network({ seed, nodes, kinds: program.kinds, network, misfortunes, met });
    this.cuts = new Cuts(nodes);
    this.#draws = new Uint32Array(nodes);
    this.processes = Array.from({ length: nodes }, (_, node) =>
      newProcess<State, Message, Stored>(node, seed, program.kept),
    );
  }

  process(node: number): Process<State, Message, Stored> {
    const process = this.processes[node];
    invariant(process !== undefined, `there is no node ${node}`);
    return process;
  }

  /** The next of the draws that belong to one node. */
  draw(node: number): number {
    const index = this.#draws[node] ?? 0;
    this.#draws[node] = index + 1;
    return hashDraw(this.options.seed ^ 0x68e31da4, node, index);
  }

  after(delayMs: number, call: () => void): void {
    this.queue.add(this.nowMs + delayMs, { type: "call", call });
  }

  row(what: TraceRow["what"], node: number, text: string): TraceRow {
    return { atMs: this.nowMs, node, what, text };
  }

  letterRow(
    what: "send" | "receive" | "lost",
    ends: { readonly node: number; readonly peer: number },
    message: Message,
    envelope: number,
  ): TraceRow {
    const kind = this.program.kinds[this.program.kindOf(message)] ?? "";
    const text = this.program.words(message);
    return { atMs: this.nowMs, what, text, envelope, kind, ...ends };
  }
}
