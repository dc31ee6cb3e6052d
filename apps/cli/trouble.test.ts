/** What the commands say when a cluster cannot be what its file asks for. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Workshop } from "./testing/workshop.ts";

test("what cannot serve is told at once, with exit code 5 and the next command", async () => {
  await using shop = await Workshop.open();
  shop.write({ run: ["sh", "-c", "echo no database; exit 3"], count: 1 });
  const crashing = await shop.run("up");
  assert.equal(crashing.code, 5);
  assert.match(crashing.stderr, /echo-1 {2}parked .*no database/);
  assert.match(crashing.stderr, /next {2}.*why echo-1/);

  shop.write({ run: "./server.mjs", count: 1 });
  const mended = await shop.run("up");
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(mended.stderr, /restart echo/);
});

test("a taken port is named together with who has it", async () => {
  await using shop = await Workshop.open();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(shop.port, "127.0.0.1", resolve));
  const { code, stderr } = await shop.run("up");
  await new Promise((resolve) => other.close(resolve));
  assert.equal(code, 5);
  assert.match(stderr, new RegExp(`port ${shop.port}.*pid ${process.pid}`));
  const again = await shop.run("up"); // Tries at once what was given up.
  assert.equal(again.code, 0, again.stderr);
});

test("a cluster file with a mistake starts nothing and exits with 3", async () => {
  await using shop = await Workshop.open();
  shop.write({ run: "./server.mjs", count: "three" });
  for (const verb of ["up", "plan", "doctor"]) {
    const { code, stderr } = await shop.run(verb);
    assert.equal(code, 3, verb);
    assert.match(stderr, /cluster\.yaml:1:\d+: services\.echo\.count must be a whole number/);
  }
  assert.ok(!existsSync(join(shop.folder, ".prunella")));
});
