import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import {
  cpuMsOf,
  type ProcessorReading,
  parseMachineStat,
  parseProcessStat,
  readProcessors,
  residentMiB,
  treeOf,
  usageBetween,
} from "./processor-time.ts";

function statLine(pid: number, name: string, parent: number, ticks: readonly number[]): string {
  return `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 12 0 0 0 ${ticks.join(" ")} 20 0 1 0 5`;
}

function reading(
  atMs: number,
  busyMs: number,
  processes: readonly (readonly [pid: number, parent: number, cpuMs: number])[],
): ProcessorReading {
  const records = processes.map(([pid, parent, cpuMs]) => ({ pid, parent, cpuMs }));
  return { atMs, busyMs, stolenMs: 0, processes: records };
}

test("the time of a process is its own and that of its ended children, whatever its name", () => {
  for (const name of ["nginx", "a (b) c", "node) S 7 8", "two words"]) {
    const record = parseProcessStat(statLine(42, name, 7, [100, 20, 3, 4]));
    assert.deepEqual(record, { pid: 42, parent: 7, cpuMs: 1_270 });
  }
});

test("a tree is the roots and all that descend from them, in any order", () => {
  const records = [
    { pid: 30, parent: 20, cpuMs: 4 },
    { pid: 10, parent: 1, cpuMs: 1 },
    { pid: 20, parent: 10, cpuMs: 2 },
    { pid: 11, parent: 1, cpuMs: 8 },
  ];
  assert.deepEqual(
    treeOf(records, [10]).map(({ pid }) => pid),
    [30, 10, 20],
  );
  assert.equal(cpuMsOf(records, [10]), 7);
  assert.equal(cpuMsOf(records, []), 0);
  assert.equal(cpuMsOf(records, [99]), 0);
});

test("a child that ends moves its time to its parent and is not counted twice", () => {
  const before = reading(0, 0, [
    [10, 1, 50],
    [20, 10, 100],
  ]);
  const after = reading(1_000, 130, [[10, 1, 280]]); // 50 + 30 of its own, 200 of the child.
  const parts = { proxy: [10], backend: [], bench: [], others: [] };
  assert.equal(usageBetween(before, after, parts, 2).proxyMs, 130);
});

test("the first line of the machine's statistics is summed without idle time and waiting", () => {
  const text = "cpu  10 20 30 4000 500 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
  assert.deepEqual(parseMachineStat(text), { busyMs: 730, stolenMs: 80 });
});

test("what nobody of ours used is foreign, and generators count for the bench that waits for them", () => {
  // 1 = bench, 10 = proxy with worker 11, 20 = backend, 30 = another subject; a generator has ended.
  const before = reading(0, 1_000, [
    [1, 0, 100],
    [10, 1, 0],
    [11, 10, 500],
    [20, 1, 200],
    [30, 1, 7],
  ]);
  const after = reading(2_000, 5_000, [
    [1, 0, 900],
    [10, 1, 0],
    [11, 10, 2_300],
    [20, 1, 1_100],
    [30, 1, 17],
  ]);
  const parts = { proxy: [10], backend: [20], bench: [1], others: [10, 30] };
  assert.deepEqual(usageBetween(before, after, parts, 2), {
    seconds: 2,
    proxyMs: 1_800,
    backendMs: 900,
    generatorMs: 800,
    foreign: (4_000 - 1_800 - 900 - 800) / 4_000,
  });
});

test("a real process is seen with its processor time and its memory", async () => {
  const child = spawn(process.execPath, [
    "-e",
    "for(let i=0;i<4e8;i++);console.log(1);setInterval(()=>{},1e3)",
  ]);
  try {
    await once(child.stdout, "data");
    const own = readProcessors().processes.find(({ pid }) => pid === child.pid);
    assert.equal(own?.parent, process.pid);
    assert.ok(own.cpuMs > 0, `${own.cpuMs} ms`);
    assert.ok(residentMiB([child.pid ?? 0]) > 10);
  } finally {
    child.kill("SIGKILL");
  }
});
