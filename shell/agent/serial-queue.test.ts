import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { SerialQueue } from "./serial-queue.ts";

test("changes run one after the other, in the order in which they were asked for", async () => {
  const queue = new SerialQueue();
  const story: string[] = [];
  const change = (name: string, gate: Promise<void>) =>
    queue.run(async () => {
      story.push(`${name} begins`);
      await gate;
      story.push(`${name} ends`);
    });
  const first = Promise.withResolvers<void>();
  const both = [change("a", first.promise), change("b", Promise.resolve())];
  await new Promise(setImmediate);
  assert.deepEqual(story, ["a begins"]);
  first.resolve();
  await Promise.all(both);
  assert.deepEqual(story, ["a begins", "a ends", "b begins", "b ends"]);
});

test("a change that fails tells its caller and does not stop the next", async () => {
  const queue = new SerialQueue();
  const failing = queue.run(async () => {
    throw new Error("no");
  });
  const next = queue.run(async () => "yes");
  await assert.rejects(failing, /no/);
  assert.equal(await next, "yes");
});

test("the queue has an end, and says so", async () => {
  const queue = new SerialQueue();
  const gate = Promise.withResolvers<void>();
  const waiting = Array.from({ length: 256 }, () => queue.run(() => gate.promise));
  assert.throws(
    () => queue.run(async () => undefined),
    (error) => ClusterError.is(error, "RUNTIME_UNAVAILABLE") && /256 changes/.test(error.message),
  );
  gate.resolve();
  await Promise.all(waiting);
  assert.equal(await queue.run(async () => 1), 1);
});
