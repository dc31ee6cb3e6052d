import assert from "node:assert/strict";
import { test } from "node:test";
import { draw as drawn, rngFrom } from "@prunella/core/kernel";
import {
  emptyRegistry,
  type RegistryEffect,
  type RegistryEvent,
  type RegistryState,
  rowsMax,
  stepRegistry,
  takenOver,
} from "./leader-registry.ts";
import { termRows } from "./term-account.ts";

type Word = Extract<RegistryEvent, { type: "announced" }>["word"];

const startMs = 1_700_000_000_000;

function announced(atMs: number, word: Partial<Word>): RegistryEvent {
  const whole = { name: "a-1", incarnation: 1, term: 7, state: "leading", ...word } as const;
  return { type: "announced", atMs: startMs + atMs, word: whole };
}

function ended(atMs: number, member: string, incarnation = 1): RegistryEvent {
  return { type: "ended", atMs: startMs + atMs, member, incarnation, how: "got SIGKILL" };
}

function run(...events: readonly RegistryEvent[]) {
  let state: RegistryState = emptyRegistry;
  const effects: (readonly RegistryEffect[])[] = [];
  for (const event of events) {
    const decision = stepRegistry(state, event);
    state = decision.state;
    effects.push(decision.effects);
  }
  return { state, last: effects.at(-1) ?? [] };
}

function reasonIn(effects: readonly RegistryEffect[]): string {
  return effects.flatMap((effect) => (effect.type === "refuse" ? [effect.reason] : [])).join();
}

test("a leader is believed, said again it changes nothing, and the next term replaces it", () => {
  const first = run(announced(0, {}));
  assert.deepEqual(first.last, [
    { type: "accept", changed: true },
    { type: "tell", what: "leader" },
  ]);
  const again = run(announced(0, {}), announced(5, {}));
  assert.deepEqual(again.last, [{ type: "accept", changed: false }]);
  const next = run(announced(0, {}), announced(9, { name: "a-2", term: 8, why: "silence" }));
  assert.equal(next.state.leader?.member, "a-2");
  assert.deepEqual(
    termRows(next.state.reigns).map((row) => [row.leader, row.ending, row.leaderlessMs]),
    [
      ["a-1", "nothing was heard of a-1", null],
      ["a-2", null, 0],
    ],
  );
});

test("LR1: an older term is refused, whoever brings it and whatever it says", () => {
  for (const state of ["leading", "handing-over", "none"] as const) {
    const { last, state: kept } = run(announced(0, {}), announced(1, { term: 6, state }));
    assert.match(reasonIn(last), /term 6 of a-1 .* is older than term 7/);
    assert.equal(kept.term, 7);
  }
});

test("LR2: a second leader of a term is refused and reported, another life of the first one too", () => {
  for (const other of [{ name: "a-2" }, { incarnation: 2 }]) {
    const { last, state } = run(announced(0, {}), announced(1, other));
    assert.deepEqual(
      last.map(({ type }) => type),
      ["refuse", "report-conflict"],
    );
    assert.deepEqual([state.leader?.member, state.leader?.incarnation], ["a-1", 1]);
  }
  const late = run(announced(0, {}), ended(1, "a-1"), announced(2, { name: "a-2" }));
  assert.match(reasonIn(late.last), /claims term 7, which a-1 \(incarnation 1\) leads/);
});

test("LR3: a word of a dead process is not believed, also under a new term", () => {
  const { last, state } = run(announced(0, {}), ended(3, "a-1"), announced(4, { term: 9 }));
  assert.match(reasonIn(last), /the process of a-1 \(incarnation 1\) has ended/);
  assert.equal(state.leader, undefined);
  assert.equal(termRows(state.reigns)[0]?.ending, "a-1 got SIGKILL");
  const next = run(announced(0, {}), ended(3, "a-1"), announced(4, { term: 9, incarnation: 2 }));
  assert.equal(next.state.leader?.incarnation, 2);
  assert.equal(termRows(next.state.reigns)[1]?.leaderlessMs, 1);
});

