import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "@prunella/core/kernel";
import { Chance, hashDraw } from "./chance.ts";
import { EventQueue } from "./event-queue.ts";

test("events come by time, and those of one instant in the order in which they were planned", () => {
  const chance = new Chance(7);
  const queue = new EventQueue<{ readonly atMs: number; readonly order: number }>();
  const waiting: { readonly atMs: number; readonly order: number }[] = [];
  for (let order = 0; order < 5_000; order += 1) {
    const event = { atMs: Math.floor(chance.next() * 50), order };
    queue.add(event.atMs, event);
    waiting.push(event);
    if (!chance.happens(0.3)) continue;
    waiting.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    assert.equal(queue.nextAtMs, waiting[0]?.atMs);
    assert.equal(queue.take(), waiting.shift());
  }
  assert.equal(queue.length, waiting.length);
  waiting.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  for (const event of waiting) assert.equal(queue.take(), event);
  assert.equal(queue.take(), undefined);
  assert.equal(queue.nextAtMs, Number.POSITIVE_INFINITY);
});

test("chance is the kernel's generator, carried by an object", () => {
  const chance = new Chance(42);
  let rng = rngFrom(42);
  for (let index = 0; index < 1_000; index += 1) {
    const drawn = draw(rng);
    rng = drawn.rng;
    assert.equal(chance.next(), drawn.value);
  }
});

test("a hashed draw is even, and depends on each of its three numbers", () => {
  const tenths = new Array<number>(10).fill(0);
  let sum = 0;
  for (let a = 0; a < 100; a += 1) {
    for (let b = 0; b < 1_000; b += 1) {
      const value = hashDraw(9, a, b);
      sum += value;
      const tenth = Math.floor(value * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
  }
  assert.ok(Math.abs(sum / 100_000 - 0.5) < 0.01, `mean ${sum / 100_000}`);
  for (const count of tenths) assert.ok(Math.abs(count - 10_000) < 500, `tenths ${tenths}`);
  assert.notEqual(hashDraw(1, 2, 3), hashDraw(2, 2, 3));
  assert.notEqual(hashDraw(1, 2, 3), hashDraw(1, 3, 3));
  assert.notEqual(hashDraw(1, 2, 3), hashDraw(1, 2, 4));
});
