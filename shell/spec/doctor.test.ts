import assert from "node:assert/strict";
import { chmodSync, mkdirSync } from "node:fs";
import { test } from "node:test";
import { diagnose, type Finding, ruleIds } from "./doctor.ts";
import { type MachineFacts, machineFacts } from "./machine-facts.ts";
import { ClusterFolder } from "./testing/cluster-folder.ts";
import { unmark } from "./testing/marked-text.ts";

const facts: MachineFacts = {
  ...{ cores: 64, diskFreeMiB: 1_000_000, root: false },
  ...{ programs: {}, foldersMissing: [] },
};

const good = "kind: replicas, run: x, count: 2, health: /up";
const elected = "kind: elected, run: x, health: /up, route: /";

type Case = {
  readonly id: string;
  readonly yaml: string;
  readonly facts?: Partial<MachineFacts>;
  readonly says: RegExp;
};

function service(id: string, fields: string, says: RegExp, more?: Partial<MachineFacts>): Case {
  const yaml = `name: a\nservices:\n  web: { ${fields} }\n`;
  return { id, yaml, says, ...(more && { facts: more }) };
}

/** The marker ‸ stands where the finding must point. */
const cases: readonly Case[] = [
  service(
    "single-replica",
    "kind: replicas, run: x, route: /, health: /up, count: ‸1",
    /^warning services\.web\.count is 1, which is not high availability/,
  ),
  service(
    "single-replica",
    "kind: replicas, run: x, route: /, health: /up, count: ‸0",
    /^info services\.web\.count is 0: nothing runs/,
  ),
  {
    id: "single-replica",
    yaml: "name: a\nservices:\n  ‸web: { kind: replicas, run: x, route: /, health: /up }",
    says: /^warning/,
  },
  {
    id: "health-missing",
    yaml: "name: a\nservices:\n  ‸web: { kind: replicas, run: x, route: /, count: 2 }",
    says: /^warning services\.web\.health is not set, so a TCP connect is the only probe/,
  },
  {
    id: "route-missing",
    yaml: `name: a\nservices:\n  ‸web: { ${good} }\n  api: { ${good}, route: / }`,
    says: /^info services\.web\.route is not set/,
  },
  service(
    "try-as-long-as-all",
    `${good}, route: /, timeoutMs: 900, tryTimeoutMs: ‸900`,
    /^warning services\.web\.tryTimeoutMs \(900 ms\) is not less than timeoutMs/,
  ),
  service(
    "weight-without-instance",
    `${good}, route: /, weights: { web-1: 2, web-3: ‸2 }`,
    /^info services\.web\.weights\.web-3 is not among the 2 instances that run/,
  ),
  service(
    "waiting-is-off",
    `${good}, route: /, holdMs: ‸0`,
    /^warning services\.web\.holdMs is 0, so no request waits/,
  ),
  service(
    "tcp-port-of-gateway",
    `${good}, tcp: ‸{ port: 4990, by: member }`,
    /^error services\.web\.tcp takes port 5000, on which the gateway listens/,
  ),
  service(
    "compat-open",
    `${good}, hash: default, compat: ‸load-balancer`,
    /^warning services\.web\.compat opens \/add and \/rm without a token to everybody on this machine/,
  ),
  {
    id: "compat-open",
    yaml: `name: a\ngateway: { host: 0.0.0.0 }\nservices:\n  web: { ${good}, hash: default, compat: ‸load-balancer }`,
    says: /^error .* to everybody who reaches the gateway/,
  },
  service(
    "seed-512-unbalanced",
    "kind: replicas, run: x, route: /, health: /up, count: 3, hash: ‸seed-512",
    /^warning .*gives one of 3 instances 84 % of the requests.*87 of 512 slots; the busiest instance gets 2\.5 times the mean/,
  ),
  service(
    "seed-512-unbalanced",
    "kind: replicas, run: x, health: /up, count: 6, compat: ‸load-balancer",
    /^warning .*gives one of 6 instances 79 %.*4\.7 times/,
  ),
  {
    id: "gateway-public",
    yaml: `name: a\ngateway: { host: ‸"::" }\nservices:\n  web: { ${good}, route: / }`,
    says: /^warning gateway\.host is ::, so other machines can reach every route/,
  },
  {
    id: "gateway-single",
    yaml: `name: a\ngateway: { count: ‸1 }\nservices:\n  web: { ${good}, route: / }`,
    says: /^info gateway\.count is 1, so one process/,
  },
  {
    id: "port-privileged",
    yaml: `name: a\ngateway: { port: ‸80 }\nservices:\n  web: { ${good}, route: / }`,
    says: /^warning gateway\.port is 80/,
  },
  {
    id: "cores-few",
    yaml: `name: a\n‸services:\n  web: { ${good}, route: / }`,
    facts: { cores: 1 },
    says: /^info services ask for 2 instances, more than the machine has cores \(1\)/,
  },
  {
    id: "log-disk",
    yaml: `name: a\n‸services:\n  web: { ${good}, route: / }`,
    facts: { diskFreeMiB: 100 },
    says: /^warning services may keep 6400 MiB of logs \(128 MiB with the counts of the file\), and 100 MiB are free/,
  },
  {
    id: "log-disk",
    yaml: `name: a\n‸services:\n  web: { ${good}, route: / }`,
    facts: { diskFreeMiB: 1000 },
    says: /^info/,
  },
  {
    id: "route-unreachable",
    yaml: `name: a\nservices:\n  lb: { ${good}, hash: default, compat: load-balancer }\n  web: { ${good}, route: [/x, ‸/rep] }`,
    says: /^warning services\.web\.route\[1\] "\/rep" is hidden by the compatibility calls of services\.lb/,
  },
  service(
    "route-repeated",
    `${good}, route: [/a, ‸/a/]`,
    /^info services\.web\.route\[1\] "\/a" stands in the list twice/,
  ),
  service(
    "key-by-path",
    `${good}, route: /, key: ‸path`,
    /^info services\.web\.key places every path on one instance/,
  ),
  service(
    "probe-overlap",
    "kind: replicas, run: x, count: 2, route: /, health: { path: /, timeoutMs: ‸1500 }",
    /^warning services\.web\.health\.timeoutMs \(1500 ms\) is longer than intervalMs \(1000 ms\).*write timeoutMs: 500/,
  ),
  service(
    "detection-slow",
    "kind: replicas, run: x, count: 2, route: /, health: ‸{ path: /, intervalMs: 10000 }",
    /^warning services\.web\.health notices a hang after 30500 ms at worst.*10000 x 3 \+ 500/,
  ),
  service(
    "startup-short",
    "kind: replicas, run: x, count: 2, route: /, health: { path: /, startupMs: ‸999 }",
    /^warning .*leaves no time for two probes of 500 ms.*write startupMs: 1000/,
  ),
  service(
    "grace-short",
    `${good}, route: /, stop: { graceMs: ‸499 }`,
    /^warning services\.web\.stop\.graceMs \(499 ms\) is hardly enough/,
  ),
  service(
    "grace-long",
    `${good}, route: /, stop: ‸{ graceMs: 60000 }`,
    /^info services\.web\.stop lets an instance take 65000 ms to end/,
  ),
  service(
    "node-from-path",
    "kind: replicas, count: 2, health: /up, route: /, run: ‸node server.ts",
    /^info services\.web\.run uses whatever Node stands first in PATH.*run: "server\.ts"/,
  ),
  service(
    "secret-in-file",
    `${good}, route: /, env: { DB_PASSWORD: ‸hunter2 }`,
    /^warning services\.web\.env\.DB_PASSWORD looks like a secret, written into the file/,
  ),
  service(
    "secret-in-file",
    `${good}, route: /, env: { DSN: ‸"postgres://me:pw@db/x" }`,
    /^warning services\.web\.env\.DSN looks like a secret/,
  ),
  service(
    "voters-even",
    `${elected}, count: ‸4`,
    /^info services\.web\.count is 4: an even number of voters.*A majority of 4 is 3, so 1 may be lost, as with 3/,
  ),
  service(
    "leaders-overlap",
    `${elected}, mode: ‸available`,
    /^warning services\.web\.mode is "available", so two instances may lead at once/,
  ),
  service(
    "silence-short",
    `${elected}, timing: ‸demo`,
    /^warning services\.web\.timing is "demo": a leader that is silent for 150 ms is replaced/,
  ),
  service(
    "refused-is-death",
    `${elected}, leaseBreak: ‸refused`,
    /^warning services\.web\.leaseBreak is "refused"/,
  ),
  service(
    "leader-moves",
    `${elected}, preempt: ‸always`,
    /^info services\.web\.preempt is "always"/,
  ),
  service(
    "program-missing",
    "kind: replicas, count: 2, health: /up, route: /, run: ‸./gone.ts",
    /^error services\.web\.run \/gone\.ts cannot be found/,
    { programs: { web: { state: "missing", path: "/gone.ts" } } },
  ),
  service(
    "program-missing",
    "kind: replicas, count: 2, health: /up, route: /, run: x, folder: ‸gone",
    /^error services\.web\.folder .* is not there/,
    { foldersMissing: ["web"] },
  ),
];

