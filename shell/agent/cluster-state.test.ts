import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { checkCluster } from "@prunella/spec";
import {
  applied,
  emptyState,
  ended,
  mergedCount,
  scaled,
  withFormerHostname,
} from "./cluster-state.ts";

function specWith(count: number, extra: object = {}) {
  const service = { kind: "replicas", run: ["true"], count, ...extra };
  const around = { folder: "/", execPath: process.execPath };
  const checked = checkCluster({ name: "test", services: { api: service } }, around);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.spec;
}

test("the first file decides the count", () => {
  assert.equal(applied(emptyState, specWith(3)).members["api"]?.length, 3);
});

test("up with an unchanged file keeps what scale asked for; a changed count in the file wins", () => {
  const first = applied(emptyState, specWith(3));
  const five = scaled(first, "api", 5);
  assert.equal(applied(five, specWith(3)).members["api"]?.length, 5);
  assert.equal(applied(five, specWith(4)).members["api"]?.length, 4);
  assert.equal(applied(applied(five, specWith(4)), specWith(3)).members["api"]?.length, 3);
});

test("the merge is a table", () => {
  const spec = specWith(3, { scale: { min: 2, max: 6 } }).services["api"];
  assert.ok(spec !== undefined);
  const rows: readonly (readonly [number | undefined, number, number])[] = [
    [undefined, 0, 3], // Never applied: the file.
    [3, 3, 3],
    [3, 5, 5], // Scaled since: stays.
    [4, 5, 3], // The file changed: the file.
    [3, 9, 6], // Bounds hold for what was scaled before they were there.
    [3, 1, 2],
  ];
  for (const [before, live, want] of rows) {
    assert.equal(mergedCount(spec, before, live), want, `${before} ${live}`);
  }
});

test("members keep their names when the count shrinks and grows again", () => {
  const three = applied(emptyState, specWith(3));
  const one = scaled(three, "api", 1);
  assert.deepEqual(scaled(one, "api", 3).members["api"], three.members["api"]);
});

test("a service that left the file leaves the state, one that stays keeps its members", () => {
  const both = applied(emptyState, {
    ...specWith(2),
    services: { api: specWith(2).services["api"], web: specWith(2).services["api"] },
  } as never);
  const one = applied(both, specWith(2));
  assert.deepEqual(Object.keys(one.members), ["api"]);
  assert.deepEqual(one.members["api"], both.members["api"]);
});

test("counts beyond the bounds of the file are refused with the bounds and the cure", () => {
  const state = applied(emptyState, specWith(3, { scale: { min: 2, max: 6 } }));
  for (const count of [1, 7]) {
    assert.throws(
      () => scaled(state, "api", count),
      (error) => ClusterError.is(error, "COUNT_OUT_OF_RANGE") && /2 to 6/.test(error.message),
    );
  }
  assert.throws(
    () => scaled(state, "web", 3),
    (error) => ClusterError.is(error, "SERVICE_UNKNOWN") && /Services: api/.test(error.message),
  );
});

test("down forgets all but the term", () => {
  const state = applied(emptyState, specWith(2));
  assert.deepEqual(ended({ ...state, agentTerm: 4 }), { ...emptyState, agentTerm: 4 });
});

test("a name that another service still uses is not given away, one's own comes back", () => {
  const busy = (service: string): readonly string[] => (service === "api" ? ["api-2"] : []);
  const names = applied(emptyState, specWith(2), busy).members["api"]?.map(({ name }) => name);
  assert.deepEqual(names, ["api-1", "api-2-2"]);
});

test("former host names are bounded", () => {
  let state = emptyState;
  for (let index = 0; index < 500; index++)
    state = withFormerHostname(state, `h-${index}`, "server-1");
  assert.equal(Object.keys(state.formerHostnames).length, 200);
  assert.equal(state.formerHostnames["h-499"], "server-1");
});
