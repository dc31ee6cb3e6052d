/**
 * Measurements of elections on virtual time: what a failover costs in messages and time, what a
 * member that was cut off costs when it comes back, and who leads after a healed partition.
 */
import { allRules, type Mode, type TimingName } from "@prunella/core/election";
import type { Study } from "../plan.ts";
import { tableOf } from "../study-table.ts";
import { everyLink } from "../swarm.ts";
import { Experiment } from "./experiment.ts";
import type { Setup } from "./setup.ts";

const votersMost = 7;

/** Whoever started the process proves that it has ended, or refused connections have to tell. */
export type Evidence = "proof" | "refused";

/** By then the leader has counted everybody, and vouches for the quorum (I5). */
const countedMs = 350;

/** What a killed leader costs when all survivors know of it at once. */
export function failoverMessages(mode: Mode, nodes: number, seed: number, evidence: Evidence) {
  const voters = mode === "quorum" ? Math.min(votersMost, nodes) : nodes;
  const setup = { mode, voters, leaseBreak: evidence, isSupervised: evidence === "proof" };
  const experiment = new Experiment({ seed, nodes, setup });
  const { world, letters } = experiment;
  experiment.until(() => experiment.agrees(), 10_000, 20);
  if (mode === "quorum") world.run(world.nowMs + countedMs);
  const [leader = 0] = experiment.leaders();
  const terms = experiment.terms();
  letters.clear();
  experiment.harm({
    type: "crash",
    node: leader,
    storage: "kept",
    isHostDown: false,
    forMs: 60_000,
  });
  world.run(world.nowMs + 0.001);
  const tookMs = experiment.until(() => experiment.agrees(), 5_000, 1);
  const count = (...kinds: readonly string[]): number =>
    kinds.reduce((sum, kind) => sum + (letters.get(kind) ?? 0), 0);
  const acks = count("ack");
  const messages =
    count("inquire", "ok", "defer", "live", "vote", "grant", "deny", "resign", "nominate") +
    count("announce");
  return { messages, acks, tookMs, terms: experiment.terms() - terms, all: new Map(letters) };
}

/** One-way messages of a failover in which one candidate stands, without acknowledgements. */
export function expectedMessages(mode: Mode, nodes: number, evidence: Evidence): number {
  if (mode === "available") return 3 * nodes - 5;
  // Proof saves the inquiry (I5).
  if (evidence === "proof") return nodes <= votersMost ? 3 * nodes - 5 : nodes + 9;
  return nodes <= votersMost ? 5 * nodes - 8 : nodes + 20;
}

const cases = [
  ["available", "refused"],
  ["quorum", "refused"],
  ["quorum", "proof"],
] as const;

const messageStudy: Study = {
  name: "messages",
  says: "messages per failover for 3 to 1,000 members",
  run: (say) => {
    const rows = ([3, 5, 7, 10, 20, 50, 100, 500, 1_000] as const).flatMap((nodes) =>
      cases.map(([mode, evidence]) => {
        say(`${mode}, ${nodes} members, ${evidence}`);
        const { messages, acks, tookMs, terms } = failoverMessages(mode, nodes, 1, evidence);
        const expected = expectedMessages(mode, nodes, evidence);
        const counts = { messages, expected, acks, terms, tookMs: Math.round(tookMs) };
        return { mode, evidence, nodes, ...counts };
      }),
    );
    const holds = rows.every(({ messages, expected }) => messages <= expected + 1);
    const formula =
      "expected: 3n-5 available, 5n-8 quorum, n+20 above 7 voters; with proof 3n-5 and n+9";
    return tableOf(rows, holds, `${formula}; one more greets the dead leader, in vain`);
  },
};

/** One leader among very many members: after a cold start, and after the leader was killed. */
export function manyMembers(nodes: number, seed: number) {
  const setup = { mode: "available", isSupervised: false } as const;
  const experiment = new Experiment({ seed, nodes, setup });
  const { world, boundMs } = experiment;
  const startMs = experiment.until(() => experiment.agrees(), 3_000 + boundMs, 20);
  const [leader = 0] = experiment.leaders();
  experiment.harm({
    type: "crash",
    node: leader,
    storage: "kept",
    isHostDown: true,
    forMs: 60_000,
  });
  world.run(world.nowMs + 0.001);
  const failoverMs = experiment.until(() => experiment.leaders().length === 1, 5_000, 5);
  const agreedMs = failoverMs + experiment.until(() => experiment.agrees(), 5_000, 5);
  const leaders = experiment.leaders().length;
  return { startMs, failoverMs, agreedMs, leaders, boundMs, terms: experiment.terms() };
}

