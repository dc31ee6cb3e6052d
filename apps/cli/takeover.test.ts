/** What the commands do about agents that die, and about each other. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RunningCommand } from "./testing/command-run.ts";
import { pidsOf, Workshop } from "./testing/workshop.ts";

test("a dead agent: traffic goes on, up adopts, and down leaves nothing behind without it", async () => {
  await using shop = await Workshop.open();
  assert.equal((await shop.run("up")).code, 0);
  const before = await shop.status();
  process.kill(shop.agentPid, "SIGKILL");
  assert.equal((await shop.run("status")).code, 69);
  assert.match(await shop.ask(), /^echo-/);

  const again = await shop.run("up", "--json");
  assert.equal(again.code, 0, again.stderr);
  const after = await shop.status();
  assert.deepEqual(pidsOf(after), pidsOf(before)); // Adopted: nothing was restarted or doubled.

  process.kill(shop.agentPid, "SIGKILL");
  const down = await shop.run("down");
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(shop.leftovers(), []);
});

test("two commands that start the cluster at the same moment share one agent", async () => {
  await using shop = await Workshop.open();
  const both = await Promise.all([shop.run("up"), shop.run("up")]);
  for (const { code, stderr } of both) assert.equal(code, 0, stderr);
  const status = await shop.status();
  assert.equal(pidsOf(status).length, 4);
  assert.equal(new Set(pidsOf(status)).size, 4);
});

test("down while up is at work wins: it waits for the agent that is starting, and up says so", async () => {
  await using shop = await Workshop.open();
  // It never listens: however late `down` comes, `up` is still at work.
  writeFileSync(join(shop.folder, "mute.mjs"), "setInterval(() => {}, 1_000);");
  shop.write({ run: "./mute.mjs", count: 3, stop: { drainMs: 0, graceMs: 500 } });
  await using up = new RunningCommand(shop, ["up"]);
  const stateFolder = join(shop.folder, ".prunella");
  const notes = () =>
    existsSync(stateFolder)
      ? readdirSync(stateFolder).filter((name) => name.startsWith("agent-launch"))
      : [];
  await up.until(() => notes().length > 0, "the launch of an agent");
  const down = await shop.run("down");
  assert.equal(down.code, 0, down.stderr);
  assert.doesNotMatch(down.stderr, /Nothing runs/);
  const { code, stderr } = await up.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /was ended by `prunella down` meanwhile/);
  assert.equal((await shop.run("status")).code, 69);
  assert.deepEqual(notes(), []);
  await assert.rejects(shop.ask());
});

test("a foreground cluster replaces a dead agent and ends with its command", async () => {
  await using shop = await Workshop.open();
  await using command = new RunningCommand(shop, ["up", "--foreground"]);
  await command.until(() => command.stderr.includes("Ctrl-C ends"), "up");
  const first = shop.agentPid;
  await shop.status();
  process.kill(first, "SIGKILL");
  await command.until(() => command.stderr.includes("The agent is back"), "the next agent");
  assert.notEqual(shop.agentPid, first);
  await shop.status();
  command.child.kill("SIGINT");
  assert.equal((await command.ended).code, 130);
  assert.deepEqual(shop.leftovers(), []);
});
