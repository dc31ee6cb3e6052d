/**
 * Members that see the world differently: what the simulator's storms have found, one step at a time.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import { configOf, type ElectionSettings } from "./config.ts";
import { freshRecord } from "./durable-record.ts";
import type { Effect } from "./effect.ts";
import { start, step } from "./election.ts";
import type { Event, Sender } from "./event.ts";
import type { LeaderRef, Message } from "./message.ts";
import type { State } from "./state.ts";
import type { Unstamped } from "./testing/small-cluster.ts";
import { wakeAtMs } from "./timekeeping.ts";

const [m1, m2, m3, m4] = [1, 2, 3, 4].map((number) => instanceName(`m${number}`)) as [
  Sender["member"],
  Sender["member"],
  Sender["member"],
  Sender["member"],
];
const memberOf = (id: Sender["member"], index: number) => ({ id, number: index + 1, priority: 0 });
const voters = [m1, m2, m3].map(memberOf);
const wallMs = 1_700_000_000_000;
const stamp = { term: 0, version: 1 };

function from(member: Sender["member"], boot = "b"): Sender {
  return { member, boot, trust: "signed" };
}

/** m2, past its quarantine, on a clock that the test turns. */
class Member {
  state: State;
  effects: readonly Effect[] = [];
  atMs = 601;

  constructor(seed = 1, settings: Partial<ElectionSettings> = {}) {
    const base = { self: m2, boot: "b", mode: "quorum", voters, expectedCount: 1 } as const;
    const config = configOf({ ...base, ...settings });
    this.state = start(config, freshRecord(config.voters), { atMs: 0, wallMs, seed });
  }

  tell(event: Unstamped<Event>): this {
    const { state, effects } = step(this.state, { ...event, atMs: this.atMs } as Event);
    this.state = state;
    this.effects = effects;
    return this;
  }

  hear(sender: Sender, message: Message): this {
    return this.tell({ type: "received", from: sender, requestId: "r", message });
  }

  inquires(): this {
    for (let tries = 0; this.state.role.at !== "inquiring"; tries += 1) {
      assert.ok(tries < 20, "it never inquired");
      this.atMs = Math.max(this.atMs, wakeAtMs(this.state));
      this.tell({ type: "tick" });
    }
    return this;
  }

  answered(member: Sender["member"], kind: "ok" | "defer", refusesForMs = 0): this {
    const { attempt, seen: term } = this.state;
    const common = { forBoot: "b", attempt, term };
    return this.tell({
      type: "answered",
      from: from(member),
      answer:
        kind === "ok" ? { ...common, kind, refusesForMs, sawRefused: false } : { ...common, kind },
    });
  }

  get replies(): readonly string[] {
    return this.effects.flatMap((one) => (one.type === "reply" ? [one.answer.kind] : []));
  }

  get sends(): readonly string[] {
    return this.effects.flatMap((one) => (one.type === "send" ? [one.message.kind] : []));
  }
}

const inquiry: Message = {
  kind: "inquire",
  attempt: 1,
  term: wallMs,
  reason: "silence",
  voters: stamp,
};

function announce(leader: LeaderRef): Message {
  const { member, boot, term } = leader;
  return {
    kind: "announce",
    leader: { member, boot },
    term,
    token: `${term}`,
    seq: 1,
    sentAtMs: 0,
    phase: "leading",
    successors: [],
    viewSize: 2,
    history: [],
    voters: { ...stamp, members: voters },
  };
}

test("orders of succession that form a circle do not make members defer for ever (L1)", () => {
  const member = new Member().inquires();
  assert.deepEqual(member.hear(from(m1), inquiry).replies, ["defer"], "m2 outranks m1");
  member.answered(m3, "defer");
  assert.equal(member.state.role.at, "deferring");
  assert.deepEqual(
    member.hear(from(m1), inquiry).replies,
    ["ok"],
    "while it waits, others may try",
  );
});

test("members that were deferred at one moment do not try again at one moment (L1)", () => {
  const waits = [1, 2, 3, 4].map((seed) => {
    const member = new Member(seed).inquires().answered(m3, "defer");
    return wakeAtMs(member.state) - member.atMs;
  });
  assert.equal(new Set(waits).size, 4, `they wait ${waits}`);
  for (const waitMs of waits) assert.ok(waitMs >= 240 && waitMs <= 360);
});

test("a member that slept over its moment asks again before it raises a term (S5)", () => {
  const member = new Member().hear(from(m3), announce({ member: m3, boot: "b", term: wallMs + 5 }));
  member.atMs += 601;
  member.inquires().answered(m1, "ok", 300);
  member.atMs += 61;
  member.tell({ type: "tick" });
  assert.equal(member.state.role.at, "armed");
  const { promised } = member.state.record;
  member.atMs = wakeAtMs(member.state) + 500;
  member.tell({ type: "tick" });
  assert.equal(member.state.record.promised, promised);
  assert.deepEqual(member.sends, []);
  assert.deepEqual(member.inquires().sends, ["inquire", "inquire"]);
});

test("proof that the leader has ended hurries nobody who slept over the agreement (S5)", () => {
  const leader = { member: m3, boot: "b", term: wallMs + 5 };
  const member = new Member().hear(from(m3), announce(leader));
  member.atMs += 601;
  member.inquires().answered(m1, "ok", 300);
  member.atMs += 61;
  member.tell({ type: "tick" });
  assert.equal(member.state.role.at, "armed");
  const { promised } = member.state.record;
  member.atMs += 2_000;
  member.tell({ type: "exited", process: { member: m3, boot: "b" } }).tell({ type: "tick" });
  assert.equal(member.state.record.promised, promised);
});

