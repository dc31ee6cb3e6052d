/** Terms and the tokens made of them, one step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshRecord } from "./durable-record.ts";
import { compareTokens } from "./term.ts";
import { announce, follower, from1, LoneMember, voters, wallMs } from "./testing/lone-member.ts";

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

test("clocks: without memory terms begin at the time of day, with memory above what is promised", () => {
  const fresh = new LoneMember().elect();
  assert.equal(fresh.standing, wallMs + 1);
  const record = { ...freshRecord(voters), promised: wallMs + 5_000 };
  assert.equal(new LoneMember({}, record).elect().standing, wallMs + 5_001);
});

test("tokens rise with terms, in numbers and in hexadecimal digits (S2)", () => {
  const numbered = new LoneMember({ mode: "available", viewMin: 1 });
  numbered.elect();
  const { role } = numbered.state;
  const token = role.at === "leader" ? role.token : "";
  assert.equal(BigInt(token), BigInt(numbered.standing) * 65_536n + 2n);
  assert.ok(BigInt(token) < 2n ** 63n);
  assert.equal(compareTokens("99", "100"), -1);
  assert.equal(compareTokens("f".padStart(32, "0"), "10".padStart(32, "0")), -1);
  assert.equal(compareTokens("7", "7"), 0);
});
