import assert from "node:assert/strict";
import { test } from "node:test";
import type { Unstamped } from "@prunella/driver";
import {
  type InstanceEvent,
  lifecycleConfig,
  startInstance,
  stepInstance,
  wakeInstanceAtMs,
} from "./instance-machine.ts";

const probing = {
  path: undefined,
  intervalMs: 1_000,
  timeoutMs: 500,
  failuresMax: 3,
  successesMin: 2,
  startupMs: 10_000,
};
const life = lifecycleConfig("hello-1", probing, { drainMs: 0, graceMs: 5_000 });

test("launching, probing, judging and ending are one story", () => {
  let state = startInstance(life, probing, 1, 0);
  let atMs = 0;
  const tell = (event: Unstamped<InstanceEvent>): readonly string[] => {
    const decision = stepInstance(state, { ...event, atMs } as InstanceEvent);
    state = decision.state;
    return decision.effects.flatMap(({ type }) => (type === "record" ? [] : [type]));
  };
  const answer = (outcome: "good" | "failed"): readonly string[] => {
    if (state.probing.sentAtMs === undefined) {
      atMs = wakeInstanceAtMs(state);
      assert.deepEqual(tell({ type: "tick" }), ["probe"]);
    }
    return tell({ type: "probed", probeId: state.probing.probeId, outcome, detail: outcome });
  };

  assert.deepEqual(tell({ type: "tick" }), ["launch"]);
  assert.deepEqual(tell({ type: "launched", incarnation: 1 }), ["probe"]);
  assert.deepEqual(answer("failed"), []);
  assert.deepEqual(answer("good"), ["verify"]);
  assert.deepEqual(tell({ type: "verified", incarnation: 1, stranger: undefined }), []);
  assert.equal(state.life.stage.at, "serving");
  assert.deepEqual([answer("failed"), answer("failed")], [[], []]);
  assert.deepEqual(answer("failed"), ["terminate"]);
  assert.equal(state.probing.incarnation, 0, "what is on its way out is not probed");
  const ended = { type: "exited", incarnation: 1, code: undefined, signal: "SIGTERM" } as const;
  assert.deepEqual(tell(ended), ["launch"]);
  assert.deepEqual(tell({ type: "launched", incarnation: 2 }), ["probe"]);
});

test("what is stopped keeps no timer", () => {
  const start = startInstance(life, probing, 1, 4);
  const { state } = stepInstance(start, { type: "want", atMs: 1, what: "stop", why: "a test" });
  assert.equal(wakeInstanceAtMs(state), Number.POSITIVE_INFINITY);
  assert.equal(state.life.incarnation, 4);
});
