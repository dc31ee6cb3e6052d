/** Who is believed: signatures, doubles and members of the older protocol, one step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sender } from "./event.ts";
import {
  announce,
  follower,
  from1,
  from3,
  inquiry,
  LoneMember,
  m1,
  sender,
  term,
  vote,
} from "./testing/lone-member.ts";

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
  const member = new LoneMember({ mode: "available", compat: true });
  const old: Sender = { ...from3, trust: "compat" };
  const { seen } = member.state;
  member.hear(old, announce(from3, term + 1_000)).written();
  assert.equal(member.state.record.promised, seen + 1);
  assert.equal(member.hear({ ...from1, trust: "compat" }, vote(term + 9)).reply, undefined);
});
