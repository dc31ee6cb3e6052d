/** H1 and H2 against real deaths of real agents, and against records that say what is not so. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { draw, type Rng, rngFrom } from "@prunella/core/kernel";
import { type Copy, type Host, leftoverLog } from "@prunella/runtime";
import { follow, order, serves } from "@prunella/runtime/host-conformance";
import { eventually } from "../../lab/peers/eventually.ts";
import { ProcessBench } from "./fixtures/process-bench.ts";
import { type LaunchRecord, parseRecord } from "./launch-record.ts";

const roundsMin = 20;
const roundsMax = 500;
const cache = mkdtempSync(join(tmpdir(), "prunella-cache-"));
after(() => rmSync(cache, { recursive: true, force: true }));

function startAgent(bench: ProcessBench, ...arguments_: readonly string[]): ChildProcess {
  const file = join(import.meta.dirname, "fixtures", "agent.ts");
  return spawn(process.execPath, ["-C", "@prunella/source", file, bench.folder, ...arguments_], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  });
}

async function says(agent: ChildProcess, word: string): Promise<void> {
  let output = "";
  for await (const bytes of agent.stdout ?? []) {
    output += String(bytes);
    if (output.includes(`${word}\n`)) return;
  }
  assert.fail(`the agent ended without saying "${word}": ${output}`);
}

async function kill(agent: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => agent.once("exit", resolve));
  agent.kill("SIGKILL");
  await ended;
}

function readRecord(bench: ProcessBench, instance: string): LaunchRecord | undefined {
  const path = join(bench.folder, instance, "record.json");
  return existsSync(path) ? parseRecord(JSON.parse(readFileSync(path, "utf8"))) : undefined;
}

function writeRecord(bench: ProcessBench, record: LaunchRecord): void {
  writeFileSync(join(bench.folder, record.copy.instance, "record.json"), JSON.stringify(record));
}

/** H1, seen from outside: no name has two leaders. */
function assertNoneDoubled(bench: ProcessBench, when: string): void {
  const leaders = bench.living().filter((found) => found.pid === found.group);
  const names = leaders.map((found) => found.instance);
  assert.equal(new Set(names).size, names.length, `doubled ${when}: ${names.join(" ")}`);
}

async function launchServing(bench: ProcessBench, host: Host, incarnation = 1): Promise<Copy> {
  const copy = await host.launch(order(bench, "hello-1", incarnation, "serve"));
  await serves(host, copy);
  return copy;
}

// Goal: none doubled, none orphaned, whatever the moment. Method: an agent that does little else
// than launch is killed at random moments; a last, calm agent must make the cluster whole. A busy
// machine gets less far in the same time: moments stretch with the time that a start takes, and more
// agents die until enough was met.
test("H1, H2: twenty agents and more are killed while they launch, and nothing is doubled or orphaned", async () => {
  await using bench = await ProcessBench.make();
  const count = 3;
  let rng: Rng = rngFrom(7);
  let launchCount = 0;
  let windowCount = 0;
  let startMs = 300;
  const isEnough = () => launchCount > 10 && windowCount > 0;
  for (let round = 0; round < roundsMin || !isEnough(); round++) {
    assert.ok(round < roundsMax, `${launchCount} incarnations, ${windowCount} torn launches`);
    const agent = startAgent(bench, `${count}`, "churn");
    const drawn = draw(rng);
    rng = drawn.rng;
    const startedAtMs = performance.now();
    // Some die before they have even looked.
    if (round % 4 !== 0) {
      await says(agent, "open");
      startMs = performance.now() - startedAtMs;
    }
    await delay((drawn.value * startMs) / 2); // The moment of the fault.
    await kill(agent);
    assertNoneDoubled(bench, `after round ${round}`);
    for (let number = 1; number <= count; number++) {
      const record = readRecord(bench, `hello-${number}`);
      launchCount = Math.max(launchCount, record?.copy.incarnation ?? 0);
      if (record?.copy.running === true && record.leader === undefined) windowCount += 1;
    }
  }

  const last = startAgent(bench, `${count}`, "calm");
  await says(last, "whole");
  assertNoneDoubled(bench, "at the end");
  await kill(last);
  assert.equal(bench.living().length, count, "as many as wanted, and not one more");

  await using host = await bench.open();
  await using feed = follow(host);
  for (const copy of await host.list()) {
    assert.ok(copy.running);
    await serves(host, copy);
    await host.signal(copy.instance, copy.incarnation, "kill");
    await feed.exitOf(copy.instance, copy.incarnation);
  }
  assert.deepEqual(bench.living(), []);
});

