/** `kill -9` of the leader under load: how long until its successor answers, and where the time goes. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { createElectedCluster, type Leader, leaderOf, quarantineMs } from "./elected-cluster.ts";
import { EventTap } from "./event-tap.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { type Summary, summarize } from "./percentile.ts";
import { type Claim, claim, type Proof } from "./proof.ts";
import { kill } from "./throwaway-cluster.ts";

const answerMsMax = 10_000;

type Bounds = { readonly p50Ms: number; readonly p95Ms: number };

/** Of one kill, in milliseconds after it. */
type Stages = {
  /** The agent knows that the process has ended. */
  readonly detectMs: number;
  /** From then until the agent was told who leads. */
  readonly electMs: number;
  /** From then until a client was answered by it. */
  readonly exposeMs: number;
  readonly totalMs: number;
};

export const leaderKill: Proof = {
  name: "leader-kill",
  hypothesis: "A killed leader of three is replaced within 30 ms, and no GET fails.",
  defaults: { times: 200, rate: 100 },
  run: ({ times, rate, say }) =>
    killLeaders({
      ...{ name: "leader-kill", count: 3, options: "", times, rate, say },
      bounds: { p50Ms: 30, p95Ms: 60 },
    }),
};

export const leaderKill5: Proof = {
  name: "leader-kill-5",
  hypothesis: "The same with five members; its time is reported.",
  defaults: { times: 50, rate: 100 },
  run: ({ times, rate, say }) =>
    killLeaders({ name: "leader-kill-5", count: 5, options: "", times, rate, say }),
};

/** A quorum has seven voters at most, so nine elect by a locked file. */
export const leaderKill9: Proof = {
  name: "leader-kill-9",
  hypothesis: "The same with nine members, by an arbiter; its time is reported.",
  defaults: { times: 30, rate: 100 },
  run: ({ times, rate, say }) =>
    killLeaders({
      ...{ name: "leader-kill-9", count: 9, options: 'mode: "arbiter",', times, rate, say },
    }),
};

async function killLeaders(experiment: {
  readonly name: string;
  readonly count: number;
  readonly options: string;
  readonly times: number;
  readonly rate: number;
  readonly bounds?: Bounds;
  readonly say: (line: string) => void;
}) {
  const { name, count, options, times, rate, bounds, say } = experiment;
  await using cluster = await createElectedCluster(count, options);
  await cluster.up();
  using tap = new EventTap(cluster);
  let leader = await leaderOf(cluster);
  const watch = new LeaderWatch(cluster, rate);
  const all: Stages[] = [];
  for (let round = 1; round <= times; round++) {
    all.push(await killOnce(leader, tap, watch));
    leader = await leaderOf(cluster, leader);
    if (round % 10 === 0) say(`${round} of ${times} kills, the last ${all.at(-1)?.totalMs} ms`);
  }
  const load = await watch.stop();
  const failedLaunches = tap.count(({ type }) => type === "instance.launch-failed");
  const total = summarize(all.map(({ totalMs }) => totalMs));
  const failed = load.sent - load.ok + load.dropped;
  return {
    name,
    claims: [
      ...timeClaims(total, bounds),
      claim(
        "failed GETs are 0",
        failed === 0,
        `${failed} of ${load.sent} ${load.firstFailures.join("; ")}`,
      ),
      claim("each dead member was started again at once", failedLaunches === 0, failedLaunches),
    ],
    numbers: {
      kills: times,
      sent: load.sent,
      failed,
      ...{ firstMsP50: total.p50, firstMsP95: total.p95, firstMsMax: total.max },
      ...numbersOf("detect", summarize(all.map(({ detectMs }) => detectMs))),
      ...numbersOf("elect", summarize(all.map(({ electMs }) => electMs))),
      ...numbersOf("expose", summarize(all.map(({ exposeMs }) => exposeMs))),
    },
  };
}

async function killOnce(leader: Leader, tap: EventTap, watch: LeaderWatch): Promise<Stages> {
  await delay(quarantineMs + randomInt(100, 200));
  const killedAtMs = performance.now();
  const killedAtWallMs = performance.timeOrigin + killedAtMs;
  kill(leader.pid);
  const first = await watch.newTerm(leader.term, answerMsMax);
  const led = await tap.next(
    ({ type, data }) => type === "election.leader" && Number(data["term"]) > leader.term,
    answerMsMax,
  );
  // None when the agent heard of the next leader before it saw that the old one had ended.
  const lost = tap.seen(
    ({ type, data }) => type === "election.leaderless" && data["term"] === leader.term,
  );
  const lostAtMs = Date.parse((lost ?? led).at) - killedAtWallMs;
  const ledAtMs = Date.parse(led.at) - killedAtWallMs;
  const totalMs = first.atMs - killedAtMs;
  return { detectMs: lostAtMs, electMs: ledAtMs - lostAtMs, exposeMs: totalMs - ledAtMs, totalMs };
}

function timeClaims({ p50, p95 }: Summary, bounds: Bounds | undefined): readonly Claim[] {
  if (bounds === undefined) return [];
  const { p50Ms, p95Ms } = bounds;
  return [
    claim(`first answer of the new leader, p50 <= ${p50Ms} ms`, p50 <= p50Ms, `${round(p50)} ms`),
    claim(`and p95 <= ${p95Ms} ms`, p95 <= p95Ms, `${round(p95)} ms`),
  ];
}

function numbersOf(stage: string, { p50, p95 }: Summary): Readonly<Record<string, number>> {
  return { [`${stage}MsP50`]: p50, [`${stage}MsP95`]: p95 };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
