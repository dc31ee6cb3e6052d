import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Bell } from "./bell.ts";

test("a bell wakes all who wait, once, and whoever gave up waits no more", async () => {
  const bell = new Bell();
  const stop = new AbortController();
  let woken = 0;
  const listeners = [1, 2].map(() => bell.next(stop.signal).then(() => (woken += 1)));
  bell.ring();
  bell.ring();
  await Promise.all(listeners);
  assert.equal(woken, 2);
  const last = bell.next(stop.signal);
  stop.abort();
  await last;
  await bell.next(stop.signal); // Over at once: nobody rings for it any more.
  await bell.nextWithin(60_000, stop.signal);
});

test("a condition is looked at now and at every ring, until it holds", async () => {
  const bell = new Bell();
  const { signal } = new AbortController();
  await bell.until(() => true, signal);
  let looks = 0;
  let count = 0;
  const waiting = bell.until(() => {
    looks += 1;
    return count === 2;
  }, signal);
  for (; count < 2; count++) {
    bell.ring();
    await new Promise(setImmediate);
  }
  bell.ring();
  await waiting;
  assert.equal(looks, 4, "at once, and after each of three rings");
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("waiting for a condition ends with the reason of its signal", async () => {
  const bell = new Bell();
  const stop = new AbortController();
  const waiting = bell.until(() => false, stop.signal);
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(
    bell.until(() => true, stop.signal),
    /enough/,
  );
});