test("a copy does not notice that its agent was killed: it writes on and keeps its port", async () => {
  await using bench = await ProcessBench.make();
  const agent = startAgent(bench, "2", "calm");
  await says(agent, "whole");
  const before = bench.living();
  await kill(agent);
  await using host = await bench.open();
  const copies = await host.list();
  assert.deepEqual(
    copies.map((copy) => copy.pid).toSorted(),
    before.map((found) => found.pid),
  );
  for (const copy of copies) await serves(host, copy);
});

test("H2: a copy whose agent died between spawn and record is found by its launch id", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  const copy = await launchServing(bench, first);
  await first[Symbol.asyncDispose]();
  const record = readRecord(bench, "hello-1");
  assert.ok(record !== undefined);
  writeRecord(bench, { ...record, leader: undefined, copy: { ...copy, pid: undefined } });

  await using second = await bench.open();
  assert.deepEqual(await second.list(), [copy]);
  assert.equal(readRecord(bench, "hello-1")?.leader?.pid, copy.pid, "it is written down again");
});

test("H2: an intent of which nothing came is an ended copy, as soon as nothing can come of it", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  await using feed = follow(first);
  const copy = await launchServing(bench, first, 6);
  await first.signal(copy.instance, 6, "kill");
  await feed.exitOf("hello-1", 6);
  await first[Symbol.asyncDispose]();
  const record = readRecord(bench, "hello-1");
  assert.ok(record !== undefined);
  const now = Math.floor(performance.timeOrigin + performance.now());
  writeRecord(bench, {
    ...record,
    leader: undefined,
    intentMs: Number(process.hrtime.bigint() / 1_000_000n),
    copy: { ...record.copy, incarnation: 7, running: true, startedAtMs: now, exit: undefined },
  });
  await using second = await bench.open();
  const [found] = await second.list();
  assert.equal(found?.running, false);
  assert.equal(found?.incarnation, 7, "its number is not given again");
  await launchServing(bench, second, 8);
});

test("H2: a stranger with the pid of a record is left alone", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  const copy = await launchServing(bench, first);
  await first[Symbol.asyncDispose]();
  const record = readRecord(bench, "hello-1");
  assert.ok(record?.leader !== undefined);
  // As if our copy had ended and somebody else had got its pid: the same pid, another start.
  const stale = { pid: record.leader.pid, startTicks: record.leader.startTicks - 500 };
  writeRecord(bench, { ...record, leader: stale, launch: "somebody.else" });
  await using other = await ProcessBench.make();
  renameSync(join(bench.folder, "hello-1"), join(other.folder, "hello-1"));

  await using second = await other.open();
  const [found] = await second.list();
  assert.equal(found?.running, false);
  await second.signal(copy.instance, copy.incarnation, "kill");
  const next = await second.launch(order(other, "hello-1", 2, "serve"));
  await serves(second, next);
  assert.equal(bench.living().length, 1, "the stranger lives");
});

