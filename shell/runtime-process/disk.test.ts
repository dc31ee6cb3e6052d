/** A full disk: instances live on, launches work, everything is said once and ends when it ends. */
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Host, HostEvent } from "@prunella/runtime";
import { follow, order, serves } from "@prunella/runtime/host-conformance";
import { eventually } from "../../lab/peers/eventually.ts";
import { ProcessBench } from "./fixtures/process-bench.ts";

const noMount = "a tmpfs cannot be mounted here";

/** Writes until the disk refuses; returns the file to remove. */
function fill(bench: ProcessBench): string {
  const path = join(bench.folder, ".ballast");
  const file = openSync(path, "a");
  for (const size of [65_536, 4_096, 512, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size));
    } catch (error) {
      assert.ok(error instanceof Error && "code" in error && error.code === "ENOSPC");
    }
  }
  closeSync(file);
  return path;
}

function collect(host: Host): { readonly events: HostEvent[]; readonly types: () => string[] } {
  const events: HostEvent[] = [];
  const stream = host.watch(AbortSignal.timeout(240_000));
  void (async () => {
    for await (const event of stream) events.push(event);
  })();
  return {
    events,
    // What concerns the whole host; a launch without a log is told of its instance.
    types: () =>
      events.flatMap((event) =>
        "instance" in event && event.instance === undefined ? [event.type] : [],
      ),
  };
}

test("healing goes on with a full disk, and what was launched then is adopted later", async (context) => {
  const made = ProcessBench.makeOnDisk("512k");
  if (made === undefined) return context.skip(noMount);
  await using bench = made;
  await using host = await bench.open();
  const seen = collect(host);
  await using feed = follow(host);
  const first = await host.launch(order(bench, "hello-1", 1, "serve"));
  await serves(host, first);
  const ballast = fill(bench);
  await eventually("the full disk is told", () => seen.types().includes("disk-full"));

  await host.signal(first.instance, 1, "kill");
  await feed.exitOf("hello-1", 1);
  const second = await host.launch(order(bench, "hello-1", 2, "serve"));
  await serves(host, second);
  const fresh = await host.launch(order(bench, "hello-2", 1, "serve"));
  await serves(host, fresh);
  const path = join(bench.folder, "hello-1", "record.json");
  assert.equal(JSON.parse(readFileSync(path, "utf8")).copy.incarnation, 1, "nothing new fits");

  // The agent dies now. What it could not write down, the copies carry with them.
  await host[Symbol.asyncDispose]();
  await using next = await bench.open();
  const later = collect(next);
  const found = (await next.list()).filter((copy) => copy.running);
  assert.deepEqual(found.map(({ instance, pid }) => `${instance} ${pid}`).toSorted(), [
    `hello-1 ${second.pid}`,
    `hello-2 ${fresh.pid}`,
  ]);
  await eventually("the next agent tells it too", () => later.types().includes("disk-full"));
  assert.deepEqual(seen.types(), ["disk-full"], "said once");
  const withoutLog = seen.events.find(
    (event) => event.type === "disk-full" && event.instance === "hello-2",
  );
  assert.ok(withoutLog?.type === "disk-full");
  assert.match(withoutLog.message, /hello-2 runs without a log/);

  rmSync(ballast);
  await eventually("the end is told", () => later.types().includes("disk-recovered"));
  await eventually("the records are written", () => {
    const text = readFileSync(path, "utf8");
    return text !== "" && JSON.parse(text).copy.incarnation === 2;
  });
  assert.deepEqual(later.types(), ["disk-full", "disk-recovered"]);
});

test("old logs make room for new life", async (context) => {
  const made = ProcessBench.makeOnDisk("8m");
  if (made === undefined) return context.skip(noMount);
  await using bench = made;
  await using host = await bench.open();
  const seen = collect(host);
  const copy = await host.launch(order(bench, "hello-1", 1, "serve"));
  await serves(host, copy);
  // Two older files of 1 MiB, as rotation makes them.
  const log = join(bench.folder, "hello-1", "log");
  for (const number of [1, 2]) {
    writeFileSync(join(log, "current.log"), "x".repeat(1024 * 1024), { flag: "a" });
    await eventually(`rotation ${number}`, () => {
      try {
        return readFileSync(join(log, `00000${number}.log`)).length > 0;
      } catch {
        return false;
      }
    });
    await delay(1_100); // At most one file a second is kept.
  }
  fill(bench);
  await eventually("the full disk is told", () => seen.types().includes("disk-full"));
  const full = seen.events.find((event) => event.type === "disk-full");
  assert.ok(full?.type === "disk-full");
  assert.match(full.message, /is full .* Old logs were removed \(\d+ KiB\)/);
  assert.ok(Number(full.data["droppedBytes"]) >= 1024 * 1024);
  await eventually("there is room again", () => seen.types().includes("disk-recovered"));
  assert.equal((await host.list())[0]?.running, true);
});

test("a log that fills the whole disk is cut before anything else suffers", async (context) => {
  const made = ProcessBench.makeOnDisk("4m");
  if (made === undefined) return context.skip(noMount);
  await using bench = made;
  await using host = await bench.open();
  const seen = collect(host);
  // Its bound is far beyond the disk: rotation never comes, the disk is full first.
  const program = { ...bench.program("flood", "20"), log: { fileMiB: 1_000, filesMax: 3 } };
  const copy = await host.launch({ ...order(bench, "hello-1", 1, "serve"), ...program });
  await eventually("the full disk is told", () => seen.types().includes("disk-full"));
  await serves(host, copy);
  const other = await host.launch(order(bench, "hello-2", 1, "serve"));
  await serves(host, other);
  assert.deepEqual(
    (await host.list()).map((known) => known.running),
    [true, true],
  );
});
