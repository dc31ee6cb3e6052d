/** The fields about traffic: what they become, what is wrong with them, and what a change of them is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultLimits } from "@prunella/gateway";
import { checkCluster } from "./cluster-check.ts";
import type { ClusterSpec } from "./cluster-spec.ts";
import { complaintText } from "./complaint.ts";
import { defaults } from "./defaults.ts";
import { planCluster } from "./plan.ts";

const around = { folder: "/shop", execPath: "/node" };
const base = { kind: "replicas", run: "./server.ts", count: 3 };

function check(fields: object, others: object = {}) {
  return checkCluster(
    { name: "shop", services: { web: { ...base, ...fields }, ...others } },
    around,
  );
}

function specOf(fields: object): ClusterSpec {
  const checked = check(fields);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.spec;
}

function complaints(fields: object, others: object = {}): readonly string[] {
  const checked = check(fields, others);
  return checked.ok ? [] : checked.complaints.map(complaintText);
}

test("a gateway is told only what the file says", () => {
  const web = (fields: object) => specOf(fields).services["web"];
  assert.deepEqual(web({})?.traffic, {});
  assert.deepEqual(web({})?.weights, {});
  const traffic = {
    ...{ tryTimeoutMs: 500, retryUnsafe: "idempotency-key", maxInFlight: 8, holdMs: 0 },
    ...{ slowStartMs: 0, loadBound: 1.5, ejectAfter: 0 },
  };
  assert.deepEqual(web(traffic)?.traffic, traffic);
  assert.deepEqual(web({ weights: { "web-2": 0.5 } })?.weights, { "web-2": 0.5 });
});

test("the defaults of the page are those of the gateway", () => {
  const { maxInFlight, holdMs } = defaults.traffic;
  assert.deepEqual([maxInFlight, holdMs], [defaultLimits.maxInFlight, defaultLimits.holdMs]);
});

test("a TCP service has ports and, unless it names one, no route", () => {
  const one = specOf({ tcp: 6379 }).services["web"];
  assert.deepEqual(one?.tcp, [{ port: 6379, by: "service" }]);
  assert.deepEqual(one?.routes, []);
  const each = specOf({ tcp: { port: 6379, by: "member" }, route: "/" }).services["web"];
  assert.deepEqual(each?.tcp, [{ port: 6379, by: "member" }]);
  assert.deepEqual(each?.routes, [{ prefix: "/" }]);
});

test("each mistake is told with its place and its cure", () => {
  const cases: readonly (readonly [object, string])[] = [
    [
      { tryTimeoutMs: 5 },
      "services.web.tryTimeoutMs must be a whole number of milliseconds from 10 to 3600000, not 5; write 10 or more",
    ],
    [
      { retryUnsafe: true },
      'services.web.retryUnsafe must be "idempotency-key", not true; write "idempotency-key"',
    ],
    [
      { maxInFlight: 0 },
      "services.web.maxInFlight must be a whole number from 1 to 100000, not 0; write 1 or more",
    ],
    [
      { loadBound: 1 },
      "services.web.loadBound must be a number from 1.05 to 100, not 1; write 1.05 or more",
    ],
    [
      { loadBound: "1.5" },
      'services.web.loadBound must be a number from 1.05 to 100, not "1.5"; write 1.5 without quotes',
    ],
    [
      { ejectAfter: -1 },
      "services.web.ejectAfter must be a whole number from 0 to 1000, not -1; write 0 or more",
    ],
    [
      { weights: { "api-1": 2 } },
      'services.web.weights.api-1 is no instance of services.web; write a name from "web-1" to "web-100"',
    ],
    [
      { weights: { "web-101": 2 } },
      'services.web.weights.web-101 is no instance of services.web; write a name from "web-1" to "web-100"',
    ],
    [
      { weights: { "web-1": 0 } },
      'services.web.weights.web-1 must be a number from 0.1 to 100, not 0; write for example "web-1": 0.5',
    ],
    [
      { tcp: { port: 65_500, by: "member" } },
      "services.web.tcp needs the ports 65500 to 65599, but 65535 is the last; choose a lower port, or a smaller scale.max",
    ],
    [
      { tcp: { port: 6379, by: "name" } },
      'services.web.tcp.by must be "service", "member" or "first-frame", not "name"; write "service"',
    ],
    [
      { tcp: { port: 6379, proxyProtocol: "v1" } },
      'services.web.tcp.proxyProtocol must be "v2", not "v1"; write "v2"',
    ],
    [
      { tcp: { port: 6379, role: "leader" } },
      'services.web.tcp.role must be "primary" or "replicas", not "leader"; write "primary"',
    ],
    [
      { tcp: { port: 6379, role: "primary" } },
      'services.web.tcp.role is "primary", but replicas elect nobody; remove it, or write elected({ ... })',
    ],
    [
      { tcp: [6378, { port: 6379, role: "replicas", by: "first-frame" }] },
      'services.web.tcp[1].role is for a port by "service", not by "first-frame"; remove it, or remove by',
    ],
    [
      { tcp: [6379, { port: 6379, by: "first-frame" }] },
      "services.web.tcp[1] takes a port of services.web (6379 to 6379); choose another port, or a smaller scale.max",
    ],
    [{ tcp: [6379, {}] }, "services.web.tcp[1].port is missing; add it"],
  ];
  for (const [fields, expected] of cases) assert.deepEqual(complaints(fields), [`${expected}.`]);
});

test("a service has several ports when it names several, and an elected one may", () => {
  const tcp = [3306, { port: 3307, role: "replicas", proxyProtocol: "v2" }];
  const expected = [
    { port: 3306, by: "service" },
    { port: 3307, by: "service", role: "replicas", proxyProtocol: "v2" },
  ];
  const spec = specOf({ kind: "elected", tcp: [...tcp, { port: 3308, by: "first-frame" }] });
  assert.deepEqual(spec.services["web"]?.tcp, [...expected, { port: 3308, by: "first-frame" }]);
  assert.deepEqual(spec.services["web"]?.routes, []);
  assert.deepEqual(complaints({ kind: "elected", tcp: { port: 3306, role: "primary" } }), []);
});

test("two services cannot have the same port", () => {
  const others = { api: { ...base, tcp: 6400 } };
  assert.deepEqual(complaints({ tcp: { port: 6379, by: "member" } }, others), [
    "services.api.tcp takes a port of services.web (6379 to 6478); choose another port, or a smaller scale.max.",
  ]);
  const narrow = { tcp: { port: 6379, by: "member" }, scale: { max: 4 } };
  assert.deepEqual(complaints(narrow, others), []);
});

test("a change of how requests are treated restarts nobody", () => {
  const changes = (before: object, after: object) =>
    planCluster({ spec: specOf(before), counts: { web: 3 } }, specOf(after)).map(
      ({ action, reason, risk }) => `${action} ${reason} ${risk}`,
    );
  assert.deepEqual(changes({ route: "/" }, { route: "/", holdMs: 50, ejectAfter: 0 }).slice(-1), [
    "reroute changed: holdMs default -> 50, ejectAfter default -> 0 none",
  ]);
  assert.deepEqual(changes({ weights: { "web-1": 2 } }, {}).slice(-1), [
    "reroute changed: weights low",
  ]);
  assert.deepEqual(changes({ tcp: 6379, route: "/" }, { route: "/" }).slice(-1), [
    "reroute changed: tcp 6379 by service -> none high",
  ]);
  const more = [6379, { port: 6380, role: "replicas", proxyProtocol: "v2" }];
  assert.deepEqual(changes({ tcp: 6379 }, { tcp: more }).slice(-1), [
    "reroute changed: tcp 6379 by service -> 6379 by service and 6380 by service for replicas with PROXY v2 none",
  ]);
});
