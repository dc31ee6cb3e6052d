/**
 * Strangers at the election ports: they forge, they replay, and they hold on to connections while
 * leaders are killed. They may read every word on the network and have every thing but the key.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Authenticator } from "../../shell/elector/authentication/authenticator.ts";
import {
  Flood,
  forgeries,
  post,
  recorded,
  type Shot,
} from "../../shell/elector/testing/stranger.ts";
import { createElectedCluster, leaderOf, quarantineMs } from "./elected-cluster.ts";
import { type Elector, electorsOf, keysOf, statusOf } from "./elector-ports.ts";
import { EventTap } from "./event-tap.ts";
import { summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import { kill, type ThrowawayCluster } from "./throwaway-cluster.ts";

const electMsMax = 15_000;
const boundMs = 5_000;
const floodedCount = 1_000;
/** More than the window in which messages may overtake each other. */
const recordedCount = 70;
const termsAhead = 1_000_000;

export const leaderStrangers: Proof = {
  name: "leader-strangers",
  hypothesis:
    "Somebody on the network without the key cannot lead, depose, replay an old message, or stop elections from ending.",
  defaults: { times: 20, rate: 0 },
  run: async ({ times, say }) => {
    await using cluster = await createElectedCluster(3);
    await cluster.up();
    using tap = new EventTap(cluster);
    const tally = new Tally();
    await forgeToAll(cluster, tally);
    say(`forged: ${tally.attempts} attempts, ${tally.refused} refused`);
    await replayToAll(cluster, tally);
    say(`replayed as well: ${tally.attempts} attempts, ${tally.refused} refused`);
    const alone = await killLeaders(cluster, tap, times);
    say(`${times} leaders were killed without strangers`);
    using flood = new Flood(() => electorsOf(cluster).map(({ port }) => port));
    await cluster.until("the ports are flooded", electMsMax, () => {
      return flood.openedCount >= floodedCount;
    });
    const besieged = await killLeaders(cluster, tap, times);
    say(`${times} leaders were killed among ${flood.openedCount} connections of strangers`);
    const quiet = summarize(alone);
    const loud = summarize(besieged);
    return {
      name: "leader-strangers",
      claims: [
        claim(
          "everything forged or replayed was refused",
          tally.refused === tally.attempts,
          `${tally.refused} of ${tally.attempts} ${tally.taken.join("; ")}`,
        ),
        claim("terms, leaders and lives that it changed: 0", tally.changes === 0, tally.changes),
        claim(
          "elections ended, flooded or not",
          alone.length === times && besieged.length === times,
          `${alone.length + besieged.length} of ${2 * times}`,
        ),
        claim(
          `each election under the flood ended within ${boundMs} ms`,
          loud.max <= boundMs,
          `${Math.round(loud.max)} ms`,
        ),
      ],
      numbers: {
        ...tally.byKind,
        connections: flood.openedCount,
        ...{ aloneMsP50: quiet.p50, aloneMsP95: quiet.p95 },
        ...{ floodedMsP50: loud.p50, floodedMsP95: loud.p95, floodedMsMax: loud.max },
      },
    };
  },
};

/** What was tried, and what came of it. */
class Tally {
  readonly byKind: Record<string, number> = {};
  readonly taken: string[] = [];
  attempts = 0;
  changes = 0;

  get refused(): number {
    return this.attempts - this.taken.length;
  }

  async fire(target: Elector, shot: Shot): Promise<void> {
    this.attempts += 1;
    this.byKind[shot.kind] = (this.byKind[shot.kind] ?? 0) + 1;
    const { status } = await post(target, shot);
    if (status >= 200 && status < 300) this.taken.push(`${shot.kind} at ${shot.path}`);
  }
}

