/** Listens to the events of a cluster and tells when something happened, to the millisecond. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterEvent } from "@prunella/wire/control";
import type { ThrowawayCluster } from "./throwaway-cluster.ts";

export class EventTap implements Disposable {
  readonly #events: ClusterEvent[] = [];
  readonly #stop = new AbortController();
  #wake: () => void = () => {};

  constructor(cluster: ThrowawayCluster) {
    void this.#follow(cluster.stateFolder);
  }

  /** The first event that fits, seen already or to come; fails after `waitMs`. */
  async next(fits: (event: ClusterEvent) => boolean, waitMs: number): Promise<ClusterEvent> {
    const endAtMs = performance.now() + waitMs;
    for (;;) {
      const found = this.#events.find(fits);
      if (found !== undefined) return found;
      const leftMs = endAtMs - performance.now();
      if (leftMs <= 0)
        throw new Error(`no such event within ${waitMs} ms; last: ${this.#lastWords()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The first of those that were seen so far that fits. */
  seen(fits: (event: ClusterEvent) => boolean): ClusterEvent | undefined {
    return this.#events.find(fits);
  }

  /** How many of those that were seen so far fit. */
  count(fits: (event: ClusterEvent) => boolean): number {
    return this.#events.filter(fits).length;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #follow(stateFolder: string): Promise<void> {
    const agent = JSON.parse(readFileSync(join(stateFolder, "agent.json"), "utf8"));
    const token = readFileSync(join(stateFolder, "token"), "utf8").trim();
    try {
      const answer = await fetch(`${agent.url}/v1/events?follow=true`, {
        headers: { authorization: `Bearer ${token}` },
        signal: this.#stop.signal,
      });
      let rest = "";
      for await (const text of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        const lines = `${rest}${text}`.split("\n");
        rest = lines.pop() ?? "";
        this.#events.push(...lines.map((line) => JSON.parse(line) as ClusterEvent));
        this.#wake();
      }
    } catch {
      // Disposed, or the agent died: `next` says what it waited for.
    }
  }

  #lastWords(): string {
    return this.#events
      .slice(-5)
      .map(({ type, message }) => `${type}: ${message}`)
      .join(" | ");
  }
}
