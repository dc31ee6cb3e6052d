import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { invariant, neverMs, type Step } from "@prunella/core/kernel";
import { Driver, type DriverOptions, type Log, silentLog } from "./index.ts";

type State = { readonly sum: number; readonly dueAtMs: number };
type Event =
  | { readonly type: "tick"; readonly atMs: number }
  | { readonly type: "add"; readonly atMs: number; readonly value: number }
  | { readonly type: "remind"; readonly atMs: number; readonly inMs: number };
type Effect = { readonly type: "double" | "ring" };

/** Adds up; an even sum asks for its double, which comes back as an event. */
function step(state: State, event: Event): Step<State, Effect> {
  switch (event.type) {
    case "tick":
      if (event.atMs < state.dueAtMs) return { state, effects: [] };
      return { state: { ...state, dueAtMs: neverMs }, effects: [{ type: "ring" }] };
    case "remind":
      return { state: { ...state, dueAtMs: event.atMs + event.inMs }, effects: [] };
    case "add": {
      const sum = state.sum + event.value;
      invariant(sum < 1_000, "the sum stays small");
      return { state: { ...state, sum }, effects: sum % 2 === 0 ? [{ type: "double" }] : [] };
    }
  }
}

type Options = DriverOptions<State, Event, Effect>;

function driver(changes: Partial<Options> = {}): Driver<State, Event, Effect> {
  return new Driver<State, Event, Effect>({
    start: { sum: 0, dueAtMs: neverMs },
    step,
    wakeAtMs: ({ dueAtMs }) => dueAtMs,
    tick: { type: "tick" },
    perform: () => {},
    ...changes,
  });
}

test("an event is handled before tell returns, and answers follow in order", async () => {
  const sums: number[] = [];
  await using subject = driver({
    perform: () => {
      // Tells while the step's effects are being performed: must wait its turn.
      if (subject.state.sum < 20) subject.tell({ type: "add", value: subject.state.sum + 1 });
    },
    onStep: ({ sum }) => sums.push(sum),
  });
  subject.tell({ type: "add", value: 2 });
  assert.deepEqual(sums, [2, 5]);
  assert.equal(subject.state.sum, 5);
});

test("the timer follows the state: it strikes once when due, and not when it was moved away", async () => {
  const rings: number[] = [];
  const rung = Promise.withResolvers<void>();
  await using subject = driver({
    perform: () => {
      rings.push(performance.now());
      rung.resolve();
    },
  });
  subject.tell({ type: "remind", inMs: 60_000 });
  const startedAtMs = performance.now();
  subject.tell({ type: "remind", inMs: 20 });
  await rung.promise;
  assert.equal(rings.length, 1);
  assert.ok((rings[0] ?? 0) - startedAtMs >= 19);
  assert.equal(subject.state.dueAtMs, neverMs);
});

test("the transcript keeps the last events, oldest first, and replays to the same state", async () => {
  await using subject = driver({ transcriptMax: 8 });
  for (let value = 1; value <= 20; value++) subject.tell({ type: "add", value });
  const { transcript } = subject;
  assert.deepEqual(
    transcript.map(({ event }) => event.type === "add" && event.value),
    [13, 14, 15, 16, 17, 18, 19, 20],
  );
  await using whole = driver();
  for (let value = 1; value <= 20; value++) whole.tell({ type: "add", value });
  const start: State = { sum: 0, dueAtMs: neverMs };
  const replayed = whole.transcript.reduce((state, { event }) => step(state, event).state, start);
  assert.deepEqual(replayed, whole.state);
});

test("a full inbox refuses, says so, and goes on", async () => {
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (message) => errors.push(message) };
  const answers: boolean[] = [];
  await using subject = driver({
    inboxMax: 3,
    log,
    perform: () => {
      if (answers.length > 0) return;
      for (let value = 0; value < 5; value++) answers.push(subject.tell({ type: "add", value: 1 }));
    },
  });
  subject.tell({ type: "add", value: 2 });
  assert.deepEqual(answers, [true, true, true, false, false]);
  assert.equal(errors.length, 2);
  assert.equal(subject.state.sum, 5);
});

test("a bug ends the driver, and nothing is handled afterwards", async () => {
  const bugs: unknown[] = [];
  await using subject = driver({ onBug: (error) => bugs.push(error) });
  subject.tell({ type: "add", value: 2_000 });
  assert.match(`${bugs[0]}`, /the sum stays small/);
  assert.equal(subject.tell({ type: "add", value: 1 }), false);
  assert.equal(subject.state.sum, 0);
});

test("by default a bug ends the process with code 70 and tells the last events", () => {
  const program = `
    import { Driver } from "@prunella/driver";
    import { invariant } from "@prunella/core/kernel";
    const driver = new Driver({
      start: 0, wakeAtMs: () => Infinity, tick: { type: "tick" }, perform: () => {},
      step: (state, event) => { invariant(event.n < 3, "three is too many"); return { state: event.n, effects: [] }; },
    });
    try { for (const n of [1, 2, 3]) driver.tell({ type: "count", n }); } catch {}
    console.log("never printed");`;
  const args = ["-C", "@prunella/source", "--input-type=module", "-e", program];
  const ended = spawnSync(process.execPath, args, { cwd: import.meta.dirname, encoding: "utf8" });
  assert.equal(ended.status, 70);
  assert.match(ended.stderr, /broken invariant[\s\S]*three is too many[\s\S]*"n":2[\s\S]*"n":3/);
  assert.equal(ended.stdout, "");
});

test("a disposed driver keeps no timer and takes no events", async () => {
  const subject = driver();
  subject.tell({ type: "remind", inMs: 60_000 });
  await subject[Symbol.asyncDispose]();
  assert.equal(subject.tell({ type: "add", value: 1 }), false);
  // The test runner would wait a minute for a timer that was left behind.
});