/** Counts what changes meanwhile on any member. */
async function watched(
  cluster: ThrowawayCluster,
  tally: Tally,
  attack: (electors: readonly Elector[], term: number) => Promise<void>,
): Promise<void> {
  const { term } = await leaderOf(cluster);
  const electors = electorsOf(cluster);
  await cluster.until("all follow the leader", electMsMax, async () => {
    const all = await Promise.all(electors.map(statusOf));
    return all.every(({ leader }) => leader?.term === term);
  });
  const before = await Promise.all(electors.map(statusOf));
  await attack(electors, term);
  await delay(2 * quarantineMs); // Whatever was believed would show by now.
  const after = await Promise.all(electors.map(statusOf));
  tally.changes += after.filter((now, index) => facts(now) !== facts(before[index])).length;
}

function facts(status: Awaited<ReturnType<typeof statusOf>> | undefined): string {
  return JSON.stringify([status?.boot, status?.term, status?.leader]);
}

async function forgeToAll(cluster: ThrowawayCluster, tally: Tally): Promise<void> {
  await watched(cluster, tally, async (electors, term) => {
    for (const target of electors) {
      const { kid } = keysOf(target).signing;
      for (const { id: from } of electors) {
        const about = { cluster: target.cluster, from, to: target.id, kid };
        for (const forged of [term, term + 1, term + termsAhead]) {
          for (const shot of forgeries({ ...about, term: forged })) await tally.fire(target, shot);
        }
      }
    }
  });
}

/** An operator has asked each leader in turn to resign, and somebody has written that down. */
async function replayToAll(cluster: ThrowawayCluster, tally: Tally): Promise<void> {
  const leader = await leaderOf(cluster);
  const target = electorsOf(cluster).find(({ id }) => id === leader.name);
  if (target === undefined) throw new Error("the leader has no election port");
  const order = await recorded(target, voiceOf(target, "operator-1"), {
    ...{ role: "operator", path: "/election/resign", body: '{"drainMs":500}', count: 1 },
  });
  await cluster.until("it has resigned", electMsMax, async () => {
    return (await leaderOf(cluster)).term > leader.term;
  });
  const recall = { kind: "recall", nonce: 1 };
  const voice = voiceOf(target, "recorder-1");
  const said = await recorded(target, voice, {
    ...{ role: "member", path: "/receive_election", count: recordedCount },
    body: envelope(target, voice.boot, "recorder-1", recall),
  });
  await cluster.must("elect", "resign", "--to", target.id); // What was recorded would hurt again.
  const sendAgain = async (electors: readonly Elector[], when: string): Promise<void> => {
    for (const shot of [...order, ...said]) {
      for (const other of electors) {
        const whom = other.id === target.id ? "" : "Elsewhere";
        await tally.fire(other, { ...shot, kind: `replayed${when}${whom}` });
      }
    }
  };
  await watched(cluster, tally, (electors) => sendAgain(electors, "AtOnce"));
  const { pid } = await leaderOf(cluster);
  kill(pid);
  await cluster.until("the target lives again", electMsMax, async () => {
    return (await leaderOf(cluster)).pid !== pid;
  });
  await watched(cluster, tally, (electors) => sendAgain(electors, "AfterRestart"));
}

type Voice = Authenticator & { readonly boot: string };

function voiceOf(target: Elector, id: string): Voice {
  const boot = `lab-${randomBytes(8).toString("hex")}`;
  const identity = { cluster: target.cluster, id, boot };
  return Object.assign(new Authenticator({ identity, keys: keysOf(target) }), { boot });
}

function envelope({ cluster, id: to }: Elector, boot: string, id: string, message: object): string {
  return JSON.stringify({ v: 2, cluster, from: { id, boot }, to, message });
}

/** How long each election took, from the kill until the agent was told who leads. */
async function killLeaders(
  cluster: ThrowawayCluster,
  tap: EventTap,
  times: number,
): Promise<readonly number[]> {
  const tookMs: number[] = [];
  for (let round = 0; round < times; round++) {
    const leader = await leaderOf(cluster);
    await delay(quarantineMs);
    const killedAtMs = Date.now();
    kill(leader.pid);
    const led = await tap.next(
      ({ type, data }) => type === "election.leader" && Number(data["term"]) > leader.term,
      electMsMax,
    );
    tookMs.push(Date.parse(led.at) - killedAtMs);
  }
  return tookMs;
}
