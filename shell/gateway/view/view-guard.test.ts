import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { MemberView, ServiceView, View } from "@prunella/wire/view";
import { judgeView } from "./view-guard.ts";

const rules = { cluster: "shop", allowEmpty: false };

function member(id: string, change: Partial<MemberView> = {}): MemberView {
  return {
    id: instanceName(id),
    incarnation: 1,
    host: "127.0.0.1",
    port: 4000,
    weight: 1,
    state: "serving",
    number: 1,
    served: true,
    hostname: id,
    ...change,
  };
}

function view(agentTerm: number, version: number, members: readonly MemberView[]): View {
  const hello: ServiceView = {
    name: serviceName("hello"),
    kind: "replicas",
    routes: [{ prefix: "/" }],
    keys: [{ from: "request" }],
    placement: "default",
    seed: 0,
    timeoutMs: 30_000,
    bodyBytesMax: 1_048_576,
    members,
  };
  return { cluster: "shop", agentTerm, version, controlUrl: "", services: [hello] };
}

const pair = [member("hello-1"), member("hello-2")];
const current = view(3, 7, pair);

function judge(next: View, allowEmpty = false): string {
  const verdict = judgeView(next, current, { ...rules, allowEmpty });
  return verdict.type === "refuse" ? verdict.error.code : verdict.type;
}

test("views are applied in increasing order of term, then version (G11)", () => {
  assert.equal(judge(view(3, 8, pair)), "apply");
  assert.equal(judge(view(4, 0, pair)), "apply");
  assert.equal(judge(view(3, 7, pair)), "known");
  assert.equal(judge(view(3, 6, pair)), "VIEW_STALE");
  assert.equal(judge(view(2, 99, pair)), "VIEW_STALE");
  assert.equal(judgeView(view(0, 0, []), undefined, rules).type, "apply");
});

test("a view of another cluster is refused, however new it is", () => {
  assert.equal(judge({ ...view(9, 9, pair), cluster: "other" }), "REQUEST_INVALID");
});

test("a service may not lose its last serving member without a word", () => {
  assert.equal(judge(view(3, 8, [])), "VIEW_EMPTYING");
  const probesFail = pair.map((one) => ({ ...one, state: "starting" as const }));
  assert.equal(judge(view(3, 8, probesFail)), "VIEW_EMPTYING");
  assert.equal(judge(view(3, 8, [member("hello-3", { state: "starting" })])), "VIEW_EMPTYING");
  assert.equal(judge(view(3, 8, []), true), "apply");
});

test("a service may lose all serving members when the view shows what became of them", () => {
  const words: readonly Partial<MemberView>[] = [
    { state: "leaving" },
    { state: "draining" },
    { state: "detached" },
    { state: "starting", incarnation: 2 },
    { state: "starting", port: 0 },
  ];
  for (const word of words) {
    const next = pair.map((one) => ({ ...one, ...word }));
    assert.equal(judge(view(3, 8, next)), "apply", JSON.stringify(word));
  }
  assert.equal(judge(view(3, 8, [member("hello-1")])), "apply");
  assert.equal(judge({ ...view(3, 8, []), services: [] }), "apply");
});

test("a service that had no serving member may stay without one", () => {
  const starting = view(3, 7, [member("hello-1", { state: "starting", served: false })]);
  assert.equal(judgeView(view(3, 8, []), starting, rules).type, "apply");
});
