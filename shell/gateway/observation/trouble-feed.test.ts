import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceName } from "@prunella/core/kernel";
import type { DataPathFact } from "./data-path-fact.ts";
import { TroubleFeed } from "./trouble-feed.ts";

function fact(type: DataPathFact["type"], member?: string): DataPathFact {
  return { type, service: serviceName("hello"), member, message: `${type}.` };
}

async function idsAfter(feed: TroubleFeed, id: number): Promise<readonly number[]> {
  return (await feed.after(id, 0)).troubles.map((trouble) => trouble.id);
}

test("a trouble is given until it was taken, in order, and then never again", async () => {
  const feed = new TroubleFeed();
  feed.note(fact("framing-fault", "hello-1"), 1_000);
  feed.note(fact("emptied"), 2_000); // The agent knows.
  feed.note(fact("fail-open"), 3_000);
  const page = await feed.after(0, 0);
  assert.deepEqual(page.troubles[0], {
    id: 1,
    at: "1970-01-01T00:00:01.000Z",
    type: "framing-fault",
    service: "hello",
    member: "hello-1",
    incarnation: null,
    message: "framing-fault.",
  });
  assert.deepEqual(await idsAfter(feed, 0), [1, 2], "an answer that was lost comes again");
  assert.deepEqual(await idsAfter(feed, 1), [2]);
  assert.deepEqual(await idsAfter(feed, 2), []);
  assert.deepEqual(await idsAfter(feed, 0), [], "nor to the next agent");
});

test("who waits is answered with the next trouble, or when the feed closes", async () => {
  const feed = new TroubleFeed();
  const waiting = feed.after(0, 60_000);
  feed.note(fact("ejected", "hello-2"), 0);
  assert.equal((await waiting).troubles.length, 1);
  const last = feed.after(1, 60_000);
  feed.close();
  assert.deepEqual(await last, { troubles: [], missed: 0 });
});

test("G19: nobody asks for long: the oldest go, counted once", async () => {
  const feed = new TroubleFeed();
  for (let n = 0; n < 1_000; n++) feed.note(fact("ejected", `hello-${n}`), n);
  const { troubles, missed } = await feed.after(0, 0);
  assert.deepEqual([troubles.length, troubles[0]?.id, missed], [256, 745, 744]);
  assert.equal((await feed.after(1_000, 0)).missed, 0);
});
