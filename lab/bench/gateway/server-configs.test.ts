import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseGatewayConfig } from "@prunella/gateway/config";
import { parseView } from "@prunella/wire/view";
import { benchCases } from "./case-table.ts";
import { planCores } from "./core-plan.ts";
import { keyOf, parseWrk, requestHead, wrkScript } from "./load-generator.ts";
import {
  backendConfig,
  backendFiles,
  forwardingFields,
  haproxyConfig,
  nginxProxyConfig,
} from "./server-configs.ts";
import { fixedView, missingProgram, writeGatewayConfig } from "./subject-table.ts";

function inFolder(what: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "bench-configs-"));
  try {
    what(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const backendPorts = [18_001, 18_002, 18_003];

test("all proxies hash the same key over the same backends and add the same fields", () => {
  const setup = { port: 18_000, folder: "/tmp/x", backendPorts };
  const nginx = nginxProxyConfig(setup, true);
  const haproxy = haproxyConfig(setup);
  assert.match(nginx, /hash \$arg_id consistent;/);
  assert.match(nginx, /keepalive 512;/);
  assert.match(nginx, /worker_processes 1;/);
  assert.match(haproxy, /balance url_param id\n {2}hash-type consistent/);
  assert.match(haproxy, /nbthread 1\n/);
  for (const config of [nginx, haproxy]) {
    for (const port of backendPorts) assert.match(config, new RegExp(`127\\.0\\.0\\.1:${port} `));
    for (const field of forwardingFields) {
      const added = field === "x-forwarded-for" ? `${field}|forwardfor` : field;
      assert.match(config, new RegExp(added, "i"), `${field} in ${config}`);
    }
    assert.doesNotMatch(config, /access_log (?!off)|^\s*log /m);
  }
  assert.match(nginxProxyConfig(setup, false), /proxy_buffering off;/);
});

test("ours gets the same duty: the view hashes the query id, no access log", () => {
  inFolder((folder) => {
    const config = writeGatewayConfig({ port: 18_000, folder, backendPorts }, "gateway-1", true);
    const parsed = parseGatewayConfig(JSON.parse(readFileSync(config.file, "utf8")));
    assert.equal(parsed.accessLog, false);
    assert.equal(parsed.listeners[0]?.reusePort, true);
    const view = parseView(JSON.parse(readFileSync(parsed.viewFile, "utf8")));
    assert.deepEqual(view, fixedView(backendPorts));
    assert.deepEqual(view.services[0]?.keys, [{ from: "query", name: "id" }]);
    assert.equal(view.services[0]?.placement, "default");
  });
});

const nginxMissing = missingProgram("nginx");
test("nginx accepts what is written for it", { skip: nginxMissing ?? false }, () => {
  inFolder((folder) => {
    const configs = [
      backendConfig(folder, backendPorts),
      nginxProxyConfig({ port: 18_000, folder, backendPorts }, true),
      nginxProxyConfig({ port: 18_000, folder, backendPorts }, false),
    ];
    for (const text of configs) {
      const file = join(folder, "nginx.conf");
      writeFileSync(file, text);
      const args = ["-t", "-q", "-p", folder, "-e", join(folder, "e.log"), "-c", file];
      const { status, stderr } = spawnSync("nginx", args, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
    }
  });
});

test("HAProxy accepts what is written for it", { skip: missingProgram("haproxy") ?? false }, () => {
  inFolder((folder) => {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, haproxyConfig({ port: 18_000, folder, backendPorts }));
    const { status, stderr } = spawnSync("haproxy", ["-c", "-f", file], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });
});

test("requests are complete heads with the key where the proxies look for it", () => {
  const shape = { connections: 1, path: "/take", bodyBytes: 10 };
  assert.equal(
    requestHead(shape),
    "POST /take?id={id} HTTP/1.1\r\nHost: shop.example.org\r\nContent-Length: 10\r\n\r\n",
  );
  assert.match(
    requestHead({ connections: 1, path: "/", closes: true }),
    /\r\nConnection: close\r\n/,
  );
  const browser = requestHead({ connections: 1, path: "/small", head: "browser" }).length;
  assert.ok(browser > 580 && browser < 640, `${browser} bytes`);
  const keys = new Set(Array.from({ length: 1_024 }, (_, index) => keyOf(index)));
  assert.equal(keys.size, 1_024);
  for (const key of keys) assert.equal(`${key}`.length, 8);
});

test("the script has a think time only when the load is paced", () => {
  const shape = { connections: 1, path: "/small" };
  assert.doesNotMatch(wrkScript(shape), /function delay/);
  assert.match(wrkScript(shape, 40), /return math\.random\(0, 80\)/);
});

test("a result is read from between wrk's own lines, and its absence is told in its words", () => {
  const output = `Running 2s test
RESULT {"requests":10,"durationUs":2000000,"bytes":5,"errors":1,"p50Us":7,"p99Us":8,"p999Us":9,"maxUs":11}
Requests/sec: 5`;
  const { seconds, requests, errors, p999Us } = parseWrk(output);
  assert.deepEqual(
    { seconds, requests, errors, p999Us },
    { seconds: 2, requests: 10, errors: 1, p999Us: 9 },
  );
  assert.throws(() => parseWrk("unable to connect"), /unable to connect/);
});

test("each case asks for something that the backend has", () => {
  const config = backendConfig("/tmp/x", backendPorts);
  const names = new Set<string>();
  for (const { name, load } of benchCases) {
    assert.ok(!names.has(name), `${name} is there twice`);
    names.add(name);
    if (load.kind === "idle") continue;
    const isFile = backendFiles.some((file) => `/${file.name}` === load.path);
    assert.ok(isFile || config.includes(`location = ${load.path} `), load.path);
  }
});

test("the proxy has a core for itself as soon as there are two", () => {
  for (const cores of [2, 3, 4, 16]) {
    const { proxy, generator, backend } = planCores(cores);
    assert.ok(!proxy.includes(generator) && !proxy.includes(backend), `${cores} cores`);
    for (const core of [...proxy, generator, backend]) assert.ok(core < cores, `${cores} cores`);
  }
  assert.deepEqual(planCores(1), { generator: 0, backend: 0, proxy: [0] });
});
