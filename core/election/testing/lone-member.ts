/**
 * One member of three, step by step: a test says what m2 hears, when, and what its disk has done, and
 * looks at its answers and effects. Words of the other two are made here as well.
 */
import { instanceName } from "../../kernel/index.ts";
import { configOf, type ElectionSettings } from "../config.ts";
import type { DurableRecord } from "../durable-record.ts";
import type { Effect } from "../effect.ts";
import { start, step } from "../election.ts";
import type { Event, Sender } from "../event.ts";
import type { Answer, Message } from "../message.ts";
import type { State } from "../state.ts";
import { wakeAtMs } from "../timekeeping.ts";
import type { Unstamped } from "./small-cluster.ts";

export const [m1, m2, m3] = [instanceName("m1"), instanceName("m2"), instanceName("m3")];
export const voters = [m1, m2, m3].map((id, index) => ({ id, number: index + 1, priority: 0 }));
export const wallMs = 1_700_000_000_000;
export const term = wallMs + 10;
/** Of the profile `lan`, which is the default. */
export const stickinessMs = 600;
const deadlinesMax = 20;

/** On a clock that the test turns; by default m2, past its quarantine. */
export class LoneMember {
  state: State;
  atMs = 0;
  effects: readonly Effect[] = [];

  constructor(settings: Partial<ElectionSettings> = {}, record?: DurableRecord) {
    const base = { self: m2, boot: "b2", mode: "quorum", voters } as const;
    const config = configOf({ ...base, ...settings });
    this.state = start(config, record, { atMs: 0, wallMs, seed: 1 });
    this.atMs = config.timing.stickinessMs + 1;
  }

  at(atMs: number): this {
    this.atMs = atMs;
    return this;
  }

  tell(event: Unstamped<Event>): this {
    const { state, effects } = step(this.state, { ...event, atMs: this.atMs } as Event);
    this.state = JSON.parse(JSON.stringify(state)) as State; // Whatever a state holds is JSON.
    this.effects = effects;
    return this;
  }

  hear(from: Sender, message: Message): this {
    return this.tell({ type: "received", from, requestId: "r", message });
  }

  answer(from: Sender, answer: Answer): this {
    return this.tell({ type: "answered", from, answer });
  }

  /** The disk answers everything that was asked of it. */
  written(): this {
    return this.tell({ type: "persisted", writeId: this.state.writeId });
  }

  /** Lets the next deadlines strike until something is sent. */
  untilSent(kind: Message["kind"]): this {
    for (let deadlines = 0; deadlines < deadlinesMax; deadlines++) {
      this.at(Math.max(this.atMs, wakeAtMs(this.state))).tell({ type: "tick" });
      if (this.sent(kind).length > 0) return this;
    }
    throw new Error(`${kind} was never sent`);
  }

  /** Leads: inquired, heard `ok`, stood, and got the vote of m1. */
  elect(): this {
    this.untilSent("inquire").answer(from1, ok(this.attempt, this.state.seen));
    if (this.state.role.at === "inquiring") this.at(wakeAtMs(this.state)).tell({ type: "tick" });
    this.written();
    return this.answer(from1, grant(this.attempt, this.standing));
  }

  get attempt(): number {
    return this.state.attempt;
  }
  get standing(): number {
    const { role } = this.state;
    return role.at === "candidate" || role.at === "leader" ? role.term : 0;
  }
  get role(): string {
    return this.state.role.at;
  }
  get replied(): readonly string[] {
    return this.effects.flatMap((one) => (one.type === "reply" ? [one.answer.kind] : []));
  }
  get reply(): Answer | undefined {
    return this.effects.flatMap((one) => (one.type === "reply" ? [one.answer] : []))[0];
  }
  sent(kind: Message["kind"]): readonly string[] {
    return this.effects.flatMap((one) =>
      one.type === "send" && one.message.kind === kind ? [one.to] : [],
    );
  }
  alarms(): readonly string[] {
    return this.effects.flatMap((one) => (one.type === "alarm" ? [one.alarm] : []));
  }
}

export const sender = (member: typeof m1, boot: string): Sender => ({
  member,
  boot,
  trust: "signed",
});
export const from1 = sender(m1, "b1");
export const from3 = sender(m3, "b3");

export function announce(of: Sender, inTerm: number, changes = {}): Message {
  return {
    kind: "announce",
    leader: { member: of.member, boot: of.boot },
    term: inTerm,
    token: `${inTerm}`,
    seq: 1,
    sentAtMs: 0,
    phase: "leading",
    successors: [m2, m1],
    viewSize: 3,
    history: [],
    voters: { term: 0, version: 1, members: voters },
    ...changes,
  };
}

export function vote(inTerm: number, changes = {}): Message {
  return {
    kind: "vote",
    attempt: 1,
    term: inTerm,
    refusedBy: [],
    voters: { term: 0, version: 1 },
    reason: "silence",
    ...changes,
  };
}

export function inquiry(changes = {}): Message {
  const stamp = { term: 0, version: 1 };
  return { kind: "inquire", attempt: 1, term, reason: "silence", voters: stamp, ...changes };
}

export function ok(attempt: number, seen: number): Answer {
  const rest = { refusesForMs: 0, sawRefused: false };
  return { kind: "ok", forBoot: "b2", attempt, term: seen, ...rest };
}

export function grant(attempt: number, inTerm: number): Answer {
  return { kind: "grant", forBoot: "b2", attempt, term: inTerm };
}

export const follower = (settings: Partial<ElectionSettings> = {}): LoneMember =>
  new LoneMember(settings).hear(from3, announce(from3, term)).written();