test("H2: a record of another boot speaks of nobody, even when the pid is in use", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  await launchServing(bench, first);
  await first[Symbol.asyncDispose]();
  const record = readRecord(bench, "hello-1");
  assert.ok(record !== undefined);
  await using other = await ProcessBench.make();
  renameSync(join(bench.folder, "hello-1"), join(other.folder, "hello-1"));
  writeRecord(other, { ...record, bootId: "0-0-0-0" });
  await using second = await other.open();
  assert.deepEqual(
    (await second.list()).map((copy) => copy.running),
    [false],
  );
  assert.equal(bench.living().length, 1);
});

for (const [damage, text] of [
  ["torn", '{"schema":1,"copy":{"serv'],
  ["empty", ""],
  ["of another shape", '{"schema":1}'],
] as const) {
  test(`H2: a record that is ${damage} is put aside, and its copy is found all the same`, async () => {
    await using bench = await ProcessBench.make();
    const first = await bench.open();
    const copy = await launchServing(bench, first, 3);
    await first[Symbol.asyncDispose]();
    const path = join(bench.folder, "hello-1", "record.json");
    writeFileSync(path, text);

    await using second = await bench.open();
    const [found] = await second.list();
    assert.ok(found !== undefined);
    assert.ok(Math.abs(found.startedAtMs - copy.startedAtMs) < 2_000);
    assert.deepEqual(found, { ...copy, startedAtMs: found.startedAtMs });
    assert.equal(readFileSync(`${path}.bad`, "utf8"), text);
  });
}

test("H2: copies are found after the folder was removed under them", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  const copy = await launchServing(bench, first);
  await first[Symbol.asyncDispose]();
  rmSync(join(bench.folder, "hello-1"), { recursive: true });
  await using second = await bench.open();
  await using feed = follow(second);
  assert.deepEqual(
    (await second.list()).map(({ instance, pid }) => ({ instance, pid })),
    [{ instance: copy.instance, pid: copy.pid }],
  );
  assert.deepEqual(readRecord(bench, "hello-1")?.log, leftoverLog);
  await second.signal(copy.instance, copy.incarnation, "terminate");
  await feed.exitOf("hello-1", 1);
});

test("H1: what an earlier incarnation left behind is ended when the next agent comes", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  const copy = await launchServing(bench, first);
  await first[Symbol.asyncDispose]();
  const record = readRecord(bench, "hello-1");
  assert.ok(record !== undefined);
  writeRecord(bench, {
    ...record,
    launch: `${record.launch.split(".")[0]}.later`,
    leader: undefined,
    intentMs: 0,
    copy: { ...copy, incarnation: 9, running: false },
  });
  await using second = await bench.open();
  const [found] = await second.list();
  assert.equal(found?.incarnation, 9);
  assert.equal(found?.running, false);
  await eventually("what is left of incarnation 1 ends", () => bench.living().length === 0);
});

test("H3: a rest of a group whose leader died while no agent ran is ended, then told", async () => {
  await using bench = await ProcessBench.make();
  const first = await bench.open();
  const copy = await first.launch(order(bench, "hello-1", 1, "family"));
  await serves(first, copy);
  await first[Symbol.asyncDispose]();
  process.kill(copy.pid ?? 0, "SIGKILL");
  await eventually("the leader is gone", () => bench.living().every(({ pid }) => pid !== copy.pid));
  assert.ok(bench.living().length > 0, "its children live on");

  await using second = await bench.open();
  await using feed = follow(second);
  const ended = await feed.exitOf("hello-1", 1);
  assert.deepEqual(ended.exit, { code: undefined, signal: undefined });
  assert.deepEqual(bench.living(), []);
});

test("H1: a second host on the same folder cannot launch what the first one runs", async () => {
  await using bench = await ProcessBench.make();
  await using first = await bench.open();
  await using second = await bench.open(); // A broken lock: neither knows of the other's launches.
  await launchServing(bench, first);
  await assert.rejects(second.launch(order(bench, "hello-1", 1, "serve")), {
    code: "INSTANCE_EXISTS",
    message: /another agent.*must not share a state folder/,
  });
});
