/** The experiments themselves, small: real clusters, real kills, a few hundred requests. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { countByServer } from "./balance.ts";
import { streamOfA1 } from "./computation.ts";
import { exerciseEndpoints } from "./endpoints.ts";
import { measureFailures } from "./failure.ts";
import { defaultPlacement, givenFunctions } from "./placements.ts";
import { drawIds } from "./request-ids.ts";
import { measureSpread } from "./spread.ts";
import { measureStarts } from "./start-floor.ts";

const seed = 4;
const requests = 120;
const { signal } = new AbortController();
const say = (): void => {};

describe("the experiments on real processes", { concurrency: true }, () => {
  test("A-1, A-2: the given functions alone decide who answers", async () => {
    const { a1, a2 } = await measureSpread(givenFunctions, { requests, seed, say, signal });
    const ids = drawIds(requests, seed, streamOfA1);
    assert.deepEqual(a1.counts, countByServer(ids.map(givenFunctions.owners(3)), 3));
    for (const { servers, counts, lost, diverted } of [a1, ...a2]) {
      assert.deepEqual([lost, diverted], [0, 0], `N = ${servers}`);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        requests,
      );
      assert.ok(counts.length === servers && Math.max(...counts) > 0.7 * requests);
    }
  });

  test("A-3: every endpoint answers as the source wants it", async () => {
    const results = await exerciseEndpoints(say);
    const wrong = results.filter(({ holds }) => !holds);
    assert.deepEqual(wrong, []);
    assert.equal(results.length, 8);
  });

  test("A-3: a killed server comes back under a new name and no request is lost", async () => {
    const options = { kills: 2, perSecond: 150, seed, say, signal };
    const run = await measureFailures(defaultPlacement, options);
    assert.equal(run.lost, 0, run.lostHow.join());
    assert.ok(run.sent > 100, "there was load");
    assert.equal(run.backMs.length, 2);
    assert.ok(run.backMs.every((ms) => ms > 0 && ms < 20_000));
    assert.equal(run.meanwhile[0], 0, "nobody else speaks for the dead");
    assert.ok((run.meanwhile[1] ?? 0) + (run.meanwhile[2] ?? 0) > 0, "somebody inherits");
  });

  test("the server starts by itself, too", async () => {
    const startsMs = await measureStarts(2, signal);
    assert.ok(startsMs.length === 2 && startsMs.every((ms) => ms > 0));
  });
});
