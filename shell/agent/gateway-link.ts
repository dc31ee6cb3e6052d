/**
 * The agent's side of one gateway: pushes the newest view until the gateway has it, and asks when a
 * member has no request in flight any more.
 *
 * Level-triggered: `offer` says what the newest view is; the link sends whatever is newest when it
 * gets through, so a gateway that was away for a minute gets one view and not sixty.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import { Bell } from "@prunella/driver";
import { readJson } from "@prunella/store";
import { authorization } from "@prunella/wire/token";
import type { View } from "@prunella/wire/view";

const retryMsMin = 20;
const retryMsMax = 1_000;
const pushTimeoutMs = 2_000;

/** What a gateway process writes once it listens. */
type Announcement = { readonly pid: number; readonly adminUrl: string };

export type GatewayLinkOptions = {
  readonly announceFile: string;
  readonly token: string;
  /** The gateway took a view. */
  readonly onChange: () => void;
  readonly onRefused: (why: string) => void;
};

export class GatewayLink {
  readonly #options: GatewayLinkOptions;
  readonly #news = new Bell();
  #view: View | undefined;
  #pid: number | undefined;
  #adminUrl: string | undefined;
  #acknowledged: { readonly pid: number; readonly version: number } | undefined;
  #sending = false;
  #refusal: string | undefined;

  constructor(options: GatewayLinkOptions) {
    this.#options = options;
  }

  /** Version of the newest view that the running gateway process applied. */
  get acknowledged(): number | undefined {
    return this.#acknowledged?.pid === this.#pid ? this.#acknowledged?.version : undefined;
  }

  get isRunning(): boolean {
    return this.#pid !== undefined;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** Its metrics in Prometheus text; undefined when it does not answer. */
  async metrics(): Promise<string | undefined> {
    const adminUrl = await this.#findAdmin();
    if (adminUrl === undefined) return undefined;
    try {
      const answer = await fetch(`${adminUrl}/metrics`, {
        headers: { authorization: authorization(this.#options.token) },
        signal: AbortSignal.timeout(pushTimeoutMs),
      });
      const text = await answer.text();
      return answer.ok ? text : undefined;
    } catch {
      return undefined; // Gone or restarting; the caller shows that it did not answer.
    }
  }

  /** Tells the link which process is the gateway now and which view it should have. */
  offer(view: View, pid: number | undefined, signal: AbortSignal): void {
    const isNews = view.version !== this.#view?.version || pid !== this.#pid;
    this.#view = view;
    if (pid !== this.#pid) {
      this.#pid = pid;
      this.#adminUrl = undefined;
    }
    if (isNews) this.#news.ring();
    if (!this.#sending && this.#isBehind()) void this.#send(signal);
  }

  /** Resolves when the member has no request in flight, when the gateway has gone, or after `waitMs`. */
  async drained(instance: InstanceName, incarnation: number, waitMs: number): Promise<void> {
    const endAtMs = performance.now() + waitMs;
    for (;;) {
      const leftMs = Math.floor(endAtMs - performance.now());
      const adminUrl = this.#adminUrl;
      if (adminUrl === undefined || leftMs <= 0) return;
      const query = new URLSearchParams({
        member: instance,
        incarnation: `${incarnation}`,
        waitMs: `${leftMs}`,
      });
      const answer = await fetch(`${adminUrl}/drained?${query}`, {
        headers: { authorization: authorization(this.#options.token) },
        signal: AbortSignal.timeout(leftMs + pushTimeoutMs),
      }).catch(() => undefined);
      if (answer === undefined) return; // A gateway that is gone has nothing in flight.
      await answer.arrayBuffer();
      if (answer.ok) return;
      await delay(retryMsMin);
    }
  }

  #isBehind(): boolean {
    return this.#pid !== undefined && this.acknowledged !== this.#view?.version;
  }

  async #send(signal: AbortSignal): Promise<void> {
    this.#sending = true;
    let retryMs = retryMsMin;
    try {
      while (this.#isBehind() && !signal.aborted) {
        const done = await this.#sendOnce();
        if (done) {
          retryMs = retryMsMin;
          continue;
        }
        await this.#news.nextWithin(retryMs, signal); // A newer view is a reason to try at once.
        retryMs = Math.min(retryMs * 2, retryMsMax);
      }
    } finally {
      this.#sending = false;
    }
  }

  /** True when the gateway has answered: it applied the view, or refused it for a reason. */
  async #sendOnce(): Promise<boolean> {
    const pid = this.#pid;
    const view = this.#view;
    const adminUrl = await this.#findAdmin();
    if (adminUrl === undefined || view === undefined || pid === undefined) return false;
    try {
      const answer = await fetch(`${adminUrl}/view`, {
        method: "PUT",
        headers: {
          authorization: authorization(this.#options.token),
          "content-type": "application/json",
        },
        body: JSON.stringify(view),
        signal: AbortSignal.timeout(pushTimeoutMs),
      });
      const text = await answer.text();
      this.#judge(answer.ok ? undefined : `HTTP ${answer.status}: ${text}`);
      if (!answer.ok) return false;
      this.#acknowledged = { pid, version: view.version };
      this.#options.onChange();
      return true;
    } catch {
      this.#adminUrl = undefined; // Gone or restarting: look its address up again.
      return false;
    }
  }

  /** A view that is refused is refused again and again: the reason is told when it changes. */
  #judge(refusal: string | undefined): void {
    const isNews = refusal !== undefined && refusal !== this.#refusal;
    this.#refusal = refusal;
    if (isNews) this.#options.onRefused(refusal);
  }

  async #findAdmin(): Promise<string | undefined> {
    if (this.#adminUrl !== undefined) return this.#adminUrl;
    try {
      const announced = await readJson(this.#options.announceFile, parseAnnouncement);
      if (announced?.pid === this.#pid) this.#adminUrl = announced?.adminUrl;
    } catch (error) {
      if (!ClusterError.is(error)) throw error; // Half written or damaged: the next look decides.
    }
    return this.#adminUrl;
  }
}

function parseAnnouncement(value: unknown): Announcement | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, adminUrl } = value as Partial<Announcement>;
  return typeof pid === "number" && typeof adminUrl === "string" ? { pid, adminUrl } : undefined;
}
