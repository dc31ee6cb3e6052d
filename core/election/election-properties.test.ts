/**
 * Any sequence of events, in any order, from anybody, with any numbers: promises never fall, tokens
 * rise, nothing leaves before it is on disk, and old replies change nothing. The events are not those
 * of a plausible cluster on purpose; the simulator of the lab has plausible ones.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { instanceName } from "../kernel/index.ts";
import { configOf, type Mode } from "./config.ts";
import type { Effect } from "./effect.ts";
import { leadership, start, step } from "./election.ts";
import type { Event, Sender } from "./event.ts";
import { allRules, type Rules } from "./rules.ts";
import type { State } from "./state.ts";
import { compareTokens } from "./term.ts";
import type { Unstamped } from "./testing/small-cluster.ts";
import { wakeAtMs } from "./timekeeping.ts";

const names = ["m1", "m2", "m3"].map((name) => instanceName(name));
const voters = names.map((id, index) => ({ id, number: index + 1, priority: 0 }));
const wallMs = 1_000_000;
const self = names[1] ?? instanceName("m2");

const anyTerm = fc.integer({ min: wallMs - 2, max: wallMs + 6 });
const anySender: fc.Arbitrary<Sender> = fc.record({
  member: fc.constantFrom(names[0] ?? self, names[2] ?? self),
  boot: fc.constantFrom("b1", "b1", "b1", "b9"),
  trust: fc.constantFrom("signed", "signed", "signed", "none"),
});
const stamp = { term: 0, version: 1 };

/** What can be said to the machine, with a choice of numbers made when it is said. */
type Word = (state: State, from: Sender, term: number) => Unstamped<Event>;

const said = (from: Sender, message: object) =>
  ({ type: "received", from, requestId: "r", message }) as unknown as Unstamped<Event>;
const told = (from: Sender, answer: object) =>
  ({ type: "answered", from, answer: { forBoot: "b2", ...answer } }) as unknown as Unstamped<Event>;

const words: readonly Word[] = [
  () => ({ type: "tick" }),
  () => ({ type: "tick" }),
  ({ writeId }) => ({ type: "persisted", writeId }),
  ({ writeId }) => ({ type: "persisted", writeId: writeId - 1 }),
  (_, from, term) =>
    said(from, {
      kind: "announce",
      leader: { member: from.member, boot: from.boot },
      term,
      token: `${term}`,
      seq: 1,
      sentAtMs: 0,
      phase: "leading",
      successors: [self],
      viewSize: 2,
      history: [],
      voters: { ...stamp, members: voters },
    }),
  (_, from, term) =>
    said(from, { kind: "vote", attempt: 1, term, refusedBy: [], voters: stamp, reason: "silence" }),
  (_, from, term) =>
    said(from, { kind: "inquire", attempt: 1, term, reason: "silence", voters: stamp }),
  (_, from, term) =>
    said(from, { kind: "resign", leader: { member: from.member, boot: from.boot }, term }),
  (_, from, term) =>
    said(from, { kind: "nominate", leader: { member: from.member, boot: from.boot }, term }),
  ({ attempt }, from, term) =>
    told(from, { kind: "ok", attempt, term, refusesForMs: 0, sawRefused: false }),
  ({ attempt, role }, from) =>
    told(from, { kind: "grant", attempt, term: "term" in role ? role.term : 0 }),
  ({ role }, from) =>
    told(from, {
      kind: "ack",
      term: "term" in role ? role.term : 0,
      seq: role.at === "leader" ? role.seq : 0,
      voters: stamp,
    }),
  (_, { member, boot }) => ({ type: "exited", process: { member, boot } }),
  ({ role }) => ({
    type: "app",
    says: { is: "fenced", term: "term" in role ? role.term : 0 },
  }),
  () => ({ type: "resign-asked", to: undefined, drainMs: 0 }),
  ({ askId }) => ({
    type: "arbiter-answered",
    askId,
    outcome: { kind: "read", version: undefined, record: undefined },
  }),
  ({ askId }) => ({
    type: "arbiter-answered",
    askId,
    outcome: { kind: "written", version: `${askId}` },
  }),
];

const anyMoment = fc.record({
  word: fc.integer({ min: 0, max: words.length - 1 }),
  from: anySender,
  term: anyTerm,
  pauseMs: fc.constantFrom(0, 0, 1, 20, 200, "wake" as const),
  crashes: fc.integer({ min: 0, max: 40 }),
});

type Tally = { leads: number; grants: number; crashes: number };

