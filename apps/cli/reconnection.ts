/**
 * What commands that stay do about an agent that goes away. Another one may take over: that is waited
 * for, once said and not for ever. After `down` nobody will, and there is nothing left to follow.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import type { Client } from "./client.ts";
import { hasEnded } from "./connection.ts";
import type { Invocation } from "./invocation.ts";

const retryMs = 250;
const answerMs = 2_000;
const awayMsMax = 60_000;

export class Reconnection {
  readonly #call: Invocation;
  readonly #revive: (() => Promise<unknown>) | undefined;
  #wasConnected = false;
  #isAwayTold = false;

  /** @param revive - Brings another agent. Left out: somebody else will, and is waited for. */
  constructor(call: Invocation, revive?: () => Promise<unknown>) {
    this.#call = call;
    this.#revive = revive;
  }

  /**
   * A client of an agent that answers; undefined when the cluster has ended.
   *
   * @throws ClusterError `AGENT_UNREACHABLE`: at once the first time, later after a minute.
   */
  async next(): Promise<Client | undefined> {
    const call = this.#call;
    const sinceMs = performance.now();
    for (;;) {
      call.signal.throwIfAborted();
      if (this.#wasConnected && (await hasEnded(call.place.stateFolder))) {
        call.say("The cluster has ended.");
        return undefined;
      }
      try {
        const client = await call.connect();
        await client.status(answerMs);
        if (this.#isAwayTold) call.say("The agent is back.");
        this.#isAwayTold = false;
        this.#wasConnected = true;
        return client;
      } catch (error) {
        this.lost(error);
        if (!this.#wasConnected || performance.now() - sinceMs > awayMsMax) throw error;
      }
      this.#tellAway();
      await this.#revive?.();
      await sleep(retryMs, undefined, { signal: call.signal });
    }
  }

  #tellAway(): void {
    const remedy = this.#revive === undefined ? ` Another one: ${this.#call.hint("up")}` : "";
    if (!this.#isAwayTold) this.#call.say(`The agent is away; what runs goes on.${remedy}`);
    this.#isAwayTold = true;
  }

  /** Takes note of a broken stream; anything but a lost agent goes on as a failure. */
  lost(error: unknown): void {
    this.#call.signal.throwIfAborted();
    if (!ClusterError.is(error, "AGENT_UNREACHABLE")) throw error;
  }
}
