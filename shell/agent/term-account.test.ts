/** What the agent and the electors know, put together to one account. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyRegistry, type RegistryEvent, stepRegistry } from "./leader-registry.ts";
import { termRows } from "./term-account.ts";

type Word = Extract<RegistryEvent, { type: "announced" }>["word"];

const startMs = 1_700_000_000_000;

function word(atMs: number, said: Partial<Word>): RegistryEvent {
  const whole = { name: "a-1", incarnation: 1, term: 7, state: "leading", ...said } as const;
  return { type: "announced", atMs: startMs + atMs, word: whole };
}

function exit(atMs: number, how: string): RegistryEvent {
  return { type: "ended", atMs: startMs + atMs, member: "a-1", incarnation: 1, how };
}

/** What is told of the change from a-1 to a-2. */
function told(...events: readonly RegistryEvent[]) {
  let state = emptyRegistry;
  for (const event of [word(0, {}), ...events]) state = stepRegistry(state, event).state;
  const [before, after] = termRows(state.reigns);
  assert.ok(before !== undefined && after !== undefined);
  const { why, detectMs, electMs, exposeMs, leaderlessMs } = after;
  return { why, ending: before.ending, spans: [detectMs, electMs, exposeMs, leaderlessMs] };
}

const heir = { name: "a-2", term: 8, after: 7, electMs: 20, ageMs: 3 } as const;

test("of a process that ended, the time before its end was no time to notice it", () => {
  const crash = word(1_033, { ...heir, why: "crash", proof: "exited", detectMs: 90 });
  assert.deepEqual(told(exit(1_000, "was ended by SIGKILL"), crash), {
    why: "crash",
    ending: "a-1 was ended by SIGKILL",
    spans: [10, 20, 3, 33],
  });
});

test("a leader that was silent led nobody since it was heard for the last time", () => {
  const silence = word(1_000, { ...heir, why: "silence", detectMs: 600 });
  assert.deepEqual(told(silence), {
    why: "silence",
    ending: "nothing was heard of a-1",
    spans: [600, 20, 3, 623],
  });
});

test("a program that handed over and ended is no crash, whichever the agent heard first", () => {
  const resign = word(1_030, { ...heir, why: "resign", proof: "resigned", detectMs: 50 });
  const { why, ending } = told(exit(1_000, "exited with code 0"), resign);
  assert.deepEqual([why, ending], ["resign", "a-1 handed over to a-2 and exited with code 0"]);
});

test("who left when nobody was there to take over handed nothing over", () => {
  const left = word(1_000, { state: "none", why: "resign" });
  const { why, ending } = told(left, word(9_000, { name: "a-2", term: 8, why: "start" }));
  assert.deepEqual([why, ending], ["resign", "a-1 was asked to leave the lead"]);
});

test("a process that the agent saw end was not merely silent, nor unknown", () => {
  for (const why of ["silence", "start", undefined] as const) {
    const said = word(1_700, { name: "a-2", term: 8, ...(why && { why }) });
    assert.equal(told(exit(1_000, "got SIGKILL"), said).why, "crash");
  }
});

test("what a leader said about itself counts, but for what it saw only afterwards", () => {
  const says = (why: NonNullable<Word["why"]>) => word(1_000, { state: "none", why });
  const next = word(1_030, { ...heir, why: "silence" });
  assert.equal(told(says("lease"), next).why, "lease");
  assert.equal(told(says("higher-term"), next).why, "silence");
});

test("an account of an older leadership is not taken for one of the last", () => {
  const stale = word(1_000, { ...heir, after: 5, why: "resign", proof: "resigned", detectMs: 1 });
  const { why, spans } = told(stale);
  assert.deepEqual([why, spans], ["silence", [null, null, 3, 3]]);
});

test("when the electors were quicker than the agent, how the process ended is added", () => {
  const crash = word(1_000, { ...heir, why: "crash", detectMs: 5 });
  assert.equal(told(crash).ending, "the process of a-1 ended");
  assert.equal(told(crash, exit(1_010, "was ended by SIGKILL")).ending, "a-1 was ended by SIGKILL");
  const silence = word(1_000, { ...heir, why: "silence", detectMs: 600 });
  const later = told(silence, exit(9_000, "was ended by SIGKILL"));
  assert.equal(later.ending, "nothing was heard of a-1", "its end came long afterwards");
});

test("how long nobody led is not made up when nobody saw the leader end", () => {
  const unseen = { ...exit(8_000, "ended while no agent ran"), isUnseen: true } as RegistryEvent;
  const first = word(9_000, { name: "a-2", term: 8, why: "start", ageMs: 3 });
  const { why, ending, spans } = told(unseen, first);
  assert.deepEqual([why, ending], ["crash", "a-1 ended while no agent ran"]);
  assert.deepEqual(spans, [null, null, 3, null]);
});

test("a word that comes late says when the leadership began", () => {
  const late = word(9_000, { ...heir, why: "crash", detectMs: 100, ageMs: 5_000 });
  const { spans } = told(exit(8_000, "ended while no agent ran"), late);
  assert.deepEqual(spans, [100, 20, 5_000, 5_120]);
});