const manyStudy: Study = {
  name: "thousand",
  says: "1,000 members without votes: one leader within the bound",
  run: () => {
    const { startMs, failoverMs, agreedMs, leaders, boundMs, terms } = manyMembers(1_000, 1);
    const row = {
      members: 1_000,
      startMs: Math.round(startMs),
      failoverMs: Math.round(failoverMs),
      agreedMs: Math.round(agreedMs),
      boundMs: Math.round(boundMs),
      leaders,
      terms,
    };
    const holds = leaders === 1 && failoverMs <= boundMs && Number.isFinite(startMs);
    return tableOf([row], holds, "the dead leader's host is silent: the slowest way to notice");
  },
};

export type CutShape = "around" | "into" | "out of" | "link to the leader";

/** L6 and L7: a follower is cut off and comes back. Returns the terms that this has cost. */
export function rejoin(
  options: { readonly shape: CutShape; readonly preVote: boolean; readonly mode: Mode },
  seed: number,
): number {
  const { shape, preVote, mode } = options;
  const nodes = 5;
  const switches = { rules: { ...allRules, preVote }, isTokenChecked: true };
  const experiment = new Experiment({ seed, nodes, setup: { mode, timing: "demo" }, switches });
  const { world, stickinessMs } = experiment;
  experiment.until(() => experiment.agrees(), 10_000, 5);
  world.run(world.nowMs + 2 * stickinessMs);
  const [leader = 0] = experiment.leaders();
  const follower = (leader + 1 + (seed % (nodes - 1))) % nodes;
  const isCut: Readonly<Record<CutShape, (a: number, b: number) => boolean>> = {
    around: (a, b) => a === follower || b === follower,
    into: (_, b) => b === follower,
    "out of": (a) => a === follower,
    "link to the leader": (a, b) =>
      (a === follower && b === leader) || (a === leader && b === follower),
  };
  const links = everyLink(nodes).filter(([a, b]) => isCut[shape](a, b));
  const terms = experiment.terms();
  const forMs = stickinessMs * (3 + (seed % 7));
  experiment.harm({ type: "cut", shape, links, forMs });
  world.run(world.nowMs + forMs + 6 * stickinessMs);
  if (!experiment.agrees()) experiment.until(() => experiment.agrees(), 20 * stickinessMs);
  return experiment.terms() - terms;
}

const rejoinStudy: Study = {
  name: "rejoin",
  says: "new terms when a follower was cut off and comes back, with and without pre-vote",
  run: (say) => {
    const shapes: readonly CutShape[] = ["around", "into", "out of", "link to the leader"];
    const rows = shapes.flatMap((shape) =>
      [true, false].map((preVote) => {
        say(`${shape}, ${preVote ? "with" : "without"} pre-vote`);
        let newTerms = 0;
        for (let seed = 1; seed <= 250; seed += 1) {
          try {
            newTerms += rejoin({ shape, preVote, mode: "quorum" }, seed);
          } catch {
            newTerms += 1; // S5: the checkers end a run in which a term was raised alone.
          }
        }
        return { cut: shape, preVote: preVote ? "yes" : "no", heals: 250, newTerms };
      }),
    );
    const holds = rows.every(({ preVote, newTerms }) => preVote === "no" || newTerms === 0);
    return tableOf(rows, holds, "with pre-vote no cut costs a term");
  },
};

/** A lone member elects itself (`viewMin` 1); does the leader of the others survive the heal? */
export function mergeKeepsMajority(seed: number): boolean {
  const nodes = 5;
  const setup: Partial<Setup> = { mode: "available", timing: "demo", viewMin: 1 };
  const experiment = new Experiment({ seed, nodes, setup });
  const { world, stickinessMs } = experiment;
  experiment.until(() => experiment.agrees(), 10_000, 5);
  world.run(world.nowMs + 2 * stickinessMs);
  const [leader = 0] = experiment.leaders();
  const alone = (leader + 1 + (seed % (nodes - 1))) % nodes;
  experiment.isolate(alone, stickinessMs * (6 + (seed % 5)));
  experiment.until(() => experiment.leaders().length === 2, 6 * stickinessMs, 5);
  const wasSplit = experiment.leaders().length === 2;
  world.run(world.nowMs + 12 * stickinessMs);
  experiment.until(() => experiment.agrees(), 20 * stickinessMs, 5);
  return wasSplit && experiment.leaders()[0] === leader;
}

