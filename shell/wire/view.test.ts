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

test("ports of TCP services make sense, or the view is refused", () => {
  const port = { host: "127.0.0.1", firstPort: 6379, lastPort: 6379, by: "service" };
  const right: readonly object[] = [
    ...[{}, { role: "primary" }, { role: "replicas", proxyProtocol: "v2" }, { by: "first-frame" }],
    { by: "member", lastPort: 6478 },
  ];
  for (const change of right) {
    assert.equal(complaintAbout({ ...elected, tcp: [port, { ...port, ...change }] }), "");
  }
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ host: 1 }, /tcp\.host/],
    [{ firstPort: 0 }, /tcp ports/],
    [{ lastPort: 6378 }, /tcp\.lastPort/],
    [{ lastPort: 6380 }, /by service has one port/],
    [{ by: "first-frame", lastPort: 6380 }, /by first-frame has one port/],
    [{ by: "member", lastPort: 7379 }, /1000 ports at most/],
    [{ by: "name" }, /tcp\.by/],
    [{ role: "leader" }, /tcp\.role is unknown/],
    [{ by: "member", role: "primary" }, /tcp\.role is for a port by service/],
    [{ proxyProtocol: "v1" }, /tcp\.proxyProtocol/],
  ];
  for (const [change, expected] of wrong) {
    assert.match(complaintAbout({ ...elected, tcp: [{ ...port, ...change }] }), expected);
  }
  assert.match(complaintAbout({ ...elected, tcp: port }), /tcp must be a list/);
  const { leader: _, ...leaderless } = elected;
  const replicas = { ...leaderless, kind: "replicas" };
  assert.match(complaintAbout({ ...replicas, tcp: [{ ...port, role: "primary" }] }), /elects/);
});
