/** `paper` hands over to the lab: its words, its answers, its end. The experiments have tests there. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { prunella } from "./testing/command-run.ts";

test("a paper that nobody wrote, and numbers out of range, are refused before anything starts", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-paper-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const unknown = await prunella({ folder }, "paper", "webshop");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /There is no paper "webshop"\. Papers: balancer, fortune\./);
  const small = await prunella({ folder }, "paper", "balancer", "--requests", "9");
  assert.equal(small.code, 2);
  assert.match(small.stderr, /Give a whole number from 100 to 1000000/);
  const many = await prunella({ folder }, "paper", "fortune", "--users-max", "1000001");
  assert.equal(many.code, 2);
  assert.match(many.stderr, /Give a whole number from 1 to 1000000/);
  const foreign = await prunella({ folder }, "paper", "fortune", "--requests", "500");
  assert.equal(foreign.code, 2);
  assert.match(foreign.stderr, /Unknown option '--requests'/);
});
