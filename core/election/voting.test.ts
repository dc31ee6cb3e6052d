/** Giving and getting votes (V1 to V4), and who has none, one step at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf, type ElectionSettings } from "./config.ts";
import { freshRecord } from "./durable-record.ts";
import type { Answer } from "./message.ts";
import {
  follower,
  from1,
  from3,
  grant,
  LoneMember,
  m1,
  m2,
  m3,
  ok,
  sender,
  stickinessMs,
  term,
  vote,
  voters,
} from "./testing/lone-member.ts";
import { wakeAtMs } from "./timekeeping.ts";

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
  const member = new LoneMember().hear(from1, vote(term));
  assert.deepEqual(member.replied, []);
  assert.deepEqual(member.written().replied, ["grant"]);
  assert.deepEqual(member.hear(from1, vote(term)).replied, ["grant"]);
  assert.deepEqual(member.hear(sender(m1, "b1x"), vote(term)).replied, ["deny"]);
  assert.deepEqual(member.hear(from3, vote(term)).replied, ["deny"]);
  assert.deepEqual(member.hear(from3, vote(term - 1)).replied, ["deny"]);
});

test("V2: a grant that waits for the disk is withdrawn when a higher one overtakes it", () => {
  const never = { ...configOf({ self: m2, boot: "b2", mode: "quorum", voters }).rules };
  const member = new LoneMember({ rules: { ...never, stickiness: false } });
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

test("quarantine: a voter that has just started grants nothing, and does not stand", () => {
  const member = new LoneMember();
  const asked = member.at(stickinessMs - 1).hear(from1, vote(term)).reply;
  assert.equal(asked?.kind === "deny" ? asked.why : "", "quarantine");
  assert.ok(wakeAtMs(member.state) >= stickinessMs);
  assert.deepEqual(member.at(stickinessMs).hear(from1, vote(term)).written().replied, ["grant"]);
});

test("memory: a voter that forgot asks f + 1 others before it votes, and not its own kind", () => {
  const member = new LoneMember({ memoryVoters: true });
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

test("voters: who knows an older set gets no vote, and is taught the newer one", () => {
  const record = { ...freshRecord(voters), voters: { term, version: 4, members: voters } };
  const member = new LoneMember({}, record).hear(
    from1,
    vote(term + 1, { voters: { term, version: 3 } }),
  );
  assert.equal(member.reply?.kind === "deny" ? member.reply.why : "", "voters");
  assert.equal(member.reply?.kind === "deny" ? member.reply.voters?.version : 0, 4);
});
