/**
 * What commands that stay do about an agent that goes away. Another one may take over: that is waited
 * for, once said and not for ever. After `down` nobody will, and there is nothing left to follow.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import { AwayNotice } from "./away-notice.ts";
import type { Client } from "./client.ts";
import { hasEnded } from "./connection.ts";
import type { Invocation } from "./invocation.ts";

const retryMs = 250;
const answerMs = 2_000;
const awayMsMax = 60_000;

export type ReconnectionOptions = {
  /** Shared by streams that lose the agent together. */
  readonly notice?: AwayNotice;
  /** Brings another agent. Left out: somebody else will, and is waited for. */
  readonly revive?: () => Promise<unknown>;
};

export class Reconnection {
  readonly #call: Invocation;
  readonly #notice: AwayNotice;
  readonly #revive: (() => Promise<unknown>) | undefined;
  #wasConnected = false;

  constructor(call: Invocation, options: ReconnectionOptions = {}) {
    this.#call = call;
    this.#notice = options.notice ?? new AwayNotice(call);
    this.#revive = options.revive;
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
        this.#notice.ended();
        return undefined;
      }
      try {
        const client = await call.connect();
        await client.status(answerMs);
        this.#notice.back();
        this.#wasConnected = true;
        return client;
      } catch (error) {
        this.lost(error);
        if (!this.#wasConnected || performance.now() - sinceMs > awayMsMax) throw error;
      }
      this.#notice.away(this.#revive === undefined ? ` Another one: ${call.hint("up")}` : "");
      await this.#revive?.();
      await sleep(retryMs, undefined, { signal: call.signal });
    }
  }

  /** Takes note of a broken stream; anything but a lost agent goes on as a failure. */
  lost(error: unknown): void {
    this.#call.signal.throwIfAborted();
    if (!ClusterError.is(error, "AGENT_UNREACHABLE")) throw error;
  }
}
