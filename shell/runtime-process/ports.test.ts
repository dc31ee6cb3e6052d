/** Ports of real copies: taken ones, stolen ones, and who has them. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import { follow, order, serves } from "@prunella/runtime/host-conformance";
import { ProcessBench } from "./fixtures/process-bench.ts";

async function occupy(port: number): Promise<Server & AsyncDisposable> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("a name keeps its address over restarts and agents", async () => {
  await using bench = await ProcessBench.make();
  let before: unknown;
  for (let incarnation = 1; incarnation <= 3; incarnation++) {
    await using host = await bench.open();
    await using feed = follow(host);
    const copy = await host.launch(order(bench, "hello-1", incarnation, "serve"));
    if (incarnation > 1) assert.deepEqual(copy.address, before);
    before = copy.address;
    await host.signal(copy.instance, incarnation, "kill");
    await feed.exitOf("hello-1", incarnation);
  }
});

test("a stranger that took the port while the copy was away costs the address and nothing else", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const first = await host.launch(order(bench, "hello-1", 1, "serve"));
  await host.signal(first.instance, 1, "kill");
  await feed.exitOf("hello-1", 1);
  await using _stranger = await occupy(first.address?.port ?? 0);
  const second = await host.launch(order(bench, "hello-1", 2, "serve"));
  assert.notEqual(second.address?.port, first.address?.port);
  await serves(host, second);
});

/** Waits with listening until it is told to: the race between try and listen, on purpose. */
const lateListener = `
  process.on("SIGUSR2", () =>
    require("node:net").createServer()
      .on("error", (error) => { console.error(error); process.exit(1); })
      .listen(Number(process.env.PORT), "127.0.0.1"));
  setInterval(() => {}, 1000);
  console.log("ready");`;

test("a copy that said its port was taken gets another one the next time", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const wish = order(bench, "hello-1", 1, "serve");
  const first = await host.launch({ ...wish, command: [process.execPath, "-e", lateListener] });
  const port = first.address?.port ?? 0;
  const stranger = await occupy(port);
  while (!(await logText(host, first.instance)).includes("ready")) await delay(5);
  process.kill(first.pid ?? 0, "SIGUSR2");
  assert.equal((await feed.exitOf("hello-1", 1)).exit?.code, 1);
  await stranger[Symbol.asyncDispose]();

  const second = await host.launch(order(bench, "hello-1", 2, "serve"));
  assert.notEqual(second.address?.port, port, "free again, but not to be trusted");
  await serves(host, second);
});

test("a stranger that was seen on the port of a copy is named, and the next copy moves on", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const wish = order(bench, "hello-1", 1, "serve");
  const first = await host.launch({ ...wish, command: [process.execPath, "-e", lateListener] });
  const port = first.address?.port ?? 0;
  assert.equal(await host.listener(first.instance), "none");
  const stranger = await occupy(port);
  const owner = await host.listener(first.instance);
  assert.ok(typeof owner === "object");
  assert.match(owner.stranger, new RegExp(`node.* \\(pid ${process.pid}\\)$`));
  await stranger[Symbol.asyncDispose]();
  await host.signal(first.instance, 1, "kill");
  await feed.exitOf("hello-1", 1);
  const second = await host.launch(order(bench, "hello-1", 2, "serve"));
  assert.notEqual(second.address?.port, port);
});

async function logText(
  host: Awaited<ReturnType<ProcessBench["open"]>>,
  instance: Parameters<typeof host.logs>[0],
): Promise<string> {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(60_000);
  for await (const line of host.logs(instance, { tailLines: 50, follow: false }, signal)) {
    lines.push(line);
  }
  return lines.join("\n");
}

test("a fixed port that is taken is refused with pid and program of who has it", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  const stranger = await occupy(0);
  const fixedPort = portOf(stranger);
  const wish = { ...order(bench, "hello-1", 1, "serve"), fixedPort };
  await assert.rejects(host.launch(wish), (error: unknown) => {
    assert.ok(ClusterError.is(error, "PORT_TAKEN"));
    assert.equal(error.details["pid"], process.pid);
    assert.match(String(error.details["program"]), /node/);
    assert.match(
      error.message,
      new RegExp(`needs port ${fixedPort}, but .*pid ${process.pid}.* listens`),
    );
    return true;
  });
  assert.deepEqual(await host.list(), []);
  await stranger[Symbol.asyncDispose]();
  const copy = await host.launch(wish);
  assert.equal(copy.address?.port, fixedPort);
  await serves(host, copy);
});
