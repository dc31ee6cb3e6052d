/**
 * `prunella elect resign` under a load of GETs and POSTs that are each sent once: a planned handover fails
 * none of them, does each POST once, and is over before a client would notice.
 *
 * The gap of a handover lies between the last answer under the old term and the first one under the
 * new: requests wait in the gateway by then, so its end is exact, and its beginning is too early by at
 * most the time between two requests.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Answer, openLoop, type Report } from "../load/open-loop.ts";
import { createElectedCluster, leaderOf, readCounter } from "./elected-cluster.ts";
import { EventTap } from "./event-tap.ts";
import { type Summary, summarize } from "./percentile.ts";
import { claim, type Proof } from "./proof.ts";
import type { ThrowawayCluster } from "./throwaway-cluster.ts";

const answerMsMax = 10_000;
const secondsMax = 3_600;
const gapMsMax = 20;

/** When the first and the last answer under a term came, and what the slowest request since has waited. */
type Reign = { firstMs: number; lastMs: number };

/** Of one handover, in milliseconds. */
type Handover = {
  /** From the last answer of the old leader to the first of the new one. */
  readonly gapMs: number;
  /** Of it, between the agent's news that the old one takes no more and that the new one leads. */
  readonly electMs: number;
};

export const leaderHandover: Proof = {
  name: "leader-handover",
  hypothesis: "A planned handover of an elected service fails no GET and no POST, and takes 20 ms.",
  defaults: { times: 100, rate: 200 },
  run: async ({ times, rate, say }) => {
    await using cluster = await createElectedCluster(3);
    await cluster.up();
    using tap = new EventTap(cluster);
    await leaderOf(cluster);
    const load = new HandoverLoad(cluster, rate);
    const all: Handover[] = [];
    for (let round = 1; round <= times; round++) {
      await delay(randomInt(200, 400));
      all.push(await handOver(cluster, tap, load));
      if (round % 10 === 0) say(`${round} of ${times} handovers, the last ${all.at(-1)?.gapMs} ms`);
    }
    await leaderOf(cluster);
    const { gets, posts, acknowledged } = await load.stop();
    const { increments, repeats } = readCounter(cluster);
    const counted = new Set(increments.map(({ key }) => key));
    const lost = [...acknowledged].filter((key) => !counted.has(key));
    const gap = summarize(all.map(({ gapMs }) => gapMs));
    return {
      name: "leader-handover",
      claims: [
        noFailures("GETs", gets),
        noFailures("POSTs", posts),
        claim(
          "no acknowledged increment is lost",
          lost.length === 0,
          `${lost.length} of ${acknowledged.size}`,
        ),
        claim("none was done twice", repeats.length === 0, repeats.length),
        claim(
          "every increment that was counted was acknowledged",
          counted.size === acknowledged.size,
          `${counted.size} and ${acknowledged.size}`,
        ),
        claim(
          `nobody answers for at most ${gapMsMax} ms, p95`,
          gap.p95 <= gapMsMax,
          `${Math.round(gap.p95 * 10) / 10} ms`,
        ),
      ],
      numbers: {
        handovers: times,
        ...{ gets: gets.sent, posts: posts.sent },
        ...{ gapMsP50: gap.p50, gapMsP95: gap.p95, gapMsMax: gap.max },
        ...electNumbers(summarize(all.map(({ electMs }) => electMs))),
        ...{ getMsP99: gets.latencyMs.p99, postMsP99: posts.latencyMs.p99 },
        ...{ getMsMax: gets.latencyMs.max, postMsMax: posts.latencyMs.max },
      },
    };
  },
};

async function handOver(
  cluster: ThrowawayCluster,
  tap: EventTap,
  load: HandoverLoad,
): Promise<Handover> {
  const { term } = await leaderOf(cluster);
  await cluster.must("elect", "resign");
  const led = await tap.next(
    ({ type, data }) => type === "election.leader" && Number(data["term"]) > term,
    answerMsMax,
  );
  const gapMs = await load.gapAfter(cluster, term);
  return { gapMs, electMs: Number(led.data["leaderlessMs"] ?? 0) };
}

/** Two senders, one of GETs and one of increments; none repeats anything. */
class HandoverLoad {
  readonly #reigns = new Map<number, Reign>();
  readonly #acknowledged = new Set<string>();
  readonly #gets;
  readonly #posts;

  constructor({ url }: ThrowawayCluster, rate: number) {
    const shape = { rate: Math.ceil(rate / 2), connections: 32, seconds: secondsMax };
    const note = (answer: Answer): boolean => this.#note(answer);
    this.#gets = openLoop({ ...shape, url: `${url}/`, onAnswer: note });
    this.#posts = openLoop({
      ...{ ...shape, url: `${url}/increment?key=post-{n}`, method: "POST" },
      onAnswer: (answer) => {
        if (note(answer)) this.#acknowledged.add(`post-${answer.index}`);
      },
    });
  }

  /** How long nobody answered after `term`; waits for the first answer under a later one. */
  async gapAfter(cluster: ThrowawayCluster, term: number): Promise<number> {
    const nextTerm = (): number => Math.min(...this.#terms().filter((each) => each > term));
    await cluster.until("the new leader answers", answerMsMax, () => nextTerm() < Infinity);
    const first = this.#reigns.get(nextTerm())?.firstMs ?? Number.NaN;
    return first - (this.#reigns.get(term)?.lastMs ?? Number.NaN);
  }

  async stop(): Promise<{
    readonly gets: Report;
    readonly posts: Report;
    readonly acknowledged: ReadonlySet<string>;
  }> {
    const [gets, posts] = await Promise.all([this.#gets.stop(), this.#posts.stop()]);
    return { gets, posts, acknowledged: this.#acknowledged };
  }

  #terms(): readonly number[] {
    return [...this.#reigns.keys()];
  }

  #note({ status, headers, doneMs }: Answer): boolean {
    if (status !== 200) return false;
    const term = Number(headers["x-term"]);
    const reign = this.#reigns.get(term);
    if (reign === undefined) this.#reigns.set(term, { firstMs: doneMs, lastMs: doneMs });
    else reign.lastMs = doneMs;
    return true;
  }
}

function noFailures(what: string, { sent, ok, dropped, firstFailures }: Report) {
  const failed = sent - ok + dropped;
  return claim(
    `failed ${what} are 0`,
    failed === 0,
    `${failed} of ${sent} ${firstFailures.join("; ")}`,
  );
}

function electNumbers({ p50, p95, max }: Summary): Readonly<Record<string, number>> {
  return { electMsP50: p50, electMsP95: p95, electMsMax: max };
}
