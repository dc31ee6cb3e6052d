/** How a leadership begins, lasts and ends (L1 to L3), one step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { leadership } from "./election.ts";
import {
  announce,
  follower,
  from1,
  from3,
  inquiry,
  type LoneMember,
  m2,
  sender,
  stickinessMs,
  term,
} from "./testing/lone-member.ts";

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
  const ends: readonly (readonly [string, (member: LoneMember) => LoneMember])[] = [
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
