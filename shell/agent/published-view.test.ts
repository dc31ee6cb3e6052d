import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { Instance, Phase } from "@prunella/runtime";
import { checkCluster } from "@prunella/spec";
import { parseView } from "@prunella/wire/view";
import { applied, emptyState, scaled } from "./cluster-state.ts";
import { viewContent } from "./published-view.ts";
import { clusterStatus } from "./status.ts";

const agent = { pid: 1, url: "http://127.0.0.1:1", term: 1, startedAt: "2026-01-01T00:00:00.000Z" };

function stateOf(count: number, more: object = {}) {
  const services = { api: { kind: "replicas", run: ["true"], count, ...more } };
  const around = { folder: "/", execPath: process.execPath };
  const checked = checkCluster({ name: "test", services }, around);
  assert.ok(checked.ok);
  return applied(emptyState, checked.spec);
}

function instance(number: number, phase: Phase, extra: Partial<Instance> = {}): Instance {
  return {
    name: instanceName(`api-${number}`),
    service: serviceName("api"),
    number,
    incarnation: 1,
    phase,
    served: true,
    leaving: false,
    pid: 100 + number,
    address: { host: "127.0.0.1", port: 20_000 + number },
    startedAtMs: 0,
    retryInMs: undefined,
    cpu: undefined,
    memoryMiB: undefined,
    reason: "because",
    fix: undefined,
    ...extra,
  };
}

test("each phase becomes the state that a gateway acts on", () => {
  const rows: readonly (readonly [Phase, boolean, string])[] = [
    ["waiting", false, "starting"],
    ["starting", false, "starting"],
    ["serving", false, "serving"],
    ["suspect", false, "serving"], // Fuzzy: it serves until there is a verdict.
    ["draining", false, "draining"],
    ["stopping", false, "draining"],
    ["parked", false, "starting"],
    ["draining", true, "leaving"],
    ["stopping", true, "leaving"],
  ];
  for (const [phase, leaving, state] of rows) {
    const content = viewContent(stateOf(1), [instance(1, phase, { leaving })], "http://x");
    assert.equal(content.services[0]?.members[0]?.state, state, `${phase} ${leaving}`);
  }
});

test("what the file says of pipelining reaches the gateways", () => {
  const pipeliningOf = (more: object) =>
    parseView({ ...viewContent(stateOf(1, more), [], "http://x"), agentTerm: 1, version: 1 })
      .services[0]?.pipelining;
  assert.equal(pipeliningOf({}), undefined);
  assert.equal(pipeliningOf({ pipelining: "safe" }), "safe");
});

test("a member that is down stays in the view, so that its keys come back to it", () => {
  const members = viewContent(stateOf(3), [instance(1, "serving")], "http://x").services[0]
    ?.members;
  assert.deepEqual(
    members?.map(({ id, state, served }) => [`${id}`, state, served]),
    [
      ["api-1", "serving", true],
      ["api-2", "starting", false],
      ["api-3", "starting", false],
    ],
  );
});

test("one that is wanted no more follows as leaving until it has gone", () => {
  const state = scaled(stateOf(2), "api", 1);
  const instances = [instance(1, "serving"), instance(2, "draining", { leaving: true })];
  const members = viewContent(state, instances, "http://x").services[0]?.members;
  assert.deepEqual(
    members?.map(({ id, state: at }) => [`${id}`, at]),
    [
      ["api-1", "serving"],
      ["api-2", "leaving"],
    ],
  );
});

test("what is published is what gateways accept", () => {
  const content = viewContent(stateOf(3), [instance(2, "serving")], "http://x");
  const view = { ...content, agentTerm: 1, version: 1 };
  assert.deepEqual(parseView(JSON.parse(JSON.stringify(view))), view);
});

test("the cluster has converged when all wanted serve, nobody leaves and gateways know", () => {
  const gateway = instance(1, "serving", {
    name: instanceName("gateway-1"),
    service: serviceName("gateway"),
  });
  const all = [gateway, instance(1, "serving"), instance(2, "suspect")];
  const status = clusterStatus(stateOf(2), all, agent, true);
  assert.equal(status.converged, true);
  assert.equal(status.services[0]?.ready, 2);
  assert.equal(clusterStatus(stateOf(2), all, agent, false).converged, false);
  assert.equal(clusterStatus(stateOf(3), all, agent, true).converged, false);
  const leaving = [...all, instance(3, "stopping", { leaving: true })];
  assert.equal(clusterStatus(stateOf(2), leaving, agent, true).converged, false);
});