test("each rule finds its mistake, at its place, and nothing else", async () => {
  for (const { id, yaml, facts: more, says } of cases) {
    const { text, positions } = unmark(yaml);
    const findings = await found(text, { ...facts, ...more });
    const [finding] = findings.filter((one) => one.id === id);
    assert.ok(finding, `${id} is not found in ${text}`);
    assert.deepEqual(
      { line: finding.line, column: finding.column },
      positions[0],
      `${id}: ${text}`,
    );
    assert.match(`${finding.severity} ${finding.message} ${finding.why} ${finding.fix}`, says);
    const others = findings.filter((one) => one.id !== id).map((one) => one.id);
    const always = ["gateway-single"]; // The default, which most of these files keep.
    const allowed =
      id === "compat-open" || id === "route-unreachable"
        ? ["gateway-public", "compat-open"]
        : id === "seed-512-unbalanced"
          ? ["compat-open"]
          : [];
    assert.deepEqual(
      others.filter((other) => ![...allowed, ...always].includes(other)),
      [],
      text,
    );
  }
  assert.deepEqual([...new Set(cases.map(({ id }) => id))].toSorted(), ruleIds.toSorted());
});

test("a cluster without faults has no findings", async () => {
  const yaml = `name: a\ngateway: { count: 2 }\nservices:\n  web: { ${good}, route: /, env: { TOKEN_FILE: /run/token, API_KEY: "", DEBUG_TOKEN: "true" } }`;
  assert.deepEqual(await found(yaml, facts), []);
});