function live(mode: Mode, moments: readonly Moment[], tally: Tally, rules: Rules = allRules): void {
  let boots = 0;
  const boot = (state: State | undefined, atMs: number): State => {
    const config = configOf({
      self,
      boot: boots++ === 0 ? "b2" : `b2-${boots}`,
      mode,
      voters,
      rules,
    });
    const disk = state === undefined ? undefined : stored;
    return start(config, disk, { atMs, wallMs: wallMs + Math.floor(atMs), seed: 1 });
  };
  let stored: State["record"] | undefined;
  let writes: { writeId: number; record: State["record"] }[] = [];
  let state = boot(undefined, 0);
  let atMs = 700;
  let toldPromise = 0;
  const tokens: string[] = [];
  for (const { word, from, term, pauseMs, crashes } of moments) {
    if (crashes === 0) {
      tally.crashes += 1;
      writes = [];
      state = boot(state, atMs);
      assert.ok(state.record.promised >= toldPromise, "S7: forgot what it had told");
    }
    const wake = wakeAtMs(state);
    atMs = pauseMs === "wake" && wake < 1e9 ? Math.max(atMs, wake) : atMs + Number(pauseMs) || atMs;
    const event = { ...words[word]?.(state, from, term), atMs } as Event;
    if (event.type === "persisted") {
      stored = writes.findLast(({ writeId }) => writeId <= event.writeId)?.record ?? stored;
      writes = writes.filter(({ writeId }) => writeId > event.writeId); // A disk does not go back.
    }
    const before = state.record.promised;
    const { state: next, effects } = step(state, event);
    assert.ok(next.record.promised >= before, "S7: a promise fell");
    for (const effect of effects) {
      if (effect.type === "persist") writes.push(effect);
      const toldTerm = toldBy(effect);
      if (toldTerm !== undefined) {
        tally.grants += 1;
        assert.ok((stored?.promised ?? 0) >= toldTerm, "S7: told before it was on disk");
        toldPromise = Math.max(toldPromise, toldTerm);
      }
      if (effect.type !== "lead") continue;
      const isVoted = mode === "arbiter" || (stored?.promised ?? 0) >= state.record.promised;
      assert.ok(isVoted, "S7: leads by a vote of its own that is not on disk");
      tally.leads += 1;
      const last = tokens.at(-1);
      const rises = last === undefined || compareTokens(last, effect.token) < 0;
      assert.ok(rises, `S2: token ${effect.token} after ${last}`);
      tokens.push(effect.token);
      assert.notEqual(leadership(next, atMs), undefined);
    }
    state = next;
  }
}

/** The term of a vote that this member gives. To ask for votes gives none. */
function toldBy(effect: Effect): number | undefined {
  if (effect.type !== "reply" || effect.answer.kind !== "grant") return undefined;
  return effect.answer.term;
}

type Moment = typeof anyMoment extends fc.Arbitrary<infer One> ? One : never;

for (const mode of ["quorum", "available", "arbiter"] as const) {
  test(`${mode}: whatever happens, S2 and S7 hold`, () => {
    const tally: Tally = { leads: 0, grants: 0, crashes: 0 };
    const property = fc.property(
      fc.array(anyMoment, { minLength: 60, maxLength: 160 }),
      (moments) => live(mode, moments, tally),
    );
    fc.assert(property, { numRuns: 1_000, seed: 7 });
    assert.ok(tally.leads > 5 && tally.crashes > 100, JSON.stringify(tally));
  });
}

test("the same events notice a vote that is told before it is on disk", () => {
  const rules = { ...allRules, durableVotes: false };
  const tally: Tally = { leads: 0, grants: 0, crashes: 0 };
  const property = fc.property(fc.array(anyMoment, { minLength: 60, maxLength: 160 }), (moments) =>
    live("quorum", moments, tally, rules),
  );
  assert.throws(
    () => fc.assert(property, { numRuns: 300, seed: 7 }),
    (error: Error) => /S7/.test(`${error.cause}`),
  );
});

test("S6: an answer to an old attempt, term or life changes nothing", () => {
  const old = fc.record({
    kind: fc.constantFrom("ok", "grant", "deny", "ack", "reject", "recalled", "ready"),
    lag: fc.integer({ min: 1, max: 5 }),
    isOtherLife: fc.boolean(),
  });
  const property = fc.property(
    fc.array(anyMoment, { minLength: 5, maxLength: 60 }),
    old,
    (moments, { kind, lag, isOtherLife }) => {
      const config = configOf({ self, boot: "b2", mode: "quorum", voters });
      let state = start(config, undefined, { atMs: 0, wallMs, seed: 3 });
      let atMs = 700;
      for (const { word, from, term } of moments) {
        atMs = Math.max(atMs, Math.min(wakeAtMs(state), atMs + 300));
        state = step(state, { ...words[word]?.(state, from, term), atMs } as Event).state;
      }
      const from: Sender = { member: names[0] ?? self, boot: "b1", trust: "signed" };
      const known = step(state, { ...told(from, { kind: "noted", term: 0 }), atMs } as Event).state;
      const term = ("term" in known.role ? known.role.term : wallMs) - (isOtherLife ? 0 : lag);
      const attempt = known.attempt - (isOtherLife ? 0 : lag);
      const forBoot = isOtherLife ? "b2-before" : "b2";
      const voterSet = { ...stamp, members: voters };
      const rest = { promised: 0, why: "term", seq: 1, nonce: -1, isRecovering: false };
      const answer = { kind, attempt, term, forBoot, refusesForMs: 0, voters: voterSet, ...rest };
      const after = step(known, { ...told(from, answer), atMs } as Event);
      assert.deepEqual({ ...after.state, seen: 0 }, { ...known, seen: 0 });
      assert.deepEqual(after.effects, []);
    },
  );
  fc.assert(property, { numRuns: 400, seed: 11 });
});