test("LR3: the next agent counts incarnations anew, so it takes the name of a dead one for a new life", () => {
  const { state } = run(announced(0, {}), ended(3, "a-1"));
  const { state: next } = stepRegistry(takenOver(state), announced(4, { term: 9 }));
  assert.deepEqual([next.leader?.member, next.leader?.incarnation, next.term], ["a-1", 1, 9]);
  const old = stepRegistry(takenOver(state), announced(4, { term: 6 }));
  assert.match(reasonIn(old.effects), /is older than term 7/);
});

test("who steps down leads no more, and only who leads can step down", () => {
  const over = run(announced(0, {}), announced(5, { state: "none", why: "lease" }));
  assert.equal(over.state.leader, undefined);
  assert.equal(termRows(over.state.reigns)[0]?.ending, "a-1 could not renew its lease");
  const back = run(announced(0, {}), announced(5, { state: "none" }), announced(9, {}));
  assert.deepEqual([back.state.leader?.member, termRows(back.state.reigns)[0]?.to], ["a-1", null]);
  const newer = run(announced(0, {}), announced(5, { state: "none", name: "a-2", term: 8 }));
  assert.deepEqual([newer.state.term, newer.state.leader?.member], [8, "a-1"]);
});

test("a handover is a state of the leader, and ends with the next one", () => {
  const { state } = run(announced(0, {}), announced(5, { state: "handing-over" }));
  assert.equal(state.leader?.state, "handing-over");
  const next = run(
    announced(0, {}),
    announced(5, { state: "handing-over" }),
    announced(7, { name: "a-2", term: 8, why: "resign" }),
  );
  assert.equal(next.state.reigns.length, 2);
  assert.equal(next.state.leader?.state, "leading");
  const [old, heir] = termRows(next.state.reigns);
  assert.equal(old?.ending, "a-1 handed over to a-2");
  assert.equal(heir?.leaderlessMs, 2, "from the moment in which the old one took no more work");
});

test("a term that no clock of ours could make is refused", () => {
  const { last } = run(announced(0, { term: startMs + 11 * 365 * 86_400_000 }));
  assert.match(reasonIn(last), /more than ten years ahead/);
});

test("what is remembered is bounded", () => {
  const events = Array.from({ length: 500 }, (_, index) => [
    announced(index, { term: index + 1, incarnation: index + 1 }),
    ended(index, "a-1", index + 1),
  ]).flat();
  const { state } = run(...events);
  assert.equal(state.reigns.length, rowsMax);
  assert.equal(state.reigns.at(-1)?.term, 500);
  assert.ok(state.dead.length <= 64);
});

// Goal: LR1, LR2 and LR3 over any sequence of words, also ones that no election would say.
// Method: drawn words of four members over few terms. Non-vacuous: every kind of answer occurs.
test("LR1 LR2 LR3: no sequence of words moves a term back, doubles it, or wakes the dead", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 400; seed++) {
    let rng = rngFrom(seed);
    const draw = (below: number): number => {
      const next = drawn(rng);
      rng = next.rng;
      return Math.floor(next.value * below);
    };
    const leaders = new Map<number, string>();
    const dead = new Set<string>();
    let state: RegistryState = emptyRegistry;
    for (let index = 0; index < 60; index++) {
      const name = `a-${1 + draw(4)}`;
      const incarnation = 1 + draw(3);
      const word = draw(3) === 0 ? "none" : draw(2) === 0 ? "handing-over" : "leading";
      const event =
        draw(5) === 0
          ? ended(index, name, incarnation)
          : announced(index, { name, incarnation, term: 1 + draw(12), state: word });
      const before = state;
      const decision = stepRegistry(state, event);
      state = decision.state;
      for (const { type } of decision.effects) seen.add(type);
      if (event.type === "ended") dead.add(`${name}/${incarnation}`);
      assert.ok(state.term >= before.term, `LR1 with seed ${seed}`);
      const { leader } = state;
      if (leader === undefined) continue;
      const life = `${leader.member}/${leader.incarnation}`;
      assert.ok(!dead.has(life), `LR3 with seed ${seed}`);
      assert.equal(leaders.get(leader.term) ?? life, life, `LR2 with seed ${seed}`);
      leaders.set(leader.term, life);
    }
  }
  assert.deepEqual([...seen].toSorted(), ["accept", "refuse", "report-conflict", "tell"]);
});
