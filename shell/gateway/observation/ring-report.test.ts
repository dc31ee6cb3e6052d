import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { MemberView, ServiceView } from "@prunella/wire/view";
import { ringReport } from "./ring-report.ts";

function member(number: number, state: MemberView["state"], served = true): MemberView {
  const id = instanceName(`hello-${number}`);
  const address = { host: "127.0.0.1", port: 4_000 + number };
  return { id, incarnation: 1, ...address, weight: 1, state, number, served, hostname: id };
}

function service(placement: ServiceView["placement"], members: readonly MemberView[]): ServiceView {
  return {
    name: serviceName("hello"),
    kind: "replicas",
    routes: [{ prefix: "/" }],
    keys: [{ from: "request" }],
    placement,
    seed: 0,
    timeoutMs: 1,
    bodyBytesMax: 1,
    members,
  };
}

test("the source's map shows its imbalance: 84.4, 4.7 and 10.9 percent for three servers", () => {
  const three = [1, 2, 3].map((number) => member(number, "serving"));
  const report = ringReport(service("seed-512", three));
  assert.deepEqual(
    report?.members.map(({ id, share }) => `${id} ${(share * 100).toFixed(1)}`),
    ["hello-1 84.4", "hello-2 4.7", "hello-3 10.9"],
  );
  assert.match(report?.picture ?? "", /512 slots/);
});

test("a member that restarts keeps its share in the default placement; one that leaves has none", () => {
  const members = [
    member(1, "serving"),
    member(2, "starting"),
    member(3, "leaving"),
    member(4, "starting", false),
  ];
  const report = ringReport(service("default", members));
  assert.deepEqual(
    report?.members.map(({ id, share }) => `${id} ${share.toFixed(1)}`),
    ["hello-1 0.5", "hello-2 0.5"],
  );
  assert.equal(ringReport(service("default", [member(3, "leaving")])), undefined);
});
