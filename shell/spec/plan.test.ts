import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCluster } from "./cluster-check.ts";
import type { ClusterSpec, PlannedChange } from "./cluster-spec.ts";
import { planCluster, type Running } from "./plan.ts";

const around = { folder: "/shop", execPath: "/node" };

type Parts = { readonly name?: string; readonly gateway?: object; readonly services: object };

function specOf({ name = "shop", gateway, services }: Parts): ClusterSpec {
  const check = checkCluster({ name, gateway, services }, around);
  assert.ok(check.ok, JSON.stringify(check));
  return check.spec;
}

function web(service: object = {}, others: object = {}): ClusterSpec {
  const first = { kind: "replicas", run: "./server.ts", count: 3, route: "/", ...service };
  return specOf({ services: { web: first, ...others } });
}

/** What runs comes from a file in the state folder: undefined fields are gone by then. */
function running(spec: ClusterSpec, counts: Readonly<Record<string, number>> = {}): Running {
  return { spec: JSON.parse(JSON.stringify(spec)) as ClusterSpec, counts };
}

function lines(changes: readonly PlannedChange[]): readonly string[] {
  return changes.map(({ action, service, detail, reason, risk, riskDetail }) => {
    return `${action} ${service}: ${detail} (${reason}) ${risk}${riskDetail && `: ${riskDetail}`}`;
  });
}

test("nothing runs: the gateway and every service are created", () => {
  assert.deepEqual(
    lines(
      planCluster(
        undefined,
        web(
          {},
          {
            api: {
              kind: "replicas",
              run: "x",
              compat: "load-balancer",
              route: ["/api", { host: "lb.org", prefix: "/" }],
            },
          },
        ),
      ),
    ),
    [
      "create gateway: listen on 127.0.0.1:5000 (the cluster is new) none",
      "create web: start 3 instances of /node /shop/server.ts (it is new in the file) none",
      "create api: start 1 instance of x (it is new in the file) low: /add and /rm need no token: everybody on this machine may change the count.",
    ],
  );
  const open = specOf({
    gateway: { host: "0.0.0.0", port: 80 },
    services: { a: { kind: "replicas", run: "x", compat: "load-balancer" } },
  });
  assert.deepEqual(lines(planCluster(undefined, open)), [
    "create gateway: listen on 0.0.0.0:80 (the cluster is new) low: Other machines can reach it.",
    "create a: start 1 instance of x (it is new in the file) high: /add and /rm need no token: everybody who reaches the gateway may change the count.",
  ]);
});

test("the same file changes nothing", () => {
  const spec = web({ compat: "load-balancer", health: "/up", env: { A: "b" } });
  assert.deepEqual(lines(planCluster(running(spec, { web: 3 }), spec)), [
    "keep web: 3 instances go on (the file says what runs) none",
  ]);
});

/** Count that was applied, count that runs, count and bounds that the file says now; what becomes of it. */
const counts: readonly (readonly [number, number, object, string])[] = [
  [3, 3, { count: 3 }, "keep web: 3 instances go on (the file says what runs) none"],
  [
    3,
    5,
    { count: 3 },
    "keep web: 5 instances go on (scale set 5, and the file's count (3) has not changed since it was applied) none",
  ],
  [
    3,
    3,
    { count: 4 },
    "scale web: 3 -> 4 (the file's count changed from 3 to 4) low: About 25 % of the keys move to the new instances.",
  ],
  [
    3,
    5,
    { count: 4 },
    "scale web: 5 -> 4 (the file's count changed from 3 to 4; this undoes the 5 that scale had set) low: 1 instance drained and ended; the others carry their share.",
  ],
  [
    3,
    4,
    { count: 4 },
    "keep web: 4 instances go on (the file's count changed from 3 to 4; this undoes the 4 that scale had set) none",
  ],
  [
    3,
    3,
    { count: 0, scale: { min: 0 } },
    "scale web: 3 -> 0 (the file's count changed from 3 to 0) high: Nobody is left to answer its routes.",
  ],
  [
    3,
    0,
    { count: 2, scale: { min: 0 } },
    "scale web: 0 -> 2 (the file's count changed from 3 to 2; this undoes the 0 that scale had set) none",
  ],
  [
    3,
    9,
    { count: 3, scale: { max: 6 } },
    "scale web: 9 -> 6 (the file now allows 1 to 6) low: 3 instances drained and ended; the others carry their share.",
  ],
];

test("a count follows the hand that moved it last: the file, or scale", () => {
  for (const [applied, now, service, expected] of counts) {
    const changes = planCluster(running(web({ count: applied }), { web: now }), web(service));
    const said = lines(changes).filter((line) => !line.includes("bounds"));
    assert.deepEqual(said, [expected], expected);
  }
});

test("the count of the file when it was applied may be remembered apart from the specification", () => {
  const current = { ...running(web({ count: 5 }), { web: 5 }), fileCounts: { web: 3 } };
  assert.match(lines(planCluster(current, web({ count: 3 })))[0] ?? "", /^keep web: 5 instances/);
});

