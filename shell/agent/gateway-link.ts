/**
 * The agent's side of one gateway: pushes the newest view until the gateway has it, asks when a
 * member has no request in flight any more, and listens to what the gateway sees in traffic.
 *
 * Level-triggered: `offer` says what the newest view is; the link sends whatever is newest when it
 * gets through, so a gateway that was away for a minute gets one view and not sixty. A newer view
 * does not wait for the answer to the one before it: a new leader must be known at once. Whichever
 * comes first, a gateway takes views by their number.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import { Bell } from "@prunella/driver";
import { readJson } from "@prunella/store";
import { authorization } from "@prunella/wire/token";
import { type TroublePage, troublePage } from "@prunella/wire/trouble";
import type { View } from "@prunella/wire/view";
import { put } from "./gateway-call.ts";

/** Views on their way to one gateway: the one before, and the newest. */
const underWayMax = 2;
const retryMsMin = 20;
const retryMsMax = 1_000;
const pushTimeoutMs = 2_000;
/** A question for troubles waits this long for news. */
const troubleWaitMs = 20_000;

/** What a gateway process writes once it listens. */
type Announcement = { readonly pid: number; readonly adminUrl: string };

export type GatewayLinkOptions = {
  readonly announceFile: string;
  readonly token: string;
  /** The gateway took a view. */
  readonly onChange: () => void;
  readonly onRefused: (why: string) => void;
  readonly onTroubles: (page: TroublePage) => void;
};

export class GatewayLink {
  readonly #options: GatewayLinkOptions;
  readonly #news = new Bell();
  #view: View | undefined;
  #pid: number | undefined;
  #adminUrl: string | undefined;
  #acknowledged: { readonly pid: number; readonly version: number } | undefined;
  #sending = false;
  readonly #underWay = new Map<number, Promise<boolean>>();
  #refusal: string | undefined;
  #listening = new AbortController();

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
    return await this.#get("/metrics", AbortSignal.timeout(pushTimeoutMs));
  }

  /** Tells the link which process is the gateway now and which view it should have. */
  offer(view: View, pid: number | undefined, signal: AbortSignal): void {
    const isNews = view.version !== this.#view?.version || pid !== this.#pid;
    this.#view = view;
    if (pid !== this.#pid) {
      this.#pid = pid;
      this.#adminUrl = undefined;
      this.#listening.abort();
      this.#listening = new AbortController();
      const still = AbortSignal.any([signal, this.#listening.signal]);
      if (pid !== undefined) void this.#listen(still);
    }
    if (isNews) this.#news.ring();
    if (!this.#isBehind()) return;
    if (!this.#sending) void this.#send(signal);
    else if (isNews && this.#underWay.size < underWayMax) void this.#sendNewest(view, pid);
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

  /** Takes troubles of this process until it has gone: each once, in order. */
  async #listen(signal: AbortSignal): Promise<void> {
    let lastId = 0;
    let retryMs = retryMsMin;
    while (!signal.aborted) {
      const within = AbortSignal.timeout(troubleWaitMs + pushTimeoutMs);
      const path = `/troubles?after=${lastId}&waitMs=${troubleWaitMs}`;
      const text = await this.#get(path, AbortSignal.any([signal, within]));
      const page = text === undefined ? undefined : parsePage(text);
      if (signal.aborted) return;
      if (page === undefined) {
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, retryMsMax);
        continue;
      }
      retryMs = retryMsMin;
      lastId = page.troubles.at(-1)?.id ?? lastId;
      this.#options.onTroubles(page);
    }
  }

  /** The body of a good answer; undefined when the gateway is gone, restarting, or refuses. */
  async #get(path: string, signal: AbortSignal): Promise<string | undefined> {
    const adminUrl = await this.#findAdmin();
    if (adminUrl === undefined) return undefined;
    try {
      const headers = { authorization: authorization(this.#options.token) };
      const answer = await fetch(`${adminUrl}${path}`, { headers, signal });
      const text = await answer.text();
      return answer.ok ? text : undefined;
    } catch {
      return undefined;
    }
  }

  async #send(signal: AbortSignal): Promise<void> {
    this.#sending = true;
    let retryMs = retryMsMin;
    try {
      while (this.#isBehind() && !signal.aborted) {
        const view = this.#view;
        const done = view !== undefined && (await this.#sendNewest(view, this.#pid));
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

  /** True when the gateway applied it, or has no need of it any more. */
  #sendNewest(view: View, pid: number | undefined): Promise<boolean> {
    const known = this.#underWay.get(view.version);
    if (known !== undefined) return known;
    const sent = this.#sendOnce(view, pid).finally(() => this.#underWay.delete(view.version));
    this.#underWay.set(view.version, sent);
    return sent;
  }

  async #sendOnce(view: View, pid: number | undefined): Promise<boolean> {
    const adminUrl = await this.#findAdmin();
    if (adminUrl === undefined || pid === undefined) return false;
    try {
      const { status, text } = await put(`${adminUrl}/view`, JSON.stringify(view), {
        authorization: authorization(this.#options.token),
        timeoutMs: pushTimeoutMs,
      });
      const isNewest = view.version === this.#view?.version;
      if (!isNewest) return true; // What became of the newest is what counts.
      this.#judge(status === 200 ? undefined : `HTTP ${status}: ${text}`);
      if (status !== 200) return false;
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

function parsePage(text: string): TroublePage | undefined {
  try {
    return troublePage.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // Cut off in the middle: asked again.
  }
}
