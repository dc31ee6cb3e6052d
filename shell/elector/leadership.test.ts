import assert from "node:assert/strict";
import { test } from "node:test";
import { Leaderships } from "./leadership.ts";

const notLeader = { code: "NOT_LEADER" };

test("assert throws as soon as the lease is over, though nobody said so (X1)", () => {
  let isGood = true;
  const leaderships = new Leaderships(() => isGood);
  leaderships.begin(1, "1");
  const held = leaderships.current;
  held?.assert();
  isGood = false;
  assert.throws(() => held?.assert(), notLeader);
  assert.equal(held?.signal.aborted, false, "no timer has fired");
});

test("work of one leadership has ended before that of the next begins (X2)", async () => {
  const leaderships = new Leaderships(() => true);
  const stop = new AbortController();
  const order: string[] = [];
  const slow = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const looping = (async () => {
    for await (const { term, signal } of leaderships.each(stop.signal)) {
      order.push(`begin ${term}`);
      begun.resolve();
      if (term === 1) await slow.promise;
      order.push(`end ${term}, ${signal.aborted}`);
      if (term === 3) stop.abort();
    }
  })();
  leaderships.begin(1, "1");
  await begun.promise;
  leaderships.end("resign");
  leaderships.begin(2, "2");
  leaderships.end("lease");
  leaderships.begin(3, "3");
  slow.resolve();
  await looping;
  assert.deepEqual(order, ["begin 1", "end 1, true", "begin 3", "end 3, false"]);
});

test("nothing is started after the end, or while the leadership is handed over (X3, S10)", async () => {
  const leaderships = new Leaderships(() => true);
  leaderships.begin(1, "1");
  const held = leaderships.current;
  const work = Promise.withResolvers<string>();
  const running = held?.run(() => work.promise);
  let isDrained = false;
  const draining = leaderships.drain(60_000).then(() => {
    isDrained = true;
  });
  await assert.rejects(held?.run(() => "late") ?? Promise.resolve(), notLeader);
  assert.equal(held?.handingOver.aborted, true);
  assert.equal(isDrained, false, "a handover waits for what has begun");
  work.resolve("done");
  assert.equal(await running, "done");
  await draining;
  leaderships.end("resign");
  await assert.rejects(held?.run(() => "later") ?? Promise.resolve(), /resign/);
  assert.equal(leaderships.current, undefined);
});

test("a drain ends at its bound even if the work does not", async () => {
  const leaderships = new Leaderships(() => true);
  leaderships.begin(1, "1");
  const work = Promise.withResolvers<void>();
  const running = leaderships.current?.run(() => work.promise);
  await leaderships.drain(5);
  work.resolve();
  await running;
});
