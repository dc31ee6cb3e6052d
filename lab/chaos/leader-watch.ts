/**
 * Asks an elected service at a steady rate and notes, for each term, when the first answer under it came.
 * Requests that wait in the gateway are answered in the moment in which it knows the new leader, so the
 * time of the first answer is as exact as a request is frequent before, not after, the kill.
 */
import { once } from "node:events";
import { type OpenLoop, openLoop, type Report } from "../load/open-loop.ts";
import type { ThrowawayCluster } from "./throwaway-cluster.ts";

const secondsMax = 3_600;

export type FirstAnswer = { readonly term: number; readonly atMs: number };

export class LeaderWatch {
  readonly #load: OpenLoop;
  readonly #news = new EventTarget();
  #newest: FirstAnswer = { term: 0, atMs: 0 };

  constructor(cluster: ThrowawayCluster, rate: number) {
    this.#load = openLoop({
      ...{ url: `${cluster.url}/`, rate, connections: 32, seconds: secondsMax },
      onAnswer: ({ status, headers, doneMs }) => {
        if (status !== 200) return;
        const term = Number(headers["x-term"]);
        if (term <= this.#newest.term) return;
        this.#newest = { term, atMs: doneMs };
        this.#news.dispatchEvent(new Event("term"));
      },
    });
  }

  /** The first answer under a higher term than `term`, on the clock of `performance.now`. */
  async newTerm(term: number, waitMs: number): Promise<FirstAnswer> {
    const signal = AbortSignal.timeout(waitMs);
    while (this.#newest.term <= term) await once(this.#news, "term", { signal });
    return this.#newest;
  }

  async stop(): Promise<Report> {
    return await this.#load.stop();
  }
}
