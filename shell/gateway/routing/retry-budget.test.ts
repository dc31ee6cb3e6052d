import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget } from "./retry-budget.ts";

function spendAll(budget: RetryBudget, nowMs: number): number {
  let count = 0;
  while (budget.spend(nowMs)) count += 1;
  return count;
}

test("a quiet service may retry ten times at once, then once a second", () => {
  const budget = new RetryBudget(0);
  assert.equal(spendAll(budget, 0), 10);
  assert.equal(spendAll(budget, 999), 0);
  assert.equal(spendAll(budget, 3_000), 3);
  assert.equal(spendAll(budget, 1_000_000), 10, "the bucket has a bottom and a brim");
});

test("traffic earns a tenth of itself, and at most a tenth of the last ten seconds is kept", () => {
  const budget = new RetryBudget(0);
  for (let n = 0; n < 5_000; n++) budget.earn(n * 2);
  assert.ok(Math.abs(budget.tokens(10_000) - 500) < 60, `${budget.tokens(10_000)}`);
  for (let second = 11; second < 40; second++) budget.tokens(second * 1_000);
  assert.equal(budget.tokens(40_000), 10, "what was earned long ago is gone");
});

// Goal: G10, over any ten seconds of an outage that lasts, retries stay within a tenth and a floor.
test("a lasting outage costs a tenth of the traffic and a constant", () => {
  const budget = new RetryBudget(0);
  const retriesBySecond: number[] = [];
  for (let second = 0; second < 60; second++) {
    let retries = 0;
    for (let n = 0; n < 200; n++) {
      const nowMs = second * 1_000 + n * 5;
      budget.earn(nowMs);
      if (budget.spend(nowMs)) retries += 1;
    }
    retriesBySecond.push(retries);
  }
  for (let from = 0; from + 10 <= 60; from++) {
    const sum = retriesBySecond.slice(from, from + 10).reduce((a, b) => a + b, 0);
    assert.ok(sum <= 200 + 20, `${sum} retries for 2,000 requests from second ${from}`);
    assert.ok(sum >= 100, "otherwise this shows nothing");
  }
});
