import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkCluster } from "./cluster-check.ts";
import { replicasSchema } from "./cluster-schema.ts";
import type { ReplicasSpec } from "./cluster-spec.ts";
import { complaintsMax, complaintText } from "./complaint.ts";
import type { ReplicasDefinition } from "./definition.ts";

const around = { folder: "/home/me/shop", execPath: "/opt/node" };

/** The one service of a cluster that must be right. */
function specOf(service: object): ReplicasSpec {
  const services = { web: { kind: "replicas", run: "./server.ts", ...service } };
  const check = checkCluster({ name: "shop", services }, around);
  const said = check.ok ? [] : check.complaints.map(complaintText);
  assert.deepEqual(said, []);
  assert.ok(check.ok);
  const spec = check.spec.services["web"];
  assert.ok(spec?.kind === "replicas");
  return spec;
}

test("a file that says little gets every default", () => {
  const check = checkCluster(
    { name: "shop", services: { web: { kind: "replicas", run: "./server.ts" } } },
    around,
  );
  assert.deepEqual(check, {
    ok: true,
    spec: {
      name: "shop",
      gateway: { host: "127.0.0.1", port: 5000, count: 1, trustedProxies: [], accessLog: false },
      services: {
        web: {
          kind: "replicas",
          command: ["/opt/node", "/home/me/shop/server.ts"],
          folder: "/home/me/shop",
          env: {},
          count: 1,
          scale: { min: 1, max: 100 },
          routes: [{ prefix: "/" }],
          keys: [{ from: "request" }],
          placement: "default",
          compat: undefined,
          pipelining: undefined,
          timeoutMs: 30_000,
          bodyMiBMax: 1024,
          traffic: {},
          weights: {},
          tcp: [],
          probe: {
            ...{ path: undefined, intervalMs: 1000, timeoutMs: 500 },
            ...{ failuresMax: 3, successesMin: 2, startupMs: 30_000 },
          },
          stop: { drainMs: 5000, graceMs: 5000 },
          log: { fileMiB: 16, filesMax: 3 },
        },
      },
    },
  });
});

test("compat brings the map, the route, the keys and the bounds of its document", () => {
  const spec = specOf({ compat: "load-balancer", count: 3 });
  assert.equal(spec.placement, "seed-512");
  assert.deepEqual(spec.scale, { min: 0, max: 56 });
  assert.deepEqual(spec.routes, [{ prefix: "/" }]);
  assert.deepEqual(spec.keys, [
    { from: "query", name: "id" },
    { from: "header", name: "x-request-id" },
    { from: "request" },
  ]);
  const other = specOf({
    compat: "load-balancer",
    hash: "default",
    scale: { max: 100 },
    key: "path",
  });
  assert.equal(other.placement, "default");
  assert.equal(other.scale.max, 100);
  assert.deepEqual(other.keys, [{ from: "path" }]);
});

test("a program is found relative to its folder, and a script is run by the Node that is handed in", () => {
  const commands: readonly (readonly [string | string[], readonly string[]])[] = [
    ["./server.ts", ["/opt/node", "/home/me/shop/server.ts"]],
    ["server.mjs --fast", ["/opt/node", "/home/me/shop/server.mjs", "--fast"]],
    ["/srv/app.js", ["/opt/node", "/srv/app.js"]],
    ["'./my server.cjs' 'a b'", ["/opt/node", "/home/me/shop/my server.cjs", "a b"]],
    ["python3 app.py", ["python3", "app.py"]],
    ["./bin/app -p 1", ["/home/me/shop/bin/app", "-p", "1"]],
    [
      ["sh", "-c", "exec app | tee x"],
      ["sh", "-c", "exec app | tee x"],
    ],
    [
      ["./server.ts", "$HOME"],
      ["/opt/node", "/home/me/shop/server.ts", "$HOME"],
    ],
  ];
  for (const [run, command] of commands) assert.deepEqual(specOf({ run }).command, command);
  const spec = specOf({ folder: "../api", run: "./x.ts" });
  assert.equal(spec.folder, "/home/me/api");
  assert.deepEqual(spec.command, ["/opt/node", "/home/me/api/x.ts"]);
});

