import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCluster } from "./cluster-check.ts";
import type { ElectedSpec } from "./cluster-spec.ts";
import { complaintText } from "./complaint.ts";
import type { ElectedDefinition } from "./definition.ts";
import { electedSchema } from "./elected-schema.ts";
import { planCluster } from "./plan.ts";
import { ClusterFolder } from "./testing/cluster-folder.ts";
import { unmark } from "./testing/marked-text.ts";

const around = { folder: "/home/me/shop", execPath: "/opt/node" };

function check(service: object) {
  return checkCluster(
    { name: "shop", services: { lead: { kind: "elected", ...service } } },
    around,
  );
}

function specOf(service: object): ElectedSpec {
  const answer = check({ run: "./x.ts", ...service });
  assert.ok(answer.ok, JSON.stringify(answer));
  const spec = answer.spec.services["lead"];
  assert.ok(spec?.kind === "elected");
  return spec;
}

function refused(service: object): readonly string[] {
  const answer = check({ run: "./x.ts", ...service });
  assert.ok(!answer.ok);
  return answer.complaints.map(complaintText);
}

test("an elected service that says little has three voters, and requests go to its leader", () => {
  const spec = specOf({});
  assert.equal(spec.count, 3);
  assert.deepEqual(spec.scale, { min: 3, max: 7 });
  assert.deepEqual(spec.election, {
    ...{ mode: "quorum", timing: "lan", preempt: "never", leaseBreak: "proof" },
    followers: "proxy",
  });
  assert.deepEqual([spec.keys, spec.placement], [[{ from: "request" }], "default"]);
  assert.equal(spec.compat, undefined);
});

test("the other modes take fewer, and more, than a quorum does", () => {
  assert.deepEqual(specOf({ mode: "arbiter", count: 2 }).scale, { min: 1, max: 100 });
  assert.equal(specOf({ mode: "available" }).count, 3);
  assert.equal(specOf({ mode: "available", count: 9 }).count, 9);
  assert.equal(specOf({ scale: { min: 5 } }).count, 5);
});

test("a quorum that could not lose anybody, or is too large, is refused with the ways out", () => {
  assert.deepEqual(refused({ count: 2 }), [
    'services.lead.count is 2, and a majority of two is two: without either of them nobody can lead; write count: 3, or mode: "arbiter" (a locked file decides), or mode: "available" (two may lead after a partition).',
  ]);
  assert.match(refused({ count: 1, mode: "quorum" }).join(), /a single voter has nobody/);
  assert.match(refused({ count: 8 }).join(), /is 8, more than the 7 voters that a quorum may have/);
  assert.match(refused({ scale: { min: 1 } }).join(), /scale\.min is 1, but a quorum has 3/);
  assert.match(refused({ scale: { max: 9 } }).join(), /scale\.max is 9, but a quorum has 7/);
  assert.match(refused({ count: 5, scale: { max: 3 } }).join(), /count is 5, more than scale\.max/);
});

test("what places keys has no meaning where one leads, and is said so at its place", async () => {
  const cases = [
    ["‸key: path", "remove it: every request of an elected service goes to its leader"],
    ["‸compat: load-balancer", "remove it: every request of an elected service goes to its leader"],
    ["‸timings: demo", 'did you mean "timing"?'],
    ['mode: ‸"majority"', 'write "quorum"'],
    ["followers: ‸prxy", 'write "proxy"'],
  ] as const;
  for (const [field, fix] of cases) {
    const marked = `name: a\nservices:\n  lead: { kind: elected, run: x, ${field} }\n`;
    const { text, positions } = unmark(marked);
    using folder = new ClusterFolder({ "cluster.yaml": text });
    const { problems } = await folder.failure();
    const said = problems.map((one) => ({ line: one.line, column: one.column, fix: one.fix }));
    assert.deepEqual(said, [{ ...positions[0], fix }], text);
  }
});

test("a field of elections in another service is told where it belongs", async () => {
  const { text } = unmark("name: a\nservices:\n  web: { kind: replicas, run: x, mode: quorum }\n");
  using folder = new ClusterFolder({ "cluster.yaml": text });
  const { problems } = await folder.failure();
  assert.match(problems[0]?.fix ?? "", /^it belongs to an elected service: elected\(\{ mode: /);
});

test("the helper in TypeScript says the same as YAML", async () => {
  using folder = new ClusterFolder({
    "cluster.ts": `import { defineCluster, elected } from "prunella";
export default defineCluster({ name: "a", services: { lead: elected({ run: "x", route: "/lead" }) } });
`,
    "cluster.yaml": "name: a\nservices: { lead: { kind: elected, run: x, route: /lead } }\n",
  });
  const script = await folder.load({ file: `${folder.path}/cluster.ts` });
  const yaml = await folder.load({ file: `${folder.path}/cluster.yaml` });
  assert.deepEqual(script.spec, yaml.spec);
  assert.equal(script.spec.services["lead"]?.kind, "elected");
});

test("the types that people write and the schema know the same fields", () => {
  const known: Record<keyof ElectedDefinition, true> = {
    ...{ kind: true, run: true, count: true, scale: true, route: true, health: true, env: true },
    ...{ folder: true, stop: true, log: true, timeoutMs: true, bodyMiBMax: true, mode: true },
    ...{ timing: true, preempt: true, leaseBreak: true, followers: true, tryTimeoutMs: true },
    ...{ retryUnsafe: true, maxInFlight: true, holdMs: true, tcp: true },
  };
  assert.deepEqual(Object.keys(electedSchema.shape).toSorted(), Object.keys(known).toSorted());
});

test("a plan says what a change costs the leader", () => {
  const planned = (old: object, next: object) => {
    const before = check({ run: "./x.ts", ...old });
    const after = check({ run: "./x.ts", ...next });
    assert.ok(before.ok && after.ok);
    const changes = planCluster({ spec: before.spec, counts: { lead: 3 } }, after.spec);
    return changes.map(({ action, reason, risk, riskDetail }) =>
      [action, reason, risk, riskDetail].join(" | "),
    );
  };
  assert.deepEqual(planned({}, { timing: "safe" }), [
    "restart | changed: timing lan -> safe | low | The leader restarts last and hands over first; requests wait meanwhile.",
  ]);
  assert.deepEqual(planned({}, { mode: "available" }).slice(0, 1), [
    "restart | changed: mode quorum -> available | high | Until all have restarted, old and new ones decide by different rules, and two may lead.",
  ]);
  assert.deepEqual(planned({}, { count: 5 }), [
    "scale | the file's count changed from 3 to 5 | low | Members join one at a time.",
  ]);
});
