/** The experiments themselves, small: a real cluster, real failures, a few hundred users. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Failure, measureFailovers } from "./failover.ts";
import { measureUsers } from "./user-load.ts";

const { signal } = new AbortController();
const say = (): void => {};

describe("the experiments on real processes", () => {
  for (const failure of ["SIGKILL", "SIGSTOP"] satisfies readonly Failure[]) {
    test(`3.4.4: after ${failure} another leader answers, under a newer term, and no old one again`, async () => {
      const options = { kills: 2, perSecond: 150, seed: 4, say, signal };
      const run = await measureFailovers(failure, options);
      assert.equal(run.rounds.length, 2);
      for (const { before, after, terms, totalMs, split } of run.rounds) {
        assert.notEqual(before, after);
        assert.ok(terms >= 1 && totalMs > 0);
        assert.ok(split !== undefined, "the new leader knew the old one");
        const sumMs = split.detectMs + split.electMs + split.exposeMs;
        assert.ok(Math.abs(sumMs - totalMs) < 0.001);
      }
      assert.ok(run.sent > 300, "there was load");
      assert.deepEqual([run.lost, run.stale], [0, 0], run.lostHow.join());
      const answers = run.timeline.reduce((sum, { old, next }) => sum + old + next, 0);
      assert.ok(answers > 0 && run.timeline.some(({ next }) => next > 0));
    });
  }

  test("3.4.3: ten times the users, row by row, and every request is answered", async () => {
    const rows = await measureUsers({ usersMax: 100, requestsMin: 400, say, signal });
    assert.deepEqual(
      rows.map(({ users, answered, failed, isWhole }) => [users, answered, failed, isWhole]),
      [
        [1, 400, 0, true],
        [10, 400, 0, true],
        [100, 400, 0, true],
      ],
    );
    for (const { meanMs, littleMs } of rows) assert.ok((meanMs ?? 0) > 0 && littleMs > 0);
  });

  test("3.4.3: a row that cannot end in time says what was measured until then", async () => {
    const limits = { usersMax: 1, requestsMin: 1_000_000, secondsMax: 0.3 };
    const [row] = await measureUsers({ ...limits, say, signal });
    assert.equal(row?.isWhole, false);
    assert.ok((row?.answered ?? 0) > 0 && (row?.perSecond ?? 0) > 0);
  });
});