test("the worst comes first", async () => {
  const programs = { web: { state: "missing", path: "/x" } } as const;
  const findings = await found("name: a\nservices:\n  web: { kind: replicas, run: x }", {
    ...facts,
    programs,
  });
  assert.deepEqual(
    findings.map(({ severity }) => severity),
    ["error", "warning", "warning"],
  );
});

test("a secret that comes from outside is none in the file", async () => {
  const start = 'import { defineCluster, replicas } from "prunella";\n';
  const text = `${start}const TOKEN = ["a", "b", "c"].join("");
export default defineCluster({ name: "a", gateway: { count: 2 }, services: {
  web: replicas({ run: "x", count: 2, route: "/", health: "/", env: { TOKEN } }) } });`;
  using folder = new ClusterFolder({ "cluster.ts": text });
  assert.deepEqual(diagnose(await folder.load(), facts), []);
});

test("facts say which programs and folders are there", async () => {
  using folder = new ClusterFolder({
    "cluster.yaml": `name: a
services:
  script: { kind: replicas, run: ./server.ts }
  gone: { kind: replicas, run: ./gone.ts }
  folder: { kind: replicas, run: ./folder.js }
  tool: { kind: replicas, run: tool --fast }
  absent: { kind: replicas, run: no-such-program }
  plain: { kind: replicas, run: ./plain }
  elsewhere: { kind: replicas, run: tool, folder: nowhere }`,
    ...{ "server.ts": "", tool: "#!/bin/sh\n", plain: "" },
  });
  mkdirSync(`${folder.path}/folder.js`);
  chmodSync(`${folder.path}/tool`, 0o755);
  const { spec } = await folder.load();
  const { programs, foldersMissing, cores, diskFreeMiB } = await machineFacts(
    spec,
    folder.path,
    `/nowhere:${folder.path}`,
  );
  assert.deepEqual(
    Object.fromEntries(Object.entries(programs).map(([name, { state }]) => [name, state])),
    {
      ...{ script: "found", gone: "missing", folder: "folder", tool: "found" },
      ...{ absent: "missing", plain: "not-executable", elsewhere: "found" },
    },
  );
  assert.deepEqual(foldersMissing, ["elsewhere"]);
  assert.ok(cores >= 1 && diskFreeMiB !== undefined && diskFreeMiB >= 0);
});

async function found(yaml: string, about: MachineFacts): Promise<readonly Finding[]> {
  using folder = new ClusterFolder({ "cluster.yaml": yaml });
  return diagnose(await folder.load(), about);
}
