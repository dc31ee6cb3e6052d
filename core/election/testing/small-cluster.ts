/**
 * A few members on virtual time, for step-level tests: every message takes as long as the test says,
 * disks answer when the test says, and each member has a clock of its own. No faults of its own: the
 * simulator of the lab has those.
 */
import { draw, instanceName, type MemberId, type Rng, rngFrom } from "../../kernel/index.ts";
import { configOf, type ElectionSettings } from "../config.ts";
import type { DurableRecord } from "../durable-record.ts";
import type { Effect } from "../effect.ts";
import { leadership, start, step } from "../election.ts";
import type { ArbiterOutcome, ArbiterRecord, Event } from "../event.ts";
import type { Answer, Message } from "../message.ts";
import type { State } from "../state.ts";
import { wakeAtMs } from "../timekeeping.ts";

export type Unstamped<One> = One extends unknown ? Omit<One, "atMs"> : never;

export type Node = {
  readonly id: MemberId;
  state: State;
  boot: string;
  isUp: boolean;
  disk: DurableRecord | undefined;
  effects: Effect[];
  wakeMs: number;
};

export type Lead = { readonly id: string; readonly boot: string; readonly term: number };

/** More events than this at one moment are a machine that wakes for nothing. */
const eventsAtOnceMax = 20_000;

export const wallMs = 1_700_000_000_000;

export class SmallCluster {
  readonly nodes: Node[];
  readonly leads: Lead[] = [];
  readonly counts: Record<string, number> = {};
  nowMs = 0;
  delayMs = (): number => 1;
  diskMs = 0;
  /** True to lose what `from` says to `to`. */
  isCut: (from: string, to: string) => boolean = () => false;
  stored: { version: number; record: ArbiterRecord | undefined } = {
    version: 0,
    record: undefined,
  };
  #queue: { atMs: number; order: number; run: () => void }[] = [];
  #order = 0;
  #boots = 0;
  #rng: Rng;
  readonly #settings: Partial<ElectionSettings>;

