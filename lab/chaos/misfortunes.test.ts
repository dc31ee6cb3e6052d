/**
 * What goes wrong in real life, tried on real clusters through the command that a person types: each
 * misfortune has a clear message, nothing hangs, and nothing is left behind.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ThrowawayCluster } from "./throwaway-cluster.ts";

const quick = "stop: { drainMs: 500, graceMs: 500 }";

const serving = `
import { createServer } from "node:http";
createServer((_, answer) => answer.end("ok")).listen(Number(process.env.PORT), "127.0.0.1");
`;

test("a program that exits at once is parked, and the message says what it said", async () => {
  const program = `console.error("Error: the licence file is missing"); process.exit(3);`;
  await using cluster = await ThrowawayCluster.create({ program, count: 1, service: quick });
  const up = await cluster.run("up", "--timeout", "20000");
  assert.equal(up.code, 5, up.stderr);
  await cluster.until(
    "it is parked",
    60_000,
    async () => (await cluster.replicas())[0]?.phase === "parked",
  );
  const why = await cluster.must("why", "hello-1");
  assert.match(why, /parked/);
  assert.match(why, /code 3/);
  assert.match(why, /licence file is missing/);
  assert.match(why, /restart/);
});

test("a program that never opens its port is said to be so, and not called ready", async () => {
  const program = `setInterval(() => {}, 1000); process.on("SIGTERM", () => process.exit(0));`;
  const service = `health: { path: "/", startupMs: 1500 }, ${quick}`;
  await using cluster = await ThrowawayCluster.create({ program, count: 1, service });
  const up = await cluster.run("up", "--timeout", "4000");
  assert.equal(up.code, 5);
  assert.match(`${up.stderr}${up.stdout}`, /PORT|port|probe|answer/);
  assert.equal((await cluster.replicas())[0]?.ready, false);
});

test("a program that ignores SIGTERM is killed after its grace time", async () => {
  const program = `${serving}process.on("SIGTERM", () => {});`;
  await using cluster = await ThrowawayCluster.create({ program, count: 2, service: quick });
  await cluster.up();
  await cluster.must("scale", "hello", "1");
  await cluster.until(
    "one copy is left",
    60_000,
    () => cluster.census().filter(({ isGateway }) => !isGateway).length === 1,
  );
  assert.match(await cluster.must("events"), /kill/i);
  await cluster.must("down");
  assert.deepEqual(cluster.census(), []);
});

test("a gateway port that is taken is named with who has it, and up again mends it", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 1 });
  const squatter = createServer().listen(cluster.port, "127.0.0.1");
  try {
    const up = await cluster.run("up", "--timeout", "8000");
    assert.notEqual(up.code, 0);
    const said = `${up.stderr}${up.stdout}`;
    assert.match(said, new RegExp(`${cluster.port}`));
    assert.match(said, new RegExp(`pid ${process.pid}`));
  } finally {
    await new Promise((resolve) => squatter.close(resolve));
  }
  await cluster.must("up"); // The port is free now: the same command mends it.
});

test("a log of 50 MB a second fills no disk, and the replica goes on serving", async () => {
  const program = `${serving}
const line = "x".repeat(1023) + "\\n";
const end = Date.now() + 2000;
const flood = () => { for (let i = 0; i < 1000; i++) process.stdout.write(line); if (Date.now() < end) setTimeout(flood, 20); };
flood();`;
  const service = `log: { fileMiB: 1, filesMax: 2 }, ${quick}`;
  await using cluster = await ThrowawayCluster.create({ program, count: 1, service });
  await cluster.up();
  const folder = join(cluster.stateFolder, "instances");
  let most = 0;
  const endAtMs = performance.now() + 2_500;
  while (performance.now() < endAtMs) {
    most = Math.max(most, sizeOf(folder));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal((await fetch(cluster.url)).status, 200);
  assert.ok(most < 64 * 1024 * 1024, `logs took ${most} bytes at most`);
  await cluster.until("logs are small again", 60_000, () => sizeOf(folder) < 8 * 1024 * 1024);
});

test("a full disk is said aloud, and what runs goes on", { skip: canMount() }, async () => {
  await using cluster = await ThrowawayCluster.create({ count: 2 });
  const disk = smallDisk();
  try {
    await cluster.must("up", "--state", disk);
    fill(disk);
    for (let i = 0; i < 20; i++) assert.equal((await fetch(`${cluster.url}/home`)).status, 200);
    const scale = await cluster.run("scale", "hello", "4", "--state", disk, "--timeout", "5000");
    assert.notEqual(scale.code, 0, "a wish that cannot be kept is refused");
    assert.match(`${scale.stderr}${scale.stdout}`, /full/i);
    assert.equal((await fetch(`${cluster.url}/home`)).status, 200);
    rmSync(join(disk, "filler"));
    await cluster.must("scale", "hello", "3", "--state", disk);
    assert.equal((await fetch(`${cluster.url}/home`)).status, 200);
  } finally {
    await cluster.run("down", "--state", disk);
    removeDisk(disk);
  }
});

test("on a full disk a dead replica is replaced, and down ends everything", {
  skip: canMount(),
}, async () => {
  await using cluster = await ThrowawayCluster.create({ count: 2 });
  const disk = smallDisk();
  try {
    await cluster.must("up", "--state", disk);
    fill(disk);
    const victim = cluster.census().find(({ isGateway }) => !isGateway);
    assert.ok(victim !== undefined);
    process.kill(victim.pid, "SIGKILL");
    await cluster.until("the replica is back", 60_000, async () => {
      const { services } = JSON.parse(await cluster.must("status", "--json", "--state", disk));
      return services[0].ready === 2 && !pidsOf(cluster).includes(victim.pid);
    });
    await cluster.must("down", "--state", disk);
    assert.deepEqual(cluster.census(), []);
    assert.equal((await cluster.run("status", "--state", disk)).code, 69);
  } finally {
    await cluster.run("down", "--state", disk);
    removeDisk(disk);
  }
});

test("on a full disk the next agent adopts what runs", {
  skip: canMount(),
}, async () => {
  await using cluster = await ThrowawayCluster.create({ count: 2 });
  const disk = smallDisk();
  try {
    await cluster.must("up", "--state", disk);
    fill(disk);
    const before = pidsOf(cluster);
    const { agent } = JSON.parse(await cluster.must("status", "--json", "--state", disk));
    process.kill(agent.pid, "SIGKILL");
    fill(disk); // What the dead agent kept open is free now.
    await cluster.must("up", "--state", disk);
    assert.deepEqual(pidsOf(cluster), before);
    assert.equal((await fetch(`${cluster.url}/home`)).status, 200);
    await cluster.must("down", "--state", disk);
    assert.deepEqual(cluster.census(), []);
  } finally {
    rmSync(join(disk, "filler"), { force: true });
    await cluster.run("down", "--state", disk);
    removeDisk(disk);
  }
});

test("a state folder of a crashed run is taken over: what runs is adopted, the rest comes back", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 3 });
  await cluster.up();
  const before = cluster.census();
  process.kill(cluster.agentPid, "SIGKILL");
  const victim = before.find(({ isGateway }) => !isGateway);
  assert.ok(victim !== undefined);
  process.kill(victim.pid, "SIGKILL");
  await cluster.up();
  const after = cluster.census();
  assert.equal(after.length, before.length);
  const kept = after.filter(({ pid }) => before.some((one) => one.pid === pid));
  assert.equal(kept.length, before.length - 1, "only the dead one was launched again");
});

test("a second agent on the same folder is refused and names the first", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 1 });
  await cluster.up();
  const entry = fileURLToPath(new URL("../../apps/cli/entries/agent-main.ts", import.meta.url));
  const second = spawnSync(
    process.execPath,
    ["-C", "@prunella/source", entry, "--state", cluster.stateFolder],
    { encoding: "utf8" },
  );
  assert.equal(second.status, 8, second.stderr);
  assert.match(second.stderr, new RegExp(`Another agent \\(pid ${cluster.agentPid}`));
  assert.equal((await fetch(`${cluster.url}/home`)).status, 200);
});

test("two ups at once make one cluster", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 2 });
  const [one, two] = await Promise.all([cluster.run("up"), cluster.run("up")]);
  assert.deepEqual([one.code, two.code], [0, 0], `${one.stderr}${two.stderr}`);
  assert.equal(cluster.census().length, 3);
});

test("a control call without the token learns nothing and changes nothing", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 1, service: quick });
  await cluster.up();
  const { agent } = await cluster.status();
  const calls: readonly (readonly [string, string])[] = [
    ["GET", "/v1/status"],
    ["GET", "/v1/openapi.json"],
    ["POST", "/v1/services/hello/scale"],
    ["POST", "/v1/services/hello/add"],
    ["DELETE", "/v1/services/hello/rm"],
    ["POST", "/v1/down"],
  ];
  for (const [method, path] of calls) {
    for (const authorization of [undefined, "Bearer wrong", "Basic x"]) {
      const headers = {
        "content-type": "application/json",
        ...(authorization && { authorization }),
      };
      const body = method === "GET" ? null : '{"n":1,"count":5}';
      const answer = await fetch(`${agent.url}${path}`, { method, headers, body });
      assert.equal(answer.status, 401, `${method} ${path}`);
      assert.doesNotMatch(await answer.text(), /hello-1|pid/);
    }
  }
  // Without compatibility mode the source's calls are the application's paths, whatever they carry.
  await fetch(`${cluster.url}/add`, { method: "POST", body: '{"n":3}' });
  assert.equal((await cluster.replicas()).length, 1);
});

test("down leaves nothing: no process, no port, and with --purge no file", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 2 });
  await cluster.up();
  process.kill(cluster.agentPid, "SIGKILL"); // Also when no agent is there to ask.
  await cluster.must("down", "--purge");
  assert.deepEqual(cluster.census(), []);
  await assert.rejects(fetch(cluster.url));
  assert.ok(!readdirSync(cluster.folder).includes(".prunella"));
  await cluster.must("down"); // Nothing runs: that is what was asked for.
});

test("a folder that is removed under a living cluster ends it", async () => {
  await using cluster = await ThrowawayCluster.create({ count: 1 });
  await cluster.up();
  rmSync(cluster.stateFolder, { recursive: true });
  await cluster.until("nothing runs", 60_000, () => cluster.census().length === 0);
});

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/** A disk of 3 MiB. */
function smallDisk(): string {
  const disk = mkdtempSync(join(tmpdir(), "prunella-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", disk]);
  return disk;
}

/** To the last byte, also when some of it was filled before. */
function fill(disk: string): void {
  const command = `head -c 4000000 /dev/zero >> ${disk}/filler || true`;
  execFileSync("sh", ["-c", command], { stdio: "ignore" });
}

function removeDisk(disk: string): void {
  execFileSync("umount", ["-l", disk]);
  rmSync(disk, { recursive: true, force: true });
}

function pidsOf(cluster: ThrowawayCluster): readonly number[] {
  return cluster
    .census()
    .map(({ pid }) => pid)
    .toSorted();
}

/** False when a tmpfs can be mounted; otherwise the reason why the test is left out. */
function canMount(): false | string {
  return process.getuid?.() === 0 ? false : "only root may mount a small disk";
}
