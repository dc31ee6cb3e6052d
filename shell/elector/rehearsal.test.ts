import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "./rehearsal.ts";

test("a rehearsal goes through an election and a failover, again and again", () => {
  for (let time = 0; time < 3; time += 1) {
    const [first = 0, second = 0] = rehearse();
    assert.ok(first > 0 && second > first, `${first}, ${second}`);
  }
});