test("routes, keys and health have short forms", () => {
  const routes: readonly (readonly [unknown, unknown])[] = [
    ["/", [{ prefix: "/" }]],
    ["/api/", [{ prefix: "/api" }]],
    [{ host: "API.example.org", prefix: "/v1" }, [{ host: "api.example.org", prefix: "/v1" }]],
    [
      ["/a", { prefix: "/b" }, { host: "*.x.org", prefix: "/" }],
      [{ prefix: "/a" }, { prefix: "/b" }, { host: "*.x.org", prefix: "/" }],
    ],
    [[], []],
  ];
  for (const [route, expected] of routes) assert.deepEqual(specOf({ route }).routes, expected);
  const keys: readonly (readonly [unknown, unknown])[] = [
    ["request", [{ from: "request" }]],
    ["header:X-User", [{ from: "header", name: "x-user" }, { from: "request" }]],
    [
      ["query:User", "cookie:sid", "client"],
      [{ from: "query", name: "User" }, { from: "cookie", name: "sid" }, { from: "client" }],
    ],
  ];
  for (const [key, expected] of keys) assert.deepEqual(specOf({ key }).keys, expected);
  assert.equal(specOf({ health: "/up?deep=0" }).probe.path, "/up?deep=0");
  assert.deepEqual(specOf({ health: { intervalMs: 200 } }).probe.intervalMs, 200);
});

test("count and bounds follow each other where one is silent", () => {
  const counts = (service: object) => {
    const { count, scale } = specOf(service);
    return [count, scale.min, scale.max];
  };
  assert.deepEqual(counts({ count: 3 }), [3, 1, 100]);
  assert.deepEqual(counts({ count: 0 }), [0, 0, 100]);
  assert.deepEqual(counts({ scale: { min: 4 } }), [4, 4, 100]);
  assert.deepEqual(counts({ count: 500, scale: { max: 1000 } }), [500, 1, 1000]);
  assert.deepEqual(counts({ hash: "seed-512" }), [1, 1, 56]);
  assert.deepEqual(counts({ compat: "load-balancer", count: 56 }), [56, 0, 56]);
});

test("sizes have bounds that are told", () => {
  const service = { kind: "replicas", run: "x" };
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, service]));
  const said = (services: object) => {
    const check = checkCluster({ name: "a", services }, around);
    return check.ok ? [] : check.complaints.map(({ message }) => message);
  };
  assert.deepEqual(said(many(200)), []);
  assert.deepEqual(said(many(201)), ["may have 200 entries at most, and has 201"]);
  const env = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`V${index}`, "x"]));
  assert.deepEqual(said({ a: { ...service, env } }), [
    "may have 1000 variables at most, and has 1001",
  ]);
  assert.deepEqual(said({ a: { ...service, env: { A: "x".repeat(32_769) } } }), [
    "may have 32768 characters at most, and has 32769",
  ]);
  assert.deepEqual(said({ a: { ...service, route: new Array(101).fill("/") } }), [
    "may have 100 entries at most",
  ]);
  assert.deepEqual(said({ [`a${"b".repeat(58)}`]: service }), [
    "may have 58 characters at most, and has 59",
  ]);
});

test("a value of a variable is never shown", () => {
  const services = {
    a: { kind: "replicas", run: "x", env: { TOKEN: "s3cret\0", "bad name": "s3cret" } },
  };
  const check = checkCluster({ name: "a", services }, around);
  assert.ok(!check.ok);
  assert.equal(check.complaints.length, 2);
  assert.equal(JSON.stringify(check.complaints).includes("s3cret"), false);
});

