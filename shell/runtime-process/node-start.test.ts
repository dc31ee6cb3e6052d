import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { order } from "@prunella/runtime/host-conformance";
import { ProcessBench } from "./fixtures/process-bench.ts";
import { conditionsOf, nodeStart } from "./node-start.ts";

const folder = mkdtempSync(join(tmpdir(), "prunella-node-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("programs that are not node, or want no cache, are started as they are", () => {
  assert.deepEqual(nodeStart("/bin/sh", {}, folder), { arguments: [], env: {} });
  assert.deepEqual(nodeStart("/bin/node", { NODE_DISABLE_COMPILE_CACHE: "1" }, folder), {
    arguments: conditionsOf(process.execArgv),
    env: {},
  });
  assert.deepEqual(readdirSync(folder), []);
  const own = nodeStart("/bin/node", { NODE_COMPILE_CACHE: "/own" }, folder);
  assert.equal(own.env["NODE_COMPILE_CACHE"], "/own");
});

test("a node program finds packages under the conditions of whoever starts it", () => {
  const own = ["--test", "-C", "a", "--conditions", "b", "--conditions=c", "-C"];
  assert.deepEqual(conditionsOf(own), ["-C", "a", "--conditions", "b", "--conditions=c"]);
  assert.deepEqual(conditionsOf(["--test", "--conditions"]), []);
  const start = nodeStart("/bin/node", {}, folder);
  assert.deepEqual(start.arguments.slice(0, -2), conditionsOf(process.execArgv));
});

test("a node program that is killed after a second has left its compiled code for the next", async () => {
  const script = join(folder, "server.ts");
  writeFileSync(
    script,
    `import { createServer } from "node:http";
     const port: number = Number(process.env["PORT"]);
     createServer((_, answer) => answer.end()).listen(port, "127.0.0.1");`,
  );
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  const copy = await host.launch({
    ...order(bench, "hello-1", 1, "serve"),
    command: [process.execPath, script],
    env: { BENCH: bench.folder },
  });
  const cache = join(bench.folder, ".node-cache");
  const deadlineMs = performance.now() + 60_000;
  const isWritten = (): boolean =>
    existsSync(cache) &&
    readdirSync(cache, { recursive: true }).some((name) => /^v.*\/./.test(String(name)));
  while (!isWritten()) {
    assert.ok(performance.now() < deadlineMs, "the cache was never written");
    await delay(20);
  }
  await host.signal(copy.instance, 1, "kill");
  await using next = await bench.open();
  assert.equal((await next.list()).length, 1, "the cache is no instance");
});
