/** The commands against a real agent, real processes and a real gateway: the ordinary life. */
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Workshop } from "./testing/workshop.ts";

test("up, use, hurt, scale and down: the first minute", async () => {
  await using shop = await Workshop.open();
  const up = await shop.run("up");
  assert.equal(up.code, 0, up.stderr);
  assert.match(up.stdout, new RegExp(`http://127\\.0\\.0\\.1:${shop.port}\n`));
  assert.match(up.stdout, /echo-1 .* pid \d+/);
  assert.match(up.stdout, /curl http:.*\n.*kill -9 \d+ .*\n.*why echo-1/);
  assert.match(await shop.ask(), /^echo-[123]$/);
  assert.equal(statSync(join(shop.folder, ".prunella")).mode & 0o777, 0o700);

  const before = await shop.status();
  assert.equal(before.services[0]?.ready, 3);
  const victim = before.services[0]?.instances[0];
  assert.ok(victim?.pid);
  process.kill(victim.pid, "SIGKILL");
  const waited = await shop.run("scale", "4"); // Ready again, and one more.
  assert.equal(waited.code, 0, waited.stderr);
  const why = await shop.run("why", victim.name);
  assert.match(why.stdout, /SIGKILL/);
  assert.match(why.stdout, /healed in \d+ ms/);

  const logs = await shop.run("logs", "echo-2", "-n", "1");
  assert.match(logs.stdout, /echo-2 listens/);
  const events = await shop.run("events", "--json");
  const exits = events.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; instance: string })
    .filter(({ type }) => type === "instance.exited");
  assert.deepEqual(
    exits.map(({ instance }) => instance),
    [victim.name],
  );

  await shop.status();
  const down = await shop.run("down", "--purge");
  assert.equal(down.code, 0, down.stderr);
  assert.deepEqual(shop.leftovers(), []);
  assert.ok(!existsSync(join(shop.folder, ".prunella")));
  assert.match((await shop.run("down")).stderr, /Nothing runs/);
});

test("plan tells what would change and exits with 4 when asked to", async () => {
  await using shop = await Workshop.open();
  const fresh = await shop.run("plan", "--exit-code");
  assert.equal(fresh.code, 4);
  assert.match(fresh.stdout, /\+ create echo/);
  assert.equal((await shop.run("up")).code, 0);
  assert.equal((await shop.run("plan", "--exit-code")).code, 0);
  shop.write({ run: "./server.mjs", count: 4 });
  const changed = await shop.run("plan", "--exit-code");
  assert.equal(changed.code, 4);
  assert.match(changed.stdout, /~ scale echo/);
});