  constructor(count: number, settings: Partial<ElectionSettings> = {}, seed = 1) {
    this.#settings = settings;
    this.#rng = rngFrom(seed);
    const voters =
      settings.voters ??
      Array.from({ length: count }, (_, index) => ({
        id: instanceName(`m${index + 1}`),
        number: index + 1,
        priority: 0,
      }));
    this.#settings = { mode: "quorum", ...settings, voters };
    const everybody = [...voters, ...(settings.observers ?? [])];
    this.nodes = everybody.map(({ id }) => this.#boot(id, undefined));
  }

  #boot(id: MemberId, disk: DurableRecord | undefined): Node {
    this.#boots += 1;
    const boot = `b${this.#boots}`;
    const base = { mode: "quorum" as const, voters: [], ...this.#settings };
    const config = configOf({ ...base, self: id, boot });
    const { value, rng } = draw(this.#rng);
    this.#rng = rng;
    const at = { atMs: this.nowMs, wallMs: wallMs + this.nowMs, seed: Math.floor(value * 2 ** 32) };
    const state = start(config, disk, at);
    return { id, state, boot, isUp: true, disk, effects: [], wakeMs: wakeAtMs(state) };
  }

  node(id: string): Node {
    const found = this.nodes.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no member ${id}`);
    return found;
  }

  tell(id: string, event: Unstamped<Event>): readonly Effect[] {
    const node = this.node(id);
    if (!node.isUp) return [];
    const { state, effects } = step(node.state, { ...event, atMs: this.nowMs } as Event);
    node.state = state;
    node.wakeMs = wakeAtMs(state);
    node.effects.push(...effects);
    for (const effect of effects) this.#perform(node, effect);
    return effects;
  }

  kill(id: string): void {
    this.node(id).isUp = false;
  }

  restart(id: string, options: { readonly forgets?: boolean } = {}): void {
    const node = this.node(id);
    const fresh = this.#boot(node.id, options.forgets === true ? undefined : node.disk);
    Object.assign(node, fresh);
  }

  /** Everybody alive hears of the end of that process, at once. */
  prove(id: string): void {
    const { boot } = this.node(id);
    const process = { member: instanceName(id), boot };
    for (const node of this.nodes) if (node.isUp) this.tell(node.id, { type: "exited", process });
  }

  run(forMs: number, until: () => boolean = () => false): void {
    const endMs = this.nowMs + forMs;
    let sinceMs = this.nowMs;
    let eventCount = 0;
    while (!until()) {
      eventCount = this.nowMs === sinceMs ? eventCount + 1 : 0;
      sinceMs = this.nowMs;
      if (eventCount > eventsAtOnceMax) throw new Error(`time stands still at ${sinceMs} ms`);
      const next = this.#queue[0];
      const waking = this.#firstToWake();
      const atMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, waking?.atMs ?? endMs + 1);
      if (atMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, atMs);
      if (next !== undefined && next.atMs <= (waking?.atMs ?? Number.POSITIVE_INFINITY)) {
        this.#queue.shift();
        next.run();
      } else if (waking !== undefined) this.tell(waking.node.id, { type: "tick" });
    }
    if (!until()) this.nowMs = endMs;
  }

  #firstToWake(): { readonly node: Node; readonly atMs: number } | undefined {
    let first: { readonly node: Node; readonly atMs: number } | undefined;
    for (const node of this.nodes) {
      if (!node.isUp) continue;
      if (first === undefined || node.wakeMs < first.atMs) first = { node, atMs: node.wakeMs };
    }
    return first;
  }

  /** Who leads now, by its own clock. */
  get leaders(): readonly Node[] {
    return this.nodes.filter(
      ({ isUp, state }) => isUp && leadership(state, this.nowMs) !== undefined,
    );
  }

  get leader(): Node {
    const [leader, ...others] = this.leaders;
    if (leader === undefined || others.length > 0) {
      throw new Error(`${this.leaders.length} leaders at ${this.nowMs} ms`);
    }
    return leader;
  }

  termOf(id: string): number {
    return this.node(id).state.record.promised;
  }

  connect(): void {
    for (const { id } of this.nodes) {
      for (const other of this.nodes) {
        if (other.id !== id) this.tell(id, { type: "link", member: other.id, is: "open" });
      }
    }
  }

  #perform(node: Node, effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.#count(effect.message.kind);
        this.#send(node, effect.to, effect.message);
        break;
      case "reply":
        this.#count(effect.answer.kind);
        this.#reply(node, effect.requestId, effect.answer);
        break;
      case "persist":
        this.#later(node, this.diskMs, () => {
          node.disk = effect.record;
          this.tell(node.id, { type: "persisted", writeId: effect.writeId });
        });
        break;
      case "fence":
        this.#later(node, 0, () =>
          this.tell(node.id, { type: "app", says: { is: "fenced", term: effect.term } }),
        );
        break;
      case "prepare":
      case "drain": {
        const is = effect.type === "prepare" ? "ready" : "drained";
        this.#later(node, 2, () =>
          this.tell(node.id, { type: "app", says: { is, term: effect.term } }),
        );
        break;
      }
      case "lead":
        this.leads.push({ id: node.id, boot: node.boot, term: effect.term });
        break;
      case "arbiter-read":
      case "arbiter-swap":
        this.#ask(node, effect);
        break;
      default:
        break;
    }
  }

  #send(from: Node, to: MemberId, message: Message): void {
    const sender = { member: from.id, boot: from.boot, trust: "signed" } as const;
    if (this.isCut(from.id, to)) return;
    this.#at(this.delayMs(), () => {
      const target = this.nodes.find(({ id }) => id === to);
      if (!target?.isUp) return;
      const requestId = JSON.stringify([from.id, from.boot, to]);
      this.tell(to, { type: "received", from: sender, requestId, message });
    });
  }

  #reply(node: Node, requestId: string, answer: Answer): void {
    const [to, boot] = JSON.parse(requestId) as [MemberId, string];
    if (this.isCut(node.id, to)) return;
    const from = { member: node.id, boot: node.boot, trust: "signed" } as const;
    this.#at(this.delayMs(), () => {
      if (this.node(to).boot === boot) this.tell(to, { type: "answered", from, answer });
    });
  }

  #ask(
    node: Node,
    effect: Extract<Effect, { type: "arbiter-read" } | { type: "arbiter-swap" }>,
  ): void {
    const { askId } = effect;
    const answer = (outcome: ArbiterOutcome): void => {
      this.#later(node, 1, () => this.tell(node.id, { type: "arbiter-answered", askId, outcome }));
    };
    this.#later(node, 1, () => {
      const { version, record } = this.stored;
      const known = record === undefined ? undefined : `${version}`;
      if (effect.type === "arbiter-read") {
        answer({ kind: "read", version: known, record });
      } else if (effect.expected === known) {
        this.stored = { version: version + 1, record: effect.record };
        answer({ kind: "written", version: `${version + 1}` });
      } else answer({ kind: "conflict" });
    });
  }

  #later(node: Node, inMs: number, act: () => void): void {
    const { boot } = node;
    this.#at(inMs, () => {
      if (node.isUp && node.boot === boot) act();
    });
  }

  #at(inMs: number, act: () => void): void {
    const item = { atMs: this.nowMs + inMs, order: this.#order++, run: act };
    const index = this.#queue.findIndex((other) => other.atMs > item.atMs);
    this.#queue.splice(index < 0 ? this.#queue.length : index, 0, item);
  }

  #count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }
}
