import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { parseView } from "./view.ts";

const leader = { member: "bell-2", incarnation: 4, term: 7, state: "leading" };
const elected = {
  name: "bell",
  kind: "elected",
  leader,
  routes: [{ prefix: "/" }],
  keys: [{ from: "request" }],
  placement: "default",
  seed: 0,
  timeoutMs: 30_000,
  bodyBytesMax: 1_024,
  members: [],
};

function viewOf(service: unknown): unknown {
  return { cluster: "shop", agentTerm: 1, version: 1, controlUrl: "", services: [service] };
}

function complaintAbout(service: unknown): string {
  try {
    parseView(viewOf(service));
    return "";
  } catch (error) {
    if (!ClusterError.is(error)) throw error;
    return error.message;
  }
}

test("a view says who leads an elected service, and may say that nobody does", () => {
  const view = viewOf(elected);
  assert.deepEqual(parseView(view), view);
  assert.equal(complaintAbout({ ...elected, leader: { ...leader, state: "handing-over" } }), "");
  const { leader: _, ...leaderless } = elected;
  assert.equal(complaintAbout(leaderless), "");
});

test("a leader that is not wholly described is refused, with the field that is wrong", () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ member: "" }, /leader\.member/],
    [{ member: 2 }, /leader\.member/],
    [{ incarnation: -1 }, /leader\.incarnation/],
    [{ incarnation: "4" }, /leader\.incarnation/],
    [{ term: 0 }, /leader\.term/],
    [{ term: 1.5 }, /leader\.term/],
    [{ term: 2 ** 53 }, /leader\.term/],
    [{ term: undefined }, /leader\.term/],
    [{ state: "resting" }, /leader\.state/],
    [{ state: undefined }, /leader\.state/],
  ];
  for (const [change, expected] of wrong) {
    const complaint = complaintAbout({ ...elected, leader: { ...leader, ...change } });
    assert.match(complaint, expected, JSON.stringify(change));
  }
  for (const nobody of [null, "bell-2", [], 7]) {
    assert.match(complaintAbout({ ...elected, leader: nobody }), /leader/, JSON.stringify(nobody));
  }
});

test("only elected services have leaders, and there are no kinds beside the known ones", () => {
  assert.match(complaintAbout({ ...elected, kind: "replicas" }), /leader is for elected/);
  assert.match(complaintAbout({ ...elected, kind: "workers" }), /kind is unknown/);
});