test("the types that people write and the schema know the same fields", () => {
  const known: Record<keyof ReplicasDefinition, true> = {
    ...{ kind: true, run: true, count: true, scale: true, route: true, key: true, hash: true },
    ...{ compat: true, health: true, env: true, folder: true, stop: true, log: true },
    ...{ timeoutMs: true, bodyMiBMax: true, tryTimeoutMs: true, retryUnsafe: true },
    ...{ maxInFlight: true, holdMs: true, slowStartMs: true, loadBound: true },
    ...{ ejectAfter: true, weights: true, tcp: true, pipelining: true },
  };
  assert.deepEqual(Object.keys(replicasSchema.shape).toSorted(), Object.keys(known).toSorted());
});

const words = [
  "replicas",
  "elected",
  "./x.ts",
  "/",
  "/a",
  "load-balancer",
  "seed-512",
  "path",
  "header:x",
  "",
  "a b",
  "$(x)",
  "__proto__",
  "5",
];
const leaf = fc.oneof(
  fc.constantFrom<unknown>(...words, undefined, null, true, Number.NaN, -1, 0, 1, 3, 57, 5000, 1e9),
  fc.string({ maxLength: 12 }),
);
const fields = [
  ...Object.keys(replicasSchema.shape),
  "min",
  "max",
  "cpu",
  "path",
  "prefix",
  "host",
  "graceMs",
  "oops",
  "__proto__",
];
const junk: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...fields, "a", "a-1", "gateway"), tie("value"), { maxKeys: 6 }),
  ),
})).value;

/** Mostly one of the right values, now and then anything. */
function likely(...right: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: junk },
  );
}

const almostRight = fc.record({
  name: likely("shop"),
  gateway: likely(undefined, { port: 80 }, { host: "::1" }),
  services: fc.dictionary(
    fc.constantFrom("a", "a-1", "b", "c"),
    fc.record(
      {
        kind: likely("replicas"),
        run: likely("./x.ts", "x 'y z'", ["x"]),
        count: likely(0, 1, 3, 57),
        route: likely("/", ["/a"], [], { prefix: "/b", host: "x" }),
        scale: likely({ min: 1 }, { max: 60 }, {}),
        hash: likely("default", "seed-512"),
        compat: likely(undefined, "load-balancer"),
        pipelining: likely(undefined, "safe"),
        health: likely("/", { intervalMs: 10 }),
        key: likely("path", ["query:a", "client"]),
        env: likely({}, { A: "b" }),
      },
      { requiredKeys: ["kind", "run"] },
    ),
    { minKeys: 1, maxKeys: 3 },
  ),
});

// Goal: whatever arrives, the answer is a whole specification or complaints that can be shown.
// Method: JSON-like junk, most of it close to a cluster. Non-vacuous: both answers must occur.
test("no junk crashes the check", () => {
  let right = 0;
  let wrong = 0;
  const seed = 20_260;
  fc.assert(
    fc.property(fc.oneof(junk, almostRight, almostRight), (raw) => {
      const check = checkCluster(raw, around);
      if (check.ok) {
        right += 1;
        for (const { command, count, scale } of Object.values(check.spec.services)) {
          assert.ok(command.length > 0 && scale.min <= count && count <= scale.max);
        }
        // What was accepted survives the way to the agent.
        assert.deepEqual(checkCluster(JSON.parse(JSON.stringify(raw)), around), check);
      } else {
        wrong += 1;
        assert.ok(check.complaints.length > 0 && check.complaints.length <= complaintsMax);
        for (const complaint of check.complaints) {
          assert.match(complaintText(complaint), /^[^\n]{3,400}; [^\n]{3,}$/);
        }
      }
    }),
    { seed, numRuns: 3000 },
  );
  assert.ok(right > 300 && wrong > 1000, `too one-sided: ${right} right, ${wrong} wrong`);
});

test("a service that has its file to itself gets every request, of several each must say what", () => {
  const web = { kind: "replicas", run: ["x"] };
  const alone = checkCluster({ name: "a", services: { web } }, around);
  assert.ok(alone.ok);
  assert.deepEqual(alone.spec.services["web"]?.routes, [{ prefix: "/" }]);
  const both = checkCluster({ name: "a", services: { web, api: web } }, around);
  assert.ok(both.ok);
  assert.deepEqual(both.spec.services["web"]?.routes, []);
});