/** What a service becomes, and the one change that the plan must show beside the gateway. */
const edits: readonly (readonly [object, string])[] = [
  [
    { run: "./new.ts" },
    "restart web: start a new incarnation of 3 instances (changed: run) low: While one restarts, its siblings carry its share.",
  ],
  [
    { env: { A: "s3cret" }, folder: "sub", run: "/shop/server.ts" },
    "restart web: start a new incarnation of 3 instances (changed: folder, env (A)) low: While one restarts, its siblings carry its share.",
  ],
  [
    { route: "/v2" },
    'reroute web: gateways change over without a restart (changed: route "/" removed, route "/v2" added) high: Requests to "/" go to a shorter route, or are answered with 404.',
  ],
  [
    { route: ["/", { host: "a.org", prefix: "/" }] },
    'reroute web: gateways change over without a restart (changed: route "a.org/" added) none',
  ],
  [
    { hash: "seed-512", key: "path", scale: { max: 100 - 44 } },
    "reroute web: gateways change over without a restart (changed: hash default -> seed-512, key) low: Most keys move to another instance.",
  ],
  [
    { compat: "load-balancer", hash: "default", key: "request", scale: { min: 1, max: 100 } },
    "reroute web: gateways change over without a restart (changed: compat switched on) low: /add and /rm need no token: everybody on this machine may change the count.",
  ],
  [
    { pipelining: "safe" },
    "reroute web: gateways change over without a restart (changed: pipelining switched on) low: A program that answers twice or out of order would answer the wrong client.",
  ],
  [
    { timeoutMs: 1000, bodyMiBMax: 2000 },
    "reroute web: gateways change over without a restart (changed: timeoutMs 30000 -> 1000, bodyMiBMax 1024 -> 2000) low: Requests that needed more time fail.",
  ],
  [
    { stop: { graceMs: 100 }, log: { filesMax: 9 } },
    "reroute web: instances go on with new settings; log limits hold from each one's next start (changed: stop.graceMs 5000 -> 100, log.filesMax 3 -> 9) none",
  ],
  [
    { health: "/up" },
    "reroute web: instances go on with new settings (changed: health.path none -> /up) low: Instances that do not pass the new probe are restarted.",
  ],
  [{ scale: { min: 2, max: 6 } }, "scale web: bounds 1 to 100 -> 2 to 6 (changed: scale) none"],
];

test("each change of a service has its reason and its risk", () => {
  for (const [service, expected] of edits) {
    const said = lines(planCluster(running(web(), { web: 3 }), web(service)));
    assert.deepEqual(
      said.filter((line) => line !== "scale web: bounds 1 to 100 -> 1 to 56 (changed: scale) none"),
      [expected],
    );
  }
});

test("a lone instance is restarted at high risk, and the way back is told as well", () => {
  const alone = lines(
    planCluster(running(web({ count: 1 }), { web: 1 }), web({ count: 1, run: "./new.ts" })),
  );
  assert.match(
    alone.join(),
    /high: There is no sibling: requests wait or fail while it restarts\./,
  );
  const back = lines(
    planCluster(running(web({ compat: "load-balancer", health: "/up" }), { web: 3 }), web()),
  ).join("\n");
  assert.match(
    back,
    /compat switched off\) low: Most keys move to another instance\. \/rep, \/add and \/rm go to the program/,
  );
  assert.match(
    back,
    /Without a health path, an instance that only accepts connections counts as well\./,
  );
});

test("a service that is gone, a gateway that moves and a new name cost what they cost", () => {
  const api = { kind: "replicas", run: "x", route: "/api" };
  const gone = planCluster(running(web({}, { api }), { web: 3, api: 4 }), web());
  assert.deepEqual(lines(gone).slice(1), [
    "remove api: drain and end 4 instances (it is no longer in the file) high: Requests to its routes are answered with 404 from then on.",
  ]);
  const services = { web: { kind: "replicas", run: "./server.ts", count: 3, route: "/" } };
  const moved = planCluster(
    running(web(), { web: 3 }),
    specOf({ gateway: { host: "0.0.0.0", port: 80 }, services }),
  );
  assert.equal(
    lines(moved)[0],
    "restart gateway: start the gateway anew (changed: address 127.0.0.1:5000 -> 0.0.0.0:80) high: Nobody answers on the old address any more. Other machines can reach it.",
  );
  const logged = planCluster(
    running(web(), { web: 3 }),
    specOf({ gateway: { accessLog: true, trustedProxies: ["10.0.0.1"] }, services }),
  );
  assert.equal(
    lines(logged)[0],
    "restart gateway: start the gateway anew (changed: trustedProxies, accessLog) low: Open connections are closed.",
  );
  const doubled = specOf({ gateway: { count: 2 }, services });
  assert.equal(
    lines(planCluster(running(web(), { web: 3 }), doubled))[0],
    "scale gateway: 1 -> 2 (changed: count) none",
  );
  assert.match(
    lines(planCluster(running(doubled, { web: 3 }), specOf({ services })))[0] ?? "",
    /^scale gateway: 2 -> 1 \(changed: count\) low: Connections of those that end/,
  );
  const renamed = planCluster(running(web(), { web: 3 }), specOf({ name: "mall", services }));
  assert.match(
    lines(renamed)[0] ?? "",
    /^restart web: .*changed: the cluster's name \(it was shop\)/,
  );
});

test("no plan shows the value of a variable", () => {
  const plan = planCluster(
    running(web({ env: { TOKEN: "old-s3cret" } }), { web: 3 }),
    web({ env: { TOKEN: "new-s3cret" } }),
  );
  assert.match(JSON.stringify(plan), /env \(TOKEN\)/);
  assert.equal(JSON.stringify(plan).includes("s3cret"), false);
});
