/** Whom a member follows, and when it stops to (F1, F2), one step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { State } from "./state.ts";
import {
  announce,
  follower,
  from1,
  from3,
  inquiry,
  LoneMember,
  m1,
  m2,
  m3,
  sender,
  term,
  vote,
} from "./testing/lone-member.ts";
import { wakeAtMs } from "./timekeeping.ts";

test("F1: a higher term is followed, and acknowledged when it is on disk (S7)", () => {
  const member = new LoneMember().hear(from3, announce(from3, term));
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
    const member = new LoneMember().hear(from3, announce(from3, term, { successors })).written();
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
  const member = new LoneMember().hear(from3, announce(from3, term, { successors: [m1, m2] }));
  member.written().at(wakeAtMs(member.state)).tell({ type: "tick" });
  const before = wakeAtMs(member.state);
  assert.deepEqual(member.hear(from1, inquiry()).replied, ["ok"]);
  assert.ok(wakeAtMs(member.state) > before + 60);
});

test("F2: after proof of exit the first successor inquires at once, also when it was being put off", () => {
  const proof = { type: "exited", process: { member: m3, boot: "b3" } } as const;
  const inquiring = () => {
    const member = new LoneMember().hear(from3, announce(from3, term, { successors: [m2, m1] }));
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
  const second = new LoneMember().hear(from3, announce(from3, term, { successors: [m1, m2] }));
  second.written().tell(proof);
  const waitMs = wakeAtMs(second.state) - second.atMs;
  assert.ok(waitMs >= 40, `the second in the order waits ${waitMs} ms`);
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
