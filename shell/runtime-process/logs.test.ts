/** Logs of copies that print for themselves, up to 50 MB a second. */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Copy, Host, HostEvent } from "@prunella/runtime";
import { follow, order } from "@prunella/runtime/host-conformance";
import { ProcessBench } from "./fixtures/process-bench.ts";

const mebibyte = 1024 * 1024;

function logSize(bench: ProcessBench): number {
  const folder = join(bench.folder, "hello-1", "log");
  return readdirSync(folder)
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
}

async function startFlood(bench: ProcessBench, host: Host, mebibytes: number): Promise<Copy> {
  const program = bench.program("flood", `${mebibytes}`);
  return await host.launch({ ...order(bench, "hello-1", 1, "serve"), ...program });
}

/** Collects events until `isEnough`, or fails. */
async function events(
  host: Host,
  isEnough: (events: readonly HostEvent[]) => boolean,
): Promise<readonly HostEvent[]> {
  const found: HostEvent[] = [];
  for await (const event of host.watch(AbortSignal.timeout(60_000))) {
    found.push(event);
    if (isEnough(found)) return found;
  }
  assert.fail(`never enough: ${found.map((event) => event.type).join(" ")}`);
}

test("a log of 50 MB a second stays within its bound, and says what was dropped", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  const flooding = events(host, (found) => found.some(({ type }) => type === "log-flooding"));
  const copy = await startFlood(bench, host, 50);
  const flood = (await flooding).find((event) => event.type === "log-flooding");
  assert.ok(flood?.type === "log-flooding");
  assert.ok(Number(flood.data["mibPerSecond"]) > 5, flood.message);
  assert.ok(Number(flood.data["droppedMiB"]) > 0, flood.message);
  assert.match(flood.message, /prints [\d.]+ MiB a second; [\d.]+ MiB of it were dropped/);

  // Two kept files and the current one of 1 MiB each, and what comes between two looks.
  let sizeMax = 0;
  for (const endMs = performance.now() + 2_000; performance.now() < endMs; await delay(10)) {
    sizeMax = Math.max(sizeMax, logSize(bench));
  }
  assert.ok(sizeMax > 1 * mebibyte, `only ${sizeMax} bytes: no flood`);
  assert.ok(sizeMax < 25 * mebibyte, `${(sizeMax / mebibyte).toFixed(1)} MiB on disk`);
  console.log(`      largest log: ${(sizeMax / mebibyte).toFixed(1)} MiB; ${flood.message}`);

  const lines: string[] = [];
  const options = { tailLines: 200_000, follow: false };
  for await (const line of host.logs(copy.instance, options, AbortSignal.timeout(60_000))) {
    lines.push(line);
  }
  assert.ok(
    lines.some((line) => /\[prunella\] .* dropped here/.test(line)),
    "the gap is marked",
  );
});

test("a busy log is rotated under its writer, told once, and followed without a gap", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  await using feed = follow(host);
  const rotated = events(host, (found) => found.some(({ type }) => type === "log-rotated"));
  const copy = await host.launch(order(bench, "hello-1", 1, "chatter"));
  const stop = new AbortController();
  const ticks: number[] = [];
  const following = (async () => {
    const options = { tailLines: 0, follow: true };
    for await (const line of host.logs(copy.instance, options, stop.signal)) {
      const tick = /^tick (\d+)$/.exec(line)?.[1];
      if (tick !== undefined) ticks.push(Number(tick));
      if (ticks.length >= 40) return;
    }
  })();
  // Somebody else fills the same file, so that the host has to rotate it.
  const { appendFileSync } = await import("node:fs");
  const path = join(bench.folder, "hello-1", "log", "current.log");
  appendFileSync(path, `${"filling ".repeat(130)}\n`.repeat(1_100));
  const [event] = (await rotated).filter(({ type }) => type === "log-rotated");
  assert.ok(event?.type === "log-rotated");
  assert.equal(event.instance, "hello-1");
  await following;
  assert.deepEqual(
    ticks,
    ticks.map((_, index) => (ticks[0] ?? Number.NaN) + index),
  );
  assert.ok(readdirSync(join(bench.folder, "hello-1", "log")).includes("000001.log"));
  await host.signal(copy.instance, 1, "kill");
  await feed.exitOf("hello-1", 1);
});

test("an adopted copy is kept within the bound of its own record", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  await startFlood(bench, first, 10);
  await first[Symbol.asyncDispose]();
  await using second = await bench.open();
  await events(second, (found) => found.some(({ type }) => type === "log-flooding"));
  assert.ok(logSize(bench) < 20 * mebibyte);
});
