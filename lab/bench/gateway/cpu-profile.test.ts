import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuProfile, summarizeProfile } from "./cpu-profile.ts";

function node(id: number, functionName: string, url = "", lineNumber = -1) {
  return { id, callFrame: { functionName, url, lineNumber } };
}

/** Samples of 1 ms: 10 ms of start, then 10 ms that are worth looking at, then the end. */
const profile: CpuProfile = {
  nodes: [
    node(1, "(root)"),
    node(2, "(idle)"),
    node(3, "start", "file:///tmp/x/shell/gateway/gateway.ts", 9),
    node(4, "writeBuffer"),
    node(5, "put", "file:///tmp/x/shell/gateway/slab.ts", 25),
    node(6, "put", "file:///tmp/x/shell/gateway/slab.ts", 25), // Called from elsewhere.
    node(7, "push", "node:internal/streams/readable", 3),
    node(8, "(garbage collector)"),
  ],
  startTime: 1_000_000,
  endTime: 1_021_000,
  samples: [...Array.from({ length: 10 }, () => 3), 4, 4, 4, 4, 5, 6, 7, 8, 2, 2, 1],
  timeDeltas: Array.from({ length: 21 }, () => 1_000),
};

test("time is summed by function, in the window only, without idle time", () => {
  const { busyMs, idleMs, functions, areas } = summarizeProfile(profile, 10, 1);
  assert.equal(busyMs, 8);
  assert.equal(idleMs, 2);
  assert.deepEqual(
    functions.slice(0, 2).map(({ name, place, share }) => [name, place, share]),
    [
      ["writeBuffer", "", 0.5],
      ["put", "shell/gateway/slab.ts:26", 0.25],
    ],
  );
  assert.deepEqual(areas, { gateway: 0.25, node: 0.125, native: 0.5, collector: 0.125 });
});

test("the whole profile includes the start", () => {
  const { functions } = summarizeProfile(profile, 1_000, 0);
  assert.equal(functions[0]?.name, "start");
});
