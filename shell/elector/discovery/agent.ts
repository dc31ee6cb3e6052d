/**
 * The agent of a cluster as a source: it tells who the members are and which process has ended, at once
 * and for certain, because it started them; and it hears who leads, so that the gateway's route follows.
 *
 * The agent only helps. Without it an election goes on with the members that it knows; the connection is
 * tried again, and `agent.json` read again, because another agent may have taken over. A word about a
 * leadership is repeated until an agent has taken it or a newer word replaces it.
 */

import { readFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Log, silentLog } from "@prunella/driver";
import type { MemberOption } from "../options.ts";
import type { Discovery, DiscoveryNews, LeaderReport } from "./discovery.ts";
import { sentEvents } from "./event-source.ts";
import { OpenLine } from "./open-line.ts";

export type AgentOptions = {
  readonly service: string;
  /** Says where the agent listens: `agent.json` of its state folder. */
  readonly agentFile: string;
  /** Opens the two calls of an elected instance, and nothing else. */
  readonly tokenFile: string;
  readonly log?: Log;
};

const retryMsFirst = 50;
const retryMsMax = 1_000;
const answerMsMax = 2_000;
const silenceMsMax = 30_000;
/** The agent has judged the word: it knows no such member, or believes another one. */
const judgements = [400, 404, 409];

/** What the agent says about one member. */
type AgentMember = {
  readonly name: string;
  readonly number: number;
  readonly incarnation: number;
  readonly host: string;
  readonly electionPort: number;
};

export function agentDiscovery(options: AgentOptions): Discovery {
  const reporter = new Reporter(options);
  return {
    name: "the agent",
    watch: (signal) => watch(options, reporter, signal),
    report: (report) => reporter.take(report),
  };
}

async function* watch(
  options: AgentOptions,
  reporter: Reporter,
  signal: AbortSignal,
): AsyncIterable<DiscoveryNews> {
  reporter.start(signal);
  const log = options.log ?? silentLog;
  let retryMs = retryMsFirst;
  while (!signal.aborted) {
    try {
      const door = await findDoor(options);
      const incoming = await open(options, door, "stream", {}, signal);
      log.debug("the agent's stream is open");
      reporter.found(door);
      for await (const event of sentEvents(incoming)) {
        retryMs = retryMsFirst;
        const news = newsFrom(event.type, event.data);
        if (news !== undefined) yield news;
      }
    } catch (error) {
      if (signal.aborted) return;
      log.debug("the agent is away", { why: `${error}` });
    }
    await pause(retryMs, signal);
    retryMs = Math.min(retryMsMax, 2 * retryMs);
  }
}

/** Keeps the newest word and repeats it until it was taken. */
class Reporter {
  readonly #options: AgentOptions;
  readonly #log: Log;
  #waiting: { readonly report: LeaderReport; readonly taken: () => void } | undefined;
  #signal: AbortSignal | undefined;
  #isSending = false;
  /** A refusal is logged once for each term. */
  #refusedTerm: number | undefined;
  /** Of the agent whose stream is open. A leader is told without a look at the disk. */
  #door: Door | undefined;
  #woken = new AbortController();
  readonly #line = new OpenLine();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#line[Symbol.dispose](), { once: true });
    void this.#send();
  }

  take(report: LeaderReport): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { report, taken: resolve };
    this.#wake();
    void this.#send();
    return promise;
  }

  found(door: Door): void {
    this.#door = door;
    this.#line.point(door.url);
    this.#wake();
  }

  /** There is news, or an agent: do not wait any longer. */
  #wake(): void {
    this.#woken.abort();
    this.#woken = new AbortController();
  }

  async #send(): Promise<void> {
    const signal = this.#signal;
    if (this.#isSending || signal === undefined) return;
    this.#isSending = true;
    let retryMs = retryMsFirst;
    while (this.#waiting !== undefined && !signal.aborted) {
      const { report, taken } = this.#waiting;
      const isTaken = await this.#post(report, signal);
      if (isTaken) {
        if (this.#waiting.report !== report) continue;
        this.#waiting = undefined;
        taken();
        continue;
      }
      await pause(retryMs, AbortSignal.any([signal, this.#woken.signal]));
      retryMs = Math.min(retryMsMax, 2 * retryMs);
    }
    this.#isSending = false;
  }

  /**
   * True when the word needs no repeating. One of a leadership does until it is believed: the agent may
   * not know of this life yet. Of its end it does until the agent has judged it.
   */
  async #post({ id, electedAtMs, ...report }: LeaderReport, signal: AbortSignal): Promise<boolean> {
    try {
      const ageMs = electedAtMs === undefined ? undefined : performance.now() - electedAtMs;
      const body = JSON.stringify({ name: id, ...report, ageMs });
      const door = this.#door ?? (await findDoor(this.#options));
      const line = this.#line.take(door.url);
      const incoming = await open(this.#options, door, "leader", { body, line }, signal);
      incoming.resume();
      return true;
    } catch (error) {
      this.#door = undefined;
      if (!(error instanceof Refusal)) return false;
      const { status } = error;
      if (this.#refusedTerm !== report.term) {
        this.#log.warn("the agent refused to hear who leads", { status, ...report });
      }
      this.#refusedTerm = report.term;
      return report.state === "none" && judgements.includes(status);
    }
  }
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`the agent answered ${status}`);
    this.status = status;
  }
}

/** Where the agent is, and what it asks for. */
type Door = { readonly url: string; readonly token: string };

/** Both files are read anew for each stream: an agent may be replaced, and its token with it. */
async function findDoor({ agentFile, tokenFile }: AgentOptions): Promise<Door> {
  const { url } = JSON.parse(await readFile(agentFile, "utf8")) as { readonly url: string };
  return { url, token: (await readFile(tokenFile, "utf8")).trim() };
}

async function open(
  options: AgentOptions,
  { url, token }: Door,
  call: "stream" | "leader",
  { body, line }: { readonly body?: string; readonly line?: Socket | undefined },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const method = body === undefined ? "GET" : "POST";
  const path = `/v1/services/${encodeURIComponent(options.service)}/election/${call}`;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request(new URL(path, url), {
    method,
    signal,
    ...(line === undefined ? {} : { createConnection: () => line }),
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined
        ? { accept: "text/event-stream" }
        : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    },
  });
  // The agent sends a sign of life every ten seconds; a stream without one leads nowhere.
  outgoing.setTimeout(method === "GET" ? silenceMsMax : answerMsMax, () => {
    outgoing.destroy(new Error("the agent says nothing"));
  });
  outgoing.on("error", reject);
  outgoing.on("response", (incoming) => {
    const status = incoming.statusCode ?? 0;
    if (status >= 200 && status < 300) return resolve(incoming);
    incoming.resume();
    reject(new Refusal(status));
  });
  outgoing.end(body);
  return promise;
}

function newsFrom(type: string, data: string): DiscoveryNews | undefined {
  const value: unknown = JSON.parse(data);
  if (type === "exit") {
    const { name, incarnation, pid } = value as { name: string; incarnation: number; pid: number };
    return { type: "exit", id: name, incarnation, pid };
  }
  if (type !== "members") return undefined;
  const list = Array.isArray(value) ? value : (value as { readonly members: unknown }).members;
  return {
    type: "members",
    members: (list as readonly AgentMember[]).map(memberOf),
    mayVote: true,
  };
}

function memberOf({ name, number, host, electionPort }: AgentMember): MemberOption {
  return { id: name, host, port: electionPort, number };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