const mergeStudy: Study = {
  name: "merge",
  says: "a lone self-made leader comes back: the majority's leader has to survive",
  run: () => {
    let kept = 0;
    for (let seed = 1; seed <= 500; seed += 1) kept += Number(mergeKeepsMajority(seed));
    return tableOf([{ heals: 500, kept }], kept === 500, "larger view first, then rank");
  },
};

/** The best member is up for 20 s and down for 5 s, for ten minutes: how often the lead moves. */
export function flapping(preempt: Setup["preempt"], seed: number): number {
  const nodes = 3;
  const experiment = new Experiment({ seed, nodes, setup: { preempt, isSupervised: true } });
  const { world } = experiment;
  const best = nodes - 1;
  experiment.until(() => experiment.agrees(), 10_000, 5);
  let last = experiment.leaders()[0];
  let changes = 0;
  for (const endMs = world.nowMs + 600_000; world.nowMs < endMs; ) {
    experiment.harm({
      type: "crash",
      node: best,
      storage: "kept",
      isHostDown: false,
      forMs: 5_000,
    });
    for (const untilMs = world.nowMs + 25_000; world.nowMs < untilMs; ) {
      world.run(world.nowMs + 50);
      const [now] = experiment.leaders();
      if (now === undefined || now === last) continue;
      changes += 1;
      last = now;
    }
  }
  return changes;
}

const flappingStudy: Study = {
  name: "flapping",
  says: "leader changes in ten minutes while the best member restarts every 25 s",
  run: (say) => {
    const rows = (["never", "after-stable", "always"] as const).map((preempt) => {
      say(preempt);
      return { preempt, changes: flapping(preempt, 1) };
    });
    const [never, afterStable] = rows;
    const holds = (never?.changes ?? 9) <= 1 && (afterStable?.changes ?? 9) <= 6;
    return tableOf(
      rows,
      holds,
      "never: once, away from the member that fails; always: classic Bully",
    );
  },
};

export type Loss = "killed, proven" | "killed" | "frozen";

/** L1 and L5: how long one loss leaves the cluster without a leader, and how many terms it takes. */
export function failover(timing: TimingName, loss: Loss, seed: number) {
  const setup = { timing, isSupervised: loss === "killed, proven" };
  const experiment = new Experiment({ seed, nodes: 5, setup });
  const { world, boundMs } = experiment;
  experiment.until(() => experiment.agrees(), 20_000, 5);
  world.run(world.nowMs + experiment.stickinessMs * (1 + (seed % 10) / 10));
  const [leader = 0] = experiment.leaders();
  const terms = experiment.terms();
  const forMs = 100 * experiment.stickinessMs;
  if (loss === "frozen") experiment.harm({ type: "pause", node: leader, forMs });
  else {
    experiment.harm({ type: "crash", node: leader, storage: "kept", isHostDown: false, forMs });
  }
  world.run(world.nowMs + 0.001);
  const isNew = (): boolean => experiment.leaders().some((node) => node !== leader);
  const tookMs = experiment.until(isNew, 4 * boundMs, 1);
  return { tookMs, boundMs, terms: experiment.terms() - terms };
}

const failoverStudy: Study = {
  name: "failover",
  says: "time without a leader by profile and kind of loss, against the bound",
  run: (say) => {
    const rows = (["demo", "lan", "k8s", "safe", "wan"] as const).flatMap((timing) =>
      (["killed, proven", "killed", "frozen"] as const).map((loss) => {
        say(`${timing}, ${loss}`);
        const runs = Array.from({ length: 100 }, (_, index) => failover(timing, loss, index + 1));
        const times = runs.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
        const terms = runs.map((one) => one.terms).sort((a, b) => a - b);
        const at = (list: readonly number[], share: number): number =>
          Math.round(list[Math.floor(share * (list.length - 1))] ?? 0);
        return {
          timing,
          loss,
          p50Ms: at(times, 0.5),
          p95Ms: at(times, 0.95),
          mostMs: at(times, 1),
          boundMs: Math.round(runs[0]?.boundMs ?? 0),
          p95Terms: at(terms, 0.95),
        };
      }),
    );
    const holds = rows.every(({ mostMs, boundMs, p95Terms }) => mostMs <= boundMs && p95Terms <= 2);
    return tableOf(rows, holds, "5 members, 100 runs each, links of 0.2 to 1 ms, disks up to 5 ms");
  },
};

export const studies: readonly Study[] = [
  ...[failoverStudy, messageStudy, manyStudy, rejoinStudy, mergeStudy, flappingStudy],
];
