/** H3 against programs that make it hard: stopped ones, children, double forks, daemons. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Copy, Host } from "@prunella/runtime";
import { follow, order, serves } from "@prunella/runtime/host-conformance";
import { eventually } from "../../lab/peers/eventually.ts";
import { familyOf, isAlive } from "./family.ts";
import { type ProcessBehaviour, ProcessBench } from "./fixtures/process-bench.ts";
import { linuxProcessTable } from "./process-table.ts";

async function launch(
  bench: ProcessBench,
  host: Host,
  behaviour: ProcessBehaviour,
  incarnation = 1,
): Promise<Copy> {
  const program = bench.program(behaviour);
  const copy = await host.launch({ ...order(bench, "hello-1", incarnation, "serve"), ...program });
  await serves(host, copy);
  return copy;
}

test("kill -9 from outside is told within a moment, with its signal", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  for (let incarnation = 1; incarnation <= 5; incarnation++) {
    const copy = await launch(bench, host, "serve", incarnation);
    process.kill(copy.pid ?? 0, "SIGKILL");
    const ended = await feed.exitOf("hello-1", incarnation);
    assert.deepEqual(ended.exit, { code: undefined, signal: "SIGKILL" });
  }
});

test("a stopped copy counts as running, and ends politely all the same", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const copy = await launch(bench, host, "serve");
  process.kill(copy.pid ?? 0, "SIGSTOP");
  await delay(100); // Long enough for a poll to have mistaken it for dead.
  assert.equal((await host.list())[0]?.running, true);
  await host.signal(copy.instance, 1, "terminate");
  assert.deepEqual((await feed.exitOf("hello-1", 1)).exit, { code: 0, signal: undefined });
});

test("H3: children that ignore SIGTERM do not outlive a leader that was killed from outside", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const copy = await launch(bench, host, "family");
  await eventually("its children run", () => bench.living().length >= 3);
  process.kill(copy.pid ?? 0, "SIGKILL");
  await feed.exitOf("hello-1", 1);
  assert.deepEqual(bench.living(), []);
  await launch(bench, host, "serve", 2);
});

test("H3: a daemon that left group and session is found by its launch id and ended", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const copy = await launch(bench, host, "daemon");
  await eventually("the daemon has left", () =>
    bench.living().some((found) => found.group !== copy.pid),
  );
  await host.signal(copy.instance, 1, "terminate");
  await feed.exitOf("hello-1", 1);
  assert.deepEqual(bench.living(), []);
});

test("H1: a name is busy until the last process of its group is gone", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const copy = await launch(bench, host, "family");
  process.kill(copy.pid ?? 0, "SIGKILL");
  let refused = 0;
  for (;;) {
    const isOver = feed.exitCount > 0;
    const outcome = await host.launch(order(bench, "hello-1", 2, "serve")).catch((error) => error);
    if (outcome?.code !== "INSTANCE_EXISTS") break;
    assert.equal(isOver, false, "after the end was told, a launch is accepted");
    refused += 1;
    await delay(1);
  }
  assert.ok(refused > 0, "the rest of the group was never in the way");
  assert.equal(bench.living().filter((found) => found.group === copy.pid).length, 0);
});

test("an adopted copy that is killed from outside is told within 100 ms of looking", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  const copy = await launch(bench, first, "family");
  await first[Symbol.asyncDispose]();
  await using second = await bench.open();
  await using feed = follow(second);
  process.kill(copy.pid ?? 0, "SIGKILL");
  const ended = await feed.exitOf("hello-1", 1);
  assert.deepEqual(ended.exit, { code: undefined, signal: undefined });
  assert.deepEqual(bench.living(), []);
});

test("a pid with another start time is another process", () => {
  const { startTicks } = linuxProcessTable.read(process.pid) ?? { startTicks: 0 };
  assert.ok(isAlive(linuxProcessTable, { pid: process.pid, startTicks }));
  assert.equal(isAlive(linuxProcessTable, { pid: process.pid, startTicks: startTicks - 1 }), false);
});

test("a zombie that nobody reaps is dead, and no family", async () => {
  // The outer shell stays and never waits, so its child remains a zombie for as long as we look.
  const parent = spawn(
    process.execPath,
    [
      "-e",
      `const c = require("node:child_process").spawn("sh", ["-c", "exit 0"], { detached: true });
       require("node:fs").writeSync(1, String(c.pid));
       for (;;) {}`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    const pid = Number(
      await new Promise<string>((resolve) => parent.stdout.once("data", (d) => resolve(`${d}`))),
    );
    await eventually("it is a zombie", () => linuxProcessTable.read(pid)?.alive === false);
    const facts = linuxProcessTable.read(pid);
    const leader = { pid, startTicks: facts?.startTicks ?? 0 };
    assert.equal(isAlive(linuxProcessTable, leader), false);
    assert.deepEqual(familyOf(linuxProcessTable, leader, "no launch"), []);
  } finally {
    parent.kill("SIGKILL");
  }
});
