import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { MemberState } from "@prunella/wire/view";
import type { DataPathSnapshot } from "../observation/snapshot.ts";
import { DrainWatch, drainAnswer } from "./drain-watch.ts";

const durations = { boundsS: [], counts: [0], sumS: 0, count: 0 };

function snapshot(state: MemberState, inFlight: number, incarnation = 1): DataPathSnapshot {
  const member = {
    id: instanceName("hello-1"),
    incarnation,
    address: "127.0.0.1:4000",
    state,
    inFlight,
    idleConnections: 0,
    busyConnections: inFlight,
    ejected: undefined,
    ejections: {},
    requests: 0,
    faults: {},
  };
  const service = {
    name: serviceName("hello"),
    members: [member],
    requests: {},
    duration: durations,
    upstreamDuration: durations,
    retries: {},
    retryTokens: 0,
    diverted: {},
    failOpen: 0,
    pipelined: 0,
    held: 0,
    heldRefused: {},
    discarded: {},
    tcpConnections: {},
    tcpBytes: {},
    leaderTerm: undefined,
    leader: undefined,
    staleAnswersDropped: 0,
    clientAborts: 0,
    brokenResponses: 0,
    ringMovedRatio: 0,
  };
  return {
    agentTerm: 1,
    viewVersion: 1,
    viewAgeMs: 1,
    draining: false,
    services: [service],
    rejected: {},
    clientConnections: {},
    clientConnectionsAccepted: 0,
    clientConnectionsClosed: {},
    tcpPorts: [],
    bufferedBytes: 0,
    bytes: { clientIn: 0, clientOut: 0 },
  };
}

test("a member is drained when it takes nothing new and has nothing in flight", () => {
  const rows: readonly (readonly [DataPathSnapshot, boolean, string])[] = [
    [snapshot("serving", 0), false, "serving"],
    [snapshot("draining", 2), false, "draining"],
    [snapshot("draining", 0), true, "draining"],
    [snapshot("leaving", 0), true, "leaving"],
    [snapshot("starting", 1), false, "starting"],
    [snapshot("serving", 5, 2), true, "gone"],
    [{ ...snapshot("draining", 1), services: [] }, true, "gone"],
  ];
  for (const [seen, drained, state] of rows) {
    const answer = drainAnswer(seen, "hello-1", 1);
    assert.deepEqual([answer.drained, answer.state], [drained, state]);
  }
});

test("whoever waits is told as soon as it is so, and nobody ticks afterwards", async () => {
  let now = snapshot("draining", 3);
  let looks = 0;
  const watch = new DrainWatch(() => {
    looks++;
    return now;
  });
  const long = watch.wait("hello-1", 1, 60_000);
  const short = watch.wait("hello-1", 1, 30);
  assert.deepEqual(await short, { drained: false, inFlight: 3, state: "draining" });
  now = snapshot("draining", 0);
  assert.equal((await long).drained, true);
  const looksBefore = looks;
  assert.equal((await watch.wait("hello-1", 1, 60_000)).drained, true);
  assert.equal(looks, looksBefore + 1);
});

test("closing answers all who wait with what is true", async () => {
  const watch = new DrainWatch(() => snapshot("serving", 1));
  const waiting = [watch.wait("hello-1", 1, 60_000), watch.wait("hello-1", 1, 60_000)];
  watch.close();
  for (const answer of await Promise.all(waiting)) assert.equal(answer.drained, false);
});
