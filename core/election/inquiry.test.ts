/** Asking before voting (I1 to I5), one step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
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
  stickinessMs,
  term,
} from "./testing/lone-member.ts";
import { wakeAtMs } from "./timekeeping.ts";

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
  const worse = new LoneMember({ self: m1, boot: "b1" });
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
  const member = new LoneMember().untilSent("inquire");
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
  const first = (heard: object): LoneMember =>
    new LoneMember()
      .hear(from3, announce(from3, term, { successors: [m2, m1], ...heard }))
      .written();
  const due = (member: LoneMember): LoneMember => member.tell(proof).tell({ type: "tick" });
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
