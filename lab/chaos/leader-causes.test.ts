/** Each way to lose a leader, done to real processes, and what people then read about it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { TermRow } from "@prunella/wire/election";
import { createElectedCluster, type Leader, leaderOf, quarantineMs } from "./elected-cluster.ts";
import { kill, type ThrowawayCluster } from "./throwaway-cluster.ts";

const waitMs = 60_000;

async function nextLeader(cluster: ThrowawayCluster, { term }: Leader): Promise<Leader> {
  let next: Leader | undefined;
  await cluster.until("somebody else leads", waitMs, async () => {
    next = await leaderOf(cluster);
    return next.term > term;
  });
  assert.ok(next !== undefined);
  await delay(2 * quarantineMs); // All have a vote again, and know each other.
  return next;
}

/** The row of the term that came after that leader's, and the one before it. */
async function told(cluster: ThrowawayCluster, lost: Leader): Promise<[TermRow, TermRow]> {
  const rows = JSON.parse(await cluster.must("elect", "history", "--json")) as readonly TermRow[];
  const index = rows.findIndex(({ term }) => term === lost.term);
  const [before, after] = [rows[index], rows[index + 1]];
  assert.ok(before !== undefined && after !== undefined);
  for (const { why, to, ending } of rows.slice(0, -1)) assert.ok(why && to && ending);
  const { detectMs, electMs, exposeMs, leaderlessMs } = after;
  const partsMs = (detectMs ?? 0) + (electMs ?? 0) + (exposeMs ?? 0);
  // Null when nobody saw the end.
  assert.ok(leaderlessMs === null || partsMs <= leaderlessMs + 5, `${partsMs} of ${leaderlessMs}`);
  return [before, after];
}

test("history and why tell the true cause of every change of leader", async () => {
  await using cluster = await createElectedCluster(3);
  await cluster.up();
  let leader = await leaderOf(cluster);
  await delay(2 * quarantineMs);
  const lose = async (act: () => unknown): Promise<[TermRow, TermRow]> => {
    leader = await leaderOf(cluster); // A busy machine may have had one more election.
    const lost = leader;
    await act();
    leader = await nextLeader(cluster, lost);
    return await told(cluster, lost);
  };

  const [first, killed] = await lose(() => kill(leader.pid));
  assert.equal(first.why, "start");
  assert.deepEqual([killed.why, killed.proof], ["crash", "exited"]);
  assert.match(first.ending ?? "", /was ended by SIGKILL$/);

  const [frozen, heir] = await lose(async () => {
    const { pid } = leader;
    process.kill(pid, "SIGSTOP");
    await delay(3_000);
    process.kill(pid, "SIGCONT");
  });
  assert.deepEqual([heir.why, heir.proof], ["silence", null]);
  assert.equal(frozen.ending, `nothing was heard of ${frozen.leader}`);
  assert.ok((heir.leaderlessMs ?? 0) >= 500, "the silence counts as time without a leader");

  const [, asked] = await lose(() => cluster.must("elect", "resign"));
  assert.deepEqual([asked.why, asked.proof], ["resign", "resigned"]);

  const [left, taken] = await lose(() => process.kill(leader.pid, "SIGTERM"));
  assert.equal(taken.why, "resign", "a program that stops its election hands over");
  assert.match(left.ending ?? "", /handed over to/);

  const [unseen, found] = await lose(async () => {
    kill(cluster.agentPid);
    kill(leader.pid);
    await delay(2_000);
    await cluster.up();
  });
  assert.equal(found.why, "crash");
  assert.match(unseen.ending ?? "", /ended|runs no more/);

  const [, again] = await lose(async () => {
    for (const pid of [cluster.agentPid, ...cluster.census().map((one) => one.pid)]) kill(pid);
    await cluster.up();
  });
  assert.equal(again.why, "crash");

  const why = await cluster.must("elect", "why");
  assert.match(why, /crash: \S+ (ended|runs no more)/);
  assert.match(why, /without a leader/);
});