test("who has heard of a later leader does not go back to an earlier one (S9)", () => {
  const later = { member: m3, boot: "b", term: wallMs + 9 };
  const earlier = { member: m1, boot: "b", term: wallMs + 3 };
  const member = new Member().inquires();
  const { attempt } = member.state;
  member.tell({
    type: "answered",
    from: from(m1),
    answer: { kind: "live", forBoot: "b", attempt, term: later.term, leader: later, ageMs: 10 },
  });
  assert.equal(member.state.bond?.term, later.term);
  assert.deepEqual(member.hear(from(m1), announce(earlier)).replies, ["reject"]);
  assert.equal(member.state.bond?.term, later.term);
});

test("what was heard of a later leader binds after that leader has left (S9)", () => {
  const later = { member: m3, boot: "b", term: wallMs + 9 };
  const member = new Member().inquires();
  const { attempt } = member.state;
  member.tell({
    type: "answered",
    from: from(m1),
    answer: { kind: "live", forBoot: "b", attempt, term: later.term, leader: later, ageMs: 10 },
  });
  const { boot, term } = later;
  member.hear(from(m3), { kind: "resign", leader: { member: m3, boot }, term });
  assert.equal(member.state.bond, undefined);
  const earlier = { member: m1, boot: "b", term: wallMs + 3 };
  assert.deepEqual(member.hear(from(m1), announce(earlier)).replies, ["reject"]);
});

test("the winner of a merge tells of its new term when that term is on disk (S2)", () => {
  const member = new Member(1, { mode: "available" }).inquires();
  member.answered(m1, "ok").answered(m3, "ok");
  member.tell({ type: "persisted", writeId: member.state.writeId });
  assert.equal(member.state.role.at, "leader");
  const before = member.state.record.promised;
  const alone = { member: m1, boot: "b", term: before + 1_000 };
  member.hear(from(m1), { ...announce(alone), viewSize: 1 } as Message);
  assert.ok(member.state.record.promised > alone.term);
  assert.notEqual(member.state.role.at, "leader");
  assert.deepEqual(member.sends, []);
  member.tell({ type: "persisted", writeId: member.state.writeId });
  assert.equal(member.state.role.at, "leader");
  assert.deepEqual(member.sends, ["announce", "announce"]);
});

test("members that agreed early do not ask for votes at one moment, but in their turn (L5)", () => {
  const waits = [m1, m2].map((self) => {
    const member = new Member(1, { self });
    member.hear(from(m3), announce({ member: m3, boot: "b", term: wallMs + 5 }));
    member.tell({ type: "link", member: m3, is: "refused" }).inquires();
    for (const other of [m1, m2].filter((id) => id !== self)) member.answered(other, "ok", 500);
    member.atMs += 61;
    if (member.state.role.at === "inquiring") member.tell({ type: "tick" });
    assert.equal(member.state.role.at, "armed");
    return member.state.role.at === "armed" ? member.state.role.voteAtMs : 0;
  });
  const [lower = 0, better = 0] = waits;
  assert.ok(lower > better + 30, `m2 votes at ${better} ms, m1 at ${lower} ms`);
});

test("a claim on its way to the disk answers no rival, who would rise above it", () => {
  const member = new Member(1, { mode: "available" }).inquires();
  member.answered(m1, "ok").answered(m3, "ok");
  assert.equal(member.state.role.at, "candidate");
  const rival = { member: m1, boot: "b", term: wallMs };
  assert.deepEqual(member.hear(from(m1), announce(rival)).replies, []);
});

test("a member that does not know yet that it is a voter may vote under later voters (L1)", () => {
  const others = [m1, m3, m4].map(memberOf);
  const member = new Member(1, { voters: others, observers: [memberOf(m2, 1)] });
  const vote: Message = {
    kind: "vote",
    attempt: 1,
    term: wallMs + 9,
    refusedBy: [],
    voters: stamp,
    reason: "silence",
  };
  assert.deepEqual(
    member.hear(from(m1), vote).replies,
    ["deny"],
    "under the same voters it has none",
  );
  const later: Message = { ...vote, voters: { term: wallMs, version: 2 } };
  member.hear(from(m1), later).tell({ type: "persisted", writeId: member.state.writeId });
  assert.deepEqual(member.replies, ["grant"]);
});

test("a late word of an earlier life makes no stranger of a living peer", () => {
  const member = new Member();
  member.hear(from(m1, "new"), inquiry);
  assert.deepEqual(member.replies, ["defer"]);
  member.hear(from(m1, "old"), inquiry); // Sent before the restart, and never heard of before.
  member.atMs += 10;
  assert.deepEqual(member.hear(from(m1, "new"), inquiry).replies, [], "taken for the earlier life");
  member.atMs += 301;
  assert.notDeepEqual(member.hear(from(m1, "new"), inquiry).replies, []);
  assert.equal(member.state.peers[m1]?.boot, "new");
  assert.equal(member.state.peers[m1]?.doubledUntilMs, 0, "one process, not two");
});

test("two processes that keep speaking under one name are two (S1)", () => {
  const member = new Member();
  for (let round = 0; round < 40; round += 1) {
    member.atMs += 20;
    member.hear(from(m1, round % 2 === 0 ? "one" : "two"), inquiry);
  }
  assert.ok((member.state.peers[m1]?.doubledUntilMs ?? 0) > member.atMs);
});
