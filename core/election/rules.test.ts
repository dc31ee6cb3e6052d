/** Each rule of the machine at the level of one step, in the words of docs/protocol/election.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import { configOf, type ElectionSettings } from "./config.ts";
import { type DurableRecord, freshRecord } from "./durable-record.ts";
import type { Effect } from "./effect.ts";
import { leadership, start, step } from "./election.ts";
import type { Event, Sender } from "./event.ts";
import type { Answer, Message } from "./message.ts";
import type { State } from "./state.ts";
import { compareTokens } from "./term.ts";
import type { Unstamped } from "./testing/small-cluster.ts";
import { wakeAtMs } from "./timekeeping.ts";

const [m1, m2, m3] = [instanceName("m1"), instanceName("m2"), instanceName("m3")];
const voters = [m1, m2, m3].map((id, index) => ({ id, number: index + 1, priority: 0 }));
const wallMs = 1_700_000_000_000;
const term = wallMs + 10;
const stickinessMs = 600;

/** One member on a clock that the test turns; by default m2, past its quarantine. */
class Member {
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
    for (let tries = 0; tries < 20; tries++) {
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

const sender = (member: typeof m1, boot: string): Sender => ({ member, boot, trust: "signed" });
const from1 = sender(m1, "b1");
const from3 = sender(m3, "b3");

function announce(of: Sender, inTerm: number, changes = {}): Message {
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

function vote(inTerm: number, changes = {}): Message {
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

function inquiry(changes = {}): Message {
  const stamp = { term: 0, version: 1 };
  return { kind: "inquire", attempt: 1, term, reason: "silence", voters: stamp, ...changes };
}

function ok(attempt: number, seen: number): Answer {
  const rest = { refusesForMs: 0, sawRefused: false };
  return { kind: "ok", forBoot: "b2", attempt, term: seen, ...rest };
}

function grant(attempt: number, inTerm: number): Answer {
  return { kind: "grant", forBoot: "b2", attempt, term: inTerm };
}

const follower = (settings: Partial<ElectionSettings> = {}): Member =>
  new Member(settings).hear(from3, announce(from3, term)).written();

test("F1: a higher term is followed, and acknowledged when it is on disk (S7)", () => {
  const member = new Member().hear(from3, announce(from3, term));
  assert.deepEqual(member.replied, []);
  assert.deepEqual(member.written().replied, ["ack"]);
  assert.equal(member.state.bond?.member, "m3");
  assert.deepEqual(member.hear(from3, announce(from3, term, { seq: 2 })).replied, ["ack"]);
});

test("F1: a lower term, another boot and a second leader of the term are refused", () => {
  const member = follower();
  assert.deepEqual(member.hear(from1, announce(from1, term - 1)).replied, ["reject"]);
  const reborn = sender(m3, "b3x");
  assert.deepEqual(member.hear(reborn, announce(reborn, term)).replied, ["reject"]);
  assert.deepEqual(member.hear(from1, announce(from1, term)).replied, ["reject"]);
  assert.deepEqual(member.alarms(), ["second-leader"]);
  assert.equal(member.state.bond?.boot, "b3");
});

test("F1: a heartbeat of a process that is proven gone came late and is refused", () => {
  const member = follower().tell({ type: "exited", process: { member: m3, boot: "b3" } });
  assert.equal(member.state.bond, undefined);
  assert.deepEqual(member.hear(from3, announce(from3, term, { seq: 2 })).replied, ["reject"]);
  assert.equal(member.state.bond, undefined);
});

test("F2: silence makes a suspect; each place in the order waits one stagger more", () => {
  const starts = [
    [m2, m1],
    [m1, m2],
  ].map((successors) => {
    const member = new Member().hear(from3, announce(from3, term, { successors })).written();
    member.at(wakeAtMs(member.state)).tell({ type: "tick" });
    assert.deepEqual(
      member.effects.map(({ type }) => type),
      ["suspect"],
    );
    return wakeAtMs(member.state);
  });
  assert.equal((starts[1] ?? 0) - (starts[0] ?? 0), 40);
});

test("F2: a heartbeat, a vote or another inquiry puts the own start off", () => {
  for (const news of [announce(from3, term, { seq: 2 }), vote(term + 1)]) {
    const member = follower();
    member.at(wakeAtMs(member.state)).tell({ type: "tick" });
    assert.notEqual(member.state.suspicion, undefined);
    member.hear(news.kind === "vote" ? from1 : from3, news);
    assert.equal(member.state.suspicion, undefined, news.kind);
  }
  const member = new Member().hear(from3, announce(from3, term, { successors: [m1, m2] }));
  member.written().at(wakeAtMs(member.state)).tell({ type: "tick" });
  const before = wakeAtMs(member.state);
  assert.deepEqual(member.hear(from1, inquiry()).replied, ["ok"]);
  assert.ok(wakeAtMs(member.state) > before + 60);
});

test("I1: an inquiry asks all voters and costs no term (S5)", () => {
  const member = follower().untilSent("inquire");
  assert.deepEqual(member.sent("inquire"), ["m1", "m3"]);
  assert.equal(member.state.record.promised, term);
});

test("I2: live while a leader is heard, defer from a better member, ok otherwise", () => {
  assert.deepEqual(follower().hear(from1, inquiry()).replied, ["live"]);
  const silent = follower();
  silent.at(silent.atMs + stickinessMs).hear(from1, inquiry());
  assert.deepEqual(silent.replied, ["defer"]);
  assert.deepEqual(silent.sent("inquire"), ["m1", "m3"], "it tries itself");
  const worse = new Member({ self: m1, boot: "b1" });
  worse.hear(from3, announce(from3, term)).written();
  worse.at(worse.atMs + stickinessMs).hear(sender(m2, "b2"), inquiry());
  assert.deepEqual(worse.replied, ["ok"]);
});

test("I3: live sends back, and what is heard by hearsay is as old as it was when asked for", () => {
  const member = follower().untilSent("inquire");
  const askedAtMs = member.atMs;
  const { attempt } = member;
  const leader = { member: m3, boot: "b3", term };
  member.at(askedAtMs + 20).answer(from1, {
    kind: "live",
    forBoot: "b2",
    attempt,
    term,
    leader,
    ageMs: 50,
  });
  assert.equal(member.role, "follower");
  assert.equal(member.state.bond?.heardAtMs, askedAtMs - 50);
});

test("I3: too few answers make humble, and a humble member defers nobody", () => {
  const member = follower().untilSent("inquire");
  member.at(wakeAtMs(member.state)).tell({ type: "tick" });
  assert.equal(member.role, "follower");
  assert.deepEqual(member.hear(from1, inquiry()).replied, ["ok"]);
});

test("I3: a defer makes it wait for the better member, and then try again", () => {
  const member = new Member().untilSent("inquire");
  const { attempt } = member;
  member.answer(from3, { kind: "defer", forBoot: "b2", attempt, term });
  assert.equal(member.role, "deferring");
  const waitMs = wakeAtMs(member.state) - member.atMs;
  assert.ok(waitMs >= 240 && waitMs <= 360, `waits ${waitMs} ms`);
  assert.deepEqual(member.untilSent("inquire").sent("inquire"), ["m1", "m3"]);
  const again = member.effects.find((one) => one.type === "send");
  assert.ok(again?.type === "send" && again.message.kind === "inquire");
  assert.equal(again.message.hasDeferred, true);
  const better = follower();
  better.at(better.atMs + stickinessMs).hear(from1, inquiry({ hasDeferred: true }));
  assert.deepEqual(better.replied, ["ok"], "nobody is asked to wait twice");
});

test("I4: a nominated successor votes without an inquiry", () => {
  const member = follower().hear(from3, {
    kind: "nominate",
    leader: { member: m3, boot: "b3" },
    term,
  });
  assert.equal(member.role, "candidate");
  assert.deepEqual(member.sent("vote"), ["m1", "m3"]);
});

test("I5: proof of exit lets the first successor vote at once, if its leader counted enough others", () => {
  const proof = { type: "exited", process: { member: m3, boot: "b3" } } as const;
  const first = (heard: object): Member =>
    new Member().hear(from3, announce(from3, term, { successors: [m2, m1], ...heard })).written();
  const due = (member: Member): Member => member.tell(proof).tell({ type: "tick" });
  assert.deepEqual(due(first({ viewSize: 3 })).sent("vote"), ["m1", "m3"]);
  assert.deepEqual(due(first({ viewSize: 2 })).sent("inquire"), ["m1", "m3"]);
  const second = due(first({ viewSize: 3, successors: [m1, m2] }));
  assert.equal(second.role, "follower", "it waits for its turn");
  const late = first({ viewSize: 3 });
  late
    .at(late.atMs + stickinessMs)
    .tell(proof)
    .tell({ type: "tick" });
  assert.equal(late.role, "inquiring");
});

test("F2: after proof of exit the first successor inquires at once, also when it was being put off", () => {
  const proof = { type: "exited", process: { member: m3, boot: "b3" } } as const;
  const inquiring = () => {
    const member = new Member().hear(from3, announce(from3, term, { successors: [m2, m1] }));
    return member.written().untilSent("inquire");
  };
  const putOff = inquiring();
  putOff.answer(from1, {
    ...{ kind: "live", forBoot: "b2", attempt: putOff.attempt, term, ageMs: 5 },
    leader: { member: m3, boot: "b3", term },
  });
  for (const member of [inquiring(), putOff]) {
    const { attempt, atMs } = member;
    member.tell(proof);
    assert.equal(wakeAtMs(member.state), atMs, "neither chance nor a pause delays it");
    assert.deepEqual(member.tell({ type: "tick" }).sent("inquire"), ["m1", "m3"]);
    assert.equal(member.attempt, attempt + 1, "words of before the proof answer nothing");
  }
  const second = new Member().hear(from3, announce(from3, term, { successors: [m1, m2] }));
  second.written().tell(proof);
  const waitMs = wakeAtMs(second.state) - second.atMs;
  assert.ok(waitMs >= 40, `the second in the order waits ${waitMs} ms`);
});

test("V1: the others are asked while the own vote is written, and it counts when it is on disk (S7)", () => {
  const member = follower().untilSent("inquire");
  member.answer(from1, ok(member.attempt, term));
  assert.equal(member.role, "candidate");
  assert.deepEqual(member.sent("vote"), ["m1", "m3"]);
  assert.equal(member.state.record.promised, term + 1);
  member
    .answer(from1, grant(member.attempt, term + 1))
    .answer(from3, grant(member.attempt, term + 1));
  assert.equal(member.role, "candidate", "a majority of others is not enough without its own disk");
  assert.equal(member.written().role, "leader");
});

test("V1: a disk that took longer than votes are good for makes the candidate ask again", () => {
  const member = follower().untilSent("inquire");
  member.answer(from1, ok(member.attempt, term));
  const { attempt } = member;
  member.answer(from1, grant(attempt, term + 1));
  member.at(member.atMs + 500).tell({ type: "tick" });
  assert.equal(member.role, "candidate", "its own disk is no reason to give up");
  assert.deepEqual(member.written().sent("vote"), ["m1", "m3"]);
  assert.equal(member.attempt, attempt + 1);
  member.answer(from1, grant(attempt, term + 1)); // Bound to the first question, for less long.
  assert.equal(member.role, "candidate");
  const askedAtMs = member.atMs;
  member.answer(from1, grant(member.attempt, term + 1));
  const { role } = member.state;
  const lease = (stickinessMs * 0.98) / 1.02;
  assert.ok(role.at === "leader" && Math.abs(role.leaseUntilMs - askedAtMs - lease) < 1e-6);
});

test("V2: one vote a term, on disk before it is told, told again when asked again (S1, S7)", () => {
  const member = new Member().hear(from1, vote(term));
  assert.deepEqual(member.replied, []);
  assert.deepEqual(member.written().replied, ["grant"]);
  assert.deepEqual(member.hear(from1, vote(term)).replied, ["grant"]);
  assert.deepEqual(member.hear(sender(m1, "b1x"), vote(term)).replied, ["deny"]);
  assert.deepEqual(member.hear(from3, vote(term)).replied, ["deny"]);
  assert.deepEqual(member.hear(from3, vote(term - 1)).replied, ["deny"]);
});

test("V2: a grant that waits for the disk is withdrawn when a higher one overtakes it", () => {
  const never = { ...configOf({ self: m2, boot: "b2", mode: "quorum", voters }).rules };
  const member = new Member({ rules: { ...never, stickiness: false } });
  member
    .hear(from1, vote(term))
    .hear(from3, vote(term + 1))
    .written();
  assert.deepEqual(member.replied, ["deny", "grant"]);
});

test("V2: who hears a leader, or heard it within stickiness, grants nobody else a vote (S3)", () => {
  const member = follower();
  const heardAtMs = member.atMs - 0;
  const sticky = member.at(heardAtMs + stickinessMs - 1).hear(from1, vote(term + 1)).reply;
  assert.equal(sticky?.kind === "deny" ? sticky.why : "", "sticky");
  member
    .at(heardAtMs + stickinessMs)
    .hear(from1, vote(term + 1))
    .written();
  assert.deepEqual(member.replied, ["grant"]);
});

test("V2: proof of the leader's end frees a voter at once, unless leaseBreak is never", () => {
  const proof = { member: m3, boot: "b3", term, how: "exited" };
  const free = follower()
    .hear(from1, vote(term + 1, { proof }))
    .written();
  assert.deepEqual(free.replied, ["grant"]);
  const strict = follower({ leaseBreak: "never" }).hear(from1, vote(term + 1, { proof }));
  assert.equal(strict.reply?.kind, "deny");
  const resigned = { ...proof, how: "resigned" };
  const left = follower({ leaseBreak: "never" }).hear(from1, vote(term + 1, { proof: resigned }));
  assert.deepEqual(left.written().replied, ["grant"]);
});

test("V2: refused connections free a voter only if configured and seen by a majority", () => {
  const refused = { member: m3, boot: "b3", term };
  const asked = vote(term + 1, { refused, refusedBy: [m1, m2] });
  assert.equal(follower().hear(from1, asked).reply?.kind, "deny");
  const loose: Partial<ElectionSettings> = { leaseBreak: "refused" };
  const alone = vote(term + 1, { refused, refusedBy: [m1] });
  assert.equal(follower(loose).hear(from1, alone).reply?.kind, "deny");
  assert.deepEqual(follower(loose).hear(from1, asked).written().replied, ["grant"]);
});

test("V3: a majority elects, in the same attempt and in time by the clock; the lease counts from asking", () => {
  const member = follower().untilSent("inquire");
  member.answer(from1, ok(member.attempt, term)).written();
  const sentAtMs = member.atMs;
  const { attempt } = member;
  member.at(sentAtMs + 5).answer(from1, grant(attempt - 1, term + 1)); // S6: an old attempt.
  assert.equal(member.role, "candidate");
  member.answer(from1, { ...grant(attempt, term + 1), forBoot: "b2-before" }); // S6: an old life.
  assert.equal(member.role, "candidate");
  member.answer(from1, grant(attempt, term + 1));
  assert.equal(member.role, "leader");
  const { role } = member.state;
  const lease = (stickinessMs * 0.98) / 1.02;
  assert.ok(role.at === "leader" && Math.abs(role.leaseUntilMs - sentAtMs - lease) < 1e-6);
});

test("V3: a majority that comes after the vote time elects nobody", () => {
  const member = follower().untilSent("inquire");
  member.answer(from1, ok(member.attempt, term)).written();
  member.at(member.atMs + 61).answer(from1, grant(member.attempt, term + 1));
  assert.equal(member.role, "follower");
});

test("V4: too late or outbid is a follower again, frees its voters, and pauses", () => {
  const late = follower().untilSent("inquire");
  late.answer(from1, ok(late.attempt, term)).written();
  late.at(wakeAtMs(late.state)).tell({ type: "tick" });
  assert.equal(late.role, "follower");
  assert.deepEqual(late.sent("resign"), ["m1", "m3"]);
  assert.ok(wakeAtMs(late.state) > late.atMs);
});

test("L1: a lease counts from when its round was sent, whenever it is acknowledged", () => {
  const member = follower().elect();
  const sentAtMs = member.atMs;
  const voters1 = { term: member.standing, version: 1 };
  member.at(sentAtMs + 90).answer(from1, {
    kind: "ack",
    forBoot: "b2",
    term: member.standing,
    seq: 1,
    voters: voters1,
  });
  const { role } = member.state;
  const lease = (stickinessMs * 0.98) / 1.02;
  assert.ok(role.at === "leader" && Math.abs(role.leaseUntilMs - sentAtMs - lease) < 1e-6);
});

test("L2: a leadership ends by the clock even if no event ever comes", () => {
  const member = follower().elect();
  member.tell({ type: "app", says: { is: "fenced", term: member.standing } });
  assert.notEqual(leadership(member.state, member.atMs), undefined);
  assert.equal(leadership(member.state, member.atMs + stickinessMs), undefined);
  member.at(member.atMs + stickinessMs).hear(from1, inquiry());
  assert.deepEqual(member.effects[0]?.type, "step-down", "before it answers anybody");
});

test("L3: lease over, outbid, sick, stuck and doubled leaders step down, and tell it afterwards", () => {
  const ends: readonly (readonly [string, (member: Member) => Member])[] = [
    ["lease", (member) => member.at(member.atMs + stickinessMs).tell({ type: "tick" })],
    ["higher-term", (member) => member.hear(from3, announce(from3, term + 9))],
    ["unhealthy", (member) => member.tell({ type: "app", says: { is: "unhealthy" } })],
    ["stalled", (member) => member.tell({ type: "app", says: { is: "stuck" } })],
    ["duplicate", (member) => member.hear(sender(m2, "other"), inquiry())],
  ];
  for (const [why, end] of ends) {
    const member = end(follower().elect());
    const types = member.effects.map(({ type }) => type);
    const down = member.effects.find(({ type }) => type === "step-down");
    assert.equal(down?.type === "step-down" ? down.why : undefined, why);
    assert.ok(types.indexOf("step-down") < types.indexOf("send"), why);
    assert.equal(leadership(member.state, member.atMs), undefined);
  }
});

test("fence first: a leader serves when every resource carries its token (S4)", () => {
  const member = follower().elect();
  assert.ok(member.effects.some(({ type }) => type === "fence"));
  assert.equal(leadership(member.state, member.atMs), undefined);
  member.tell({ type: "app", says: { is: "fenced", term: member.standing - 1 } });
  assert.equal(leadership(member.state, member.atMs), undefined);
  member.tell({ type: "app", says: { is: "fenced", term: member.standing } });
  assert.equal(leadership(member.state, member.atMs)?.token, `${term + 1}`);
});

test("quarantine: a voter that has just started grants nothing, and does not stand", () => {
  const member = new Member();
  const asked = member.at(stickinessMs - 1).hear(from1, vote(term)).reply;
  assert.equal(asked?.kind === "deny" ? asked.why : "", "quarantine");
  assert.ok(wakeAtMs(member.state) >= stickinessMs);
  assert.deepEqual(member.at(stickinessMs).hear(from1, vote(term)).written().replied, ["grant"]);
});

test("memory: a voter that forgot asks f + 1 others before it votes, and not its own kind", () => {
  const member = new Member({ memoryVoters: true });
  assert.equal(member.role, "recovering");
  const denied = member.hear(from1, vote(term)).reply;
  assert.equal(denied?.kind === "deny" ? denied.why : "", "recovering");
  assert.deepEqual(member.tell({ type: "tick" }).sent("recall"), ["m1", "m3"]);
  const told = (isRecovering: boolean, promised: number): Answer => ({
    kind: "recalled",
    forBoot: "b2",
    nonce: 1,
    promised,
    isRecovering,
    voters: { term: 0, version: 1, members: voters },
  });
  member.answer(from1, told(false, term)).answer(from3, told(true, 0));
  assert.equal(member.role, "recovering");
  member.answer(from3, told(false, term + 4));
  assert.equal(member.role, "follower");
  assert.equal(member.state.record.promised, term + 4);
});

test("two processes of one name: both are told, and neither leads", () => {
  const witness = follower();
  witness.hear(sender(m1, "b1"), inquiry()).hear(sender(m1, "b1x"), inquiry());
  witness.hear(sender(m1, "b1"), inquiry()); // Once is a late message.
  assert.deepEqual(witness.replied, []);
  witness.at(witness.atMs + 400).hear(sender(m1, "b1"), inquiry());
  assert.equal(witness.reply?.hasDouble, true);
  witness.hear(sender(m1, "b1x"), inquiry());
  assert.equal(witness.reply?.hasDouble, true);
  const member = follower().elect();
  member.answer(from1, { kind: "noted", forBoot: "b2", term: 0, hasDouble: true });
  assert.equal(member.role, "follower");
  assert.deepEqual(member.alarms(), ["duplicate-name"]);
});

test("terms: an impossible one is ignored, a strange one is told", () => {
  const member = follower();
  const before = JSON.stringify({ ...member.state, nowMs: 0 });
  const yearMs = 365 * 24 * 3_600_000;
  for (const bad of [wallMs + 11 * yearMs, -1, 0.5, Number.NaN]) {
    member.hear(from1, announce(from1, bad));
    assert.deepEqual(member.alarms(), ["term-malformed"], `${bad}`);
    assert.equal(JSON.stringify({ ...member.state, nowMs: 0 }), before);
  }
  member.hear(from1, announce(from1, wallMs + yearMs));
  assert.deepEqual(member.alarms(), ["term-ahead"]);
});

test("S8: what is not signed changes nothing, whatever it says", () => {
  const member = follower();
  const before = JSON.stringify(member.state);
  for (const message of [announce(from1, term + 1), vote(term + 1), inquiry()]) {
    member.hear({ ...from1, trust: "none" }, message);
    assert.deepEqual(member.alarms(), ["unsigned"]);
    assert.equal(JSON.stringify(member.state), before);
  }
});

test("compat: an old member may announce, raises a term by one at most, and has no vote", () => {
  const member = new Member({ mode: "available", compat: true });
  const old: Sender = { ...from3, trust: "compat" };
  const { seen } = member.state;
  member.hear(old, announce(from3, term + 1_000)).written();
  assert.equal(member.state.record.promised, seen + 1);
  assert.equal(member.hear({ ...from1, trust: "compat" }, vote(term + 9)).reply, undefined);
});

test("clocks: without memory terms begin at the time of day, with memory above what is promised", () => {
  const fresh = new Member().elect();
  assert.equal(fresh.standing, wallMs + 1);
  const record = { ...freshRecord(voters), promised: wallMs + 5_000 };
  assert.equal(new Member({}, record).elect().standing, wallMs + 5_001);
});

test("clocks: a member that was late itself does not judge silence by that", () => {
  const member = follower();
  member.at(wakeAtMs(member.state) + 500).tell({ type: "tick" });
  assert.equal(member.state.suspicion, undefined);
  assert.ok(wakeAtMs(member.state) >= member.atMs + 500);
});

test("P1 is no proof: a closed connection is redialled; only a refusal starts an inquiry", () => {
  const member = follower().tell({ type: "link", member: m3, is: "closed" });
  assert.deepEqual(
    member.effects.map(({ type }) => type),
    ["redial"],
  );
  assert.equal(member.state.suspicion, undefined);
  member.tell({ type: "link", member: m3, is: "refused" });
  assert.equal((member.state as State).suspicion?.reason, "refused");
  assert.equal(member.state.bond?.member, "m3", "it stays bound");
});

test("voters: who knows an older set gets no vote, and is taught the newer one", () => {
  const record = { ...freshRecord(voters), voters: { term, version: 4, members: voters } };
  const member = new Member({}, record).hear(
    from1,
    vote(term + 1, { voters: { term, version: 3 } }),
  );
  assert.equal(member.reply?.kind === "deny" ? member.reply.why : "", "voters");
  assert.equal(member.reply?.kind === "deny" ? member.reply.voters?.version : 0, 4);
});

test("tokens rise with terms, in numbers and in hexadecimal digits (S2)", () => {
  const numbered = new Member({ mode: "available", viewMin: 1 });
  numbered.elect();
  const { role } = numbered.state;
  const token = role.at === "leader" ? role.token : "";
  assert.equal(BigInt(token), BigInt(numbered.standing) * 65_536n + 2n);
  assert.ok(BigInt(token) < 2n ** 63n);
  assert.equal(compareTokens("99", "100"), -1);
  assert.equal(compareTokens("f".padStart(32, "0"), "10".padStart(32, "0")), -1);
  assert.equal(compareTokens("7", "7"), 0);
});
