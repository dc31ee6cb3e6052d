/**
 * A closed loop of users: each asks, waits for the answer, and asks again at once. Users are not
 * connections: as many requests as there are connections are under way, the other users stand in a
 * line, first come, first served. The response time counts from the moment a user wants something, so
 * the time in the line is part of it, as it is for a person.
 *
 * In such a loop Little's law holds whatever the server does: users = throughput x response time. A
 * report for which it does not hold has lost users on the way.
 *
 * Everything is bounded: users, connections, requests, and the seconds after which no user asks again.
 */
import { Agent, request } from "node:http";
import { performance } from "node:perf_hooks";
import { LatencyRecord, type Percentiles } from "./latency-record.ts";

export type ClosedLoopOptions = {
  readonly url: string;
  /** 1 to 1,000,000. */
  readonly users: number;
  /** Requests under way at once; less when there are fewer users. */
  readonly connectionsMax: number;
  /** Answers after which the measurement ends; at least one for each user is waited for. */
  readonly requests: number;
  /** No request is sent later than that, whatever is still to be asked. */
  readonly secondsMax: number;
  readonly method?: string;
  /** Headers of request number n. */
  readonly headers?: (index: number) => Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

export type ClosedLoopReport = {
  readonly users: number;
  readonly answered: number;
  readonly failed: number;
  /** What failed first, in words, up to ten. */
  readonly firstFailures: readonly string[];
  readonly seconds: number;
  readonly perSecond: number;
  /** From the wish to the last byte of the answer, over the second half of the run. */
  readonly meanMs: number;
  readonly latencyMs: Percentiles;
  /** What Little's law says for these users and this throughput. */
  readonly littleMs: number;
};

const usersMax = 1_000_000;
const firstFailuresMax = 10;

/** @throws RangeError when there are no users, or more than can be. */
export function closedLoop(options: ClosedLoopOptions): Promise<ClosedLoopReport> {
  const { users } = options;
  if (!(Number.isInteger(users) && users >= 1 && users <= usersMax)) {
    throw new RangeError(`users must be 1 to ${usersMax}`);
  }
  return new Loop(options).run();
}

class Loop {
  readonly #options: ClosedLoopOptions;
  readonly #agent: Agent;
  /** The line: when each user in it began to want something, in order. A ring with a seat for all. */
  readonly #wishes: Float64Array;
  readonly #latency = new LatencyRecord();
  readonly #firstFailures: string[] = [];
  /** From here on answers are measured: the line has settled. */
  readonly #warmAt: number;
  readonly #end: number;
  #first = 0;
  #last = 0;
  #sent = 0;
  #underWay = 0;
  #answered = 0;
  #failed = 0;
  #measured = 0;
  #sumMs = 0;
  #measuredFromMs = 0;
  #measuredToMs = 0;
  #resolve: (report: ClosedLoopReport) => void = () => undefined;

  constructor(options: ClosedLoopOptions) {
    const { users, connectionsMax, requests } = options;
    this.#options = options;
    this.#wishes = new Float64Array(users);
    // Each user has had an answer before the measurement begins, and has another one in it.
    this.#warmAt = Math.max(users, Math.floor(requests / 2));
    this.#end = Math.max(2 * users, requests);
    const maxSockets = Math.min(users, connectionsMax);
    this.#agent = new Agent({ keepAlive: true, maxSockets, scheduling: "fifo" });
  }

  run(): Promise<ClosedLoopReport> {
    const { users, connectionsMax, secondsMax } = this.#options;
    const startedMs = performance.now();
    this.#wishes.fill(startedMs);
    const untilMs = startedMs + secondsMax * 1_000;
    const done = new Promise<ClosedLoopReport>((resolve) => {
      this.#resolve = resolve;
    });
    const atOnce = Math.min(users, connectionsMax);
    for (let index = 0; index < atOnce; index++) this.#next(startedMs, untilMs);
    return done;
  }

  /** The first in the line asks. */
  #next(startedMs: number, untilMs: number): void {
    const { signal } = this.#options;
    const isOver = this.#sent >= this.#end || signal?.aborted || performance.now() >= untilMs;
    if (isOver) {
      if (this.#underWay === 0) this.#finish(startedMs);
      return;
    }
    const wishedMs = this.#wishes[this.#first] ?? 0;
    this.#first = (this.#first + 1) % this.#wishes.length;
    this.#sent += 1;
    this.#underWay += 1;
    this.#ask(this.#sent, (failure) => {
      const nowMs = performance.now();
      this.#underWay -= 1;
      this.#take(failure, wishedMs, nowMs);
      this.#wishes[this.#last] = nowMs;
      this.#last = (this.#last + 1) % this.#wishes.length;
      this.#next(startedMs, untilMs);
    });
  }

  #take(failure: string | undefined, wishedMs: number, nowMs: number): void {
    if (failure !== undefined) {
      this.#failed += 1;
      if (this.#firstFailures.length < firstFailuresMax) this.#firstFailures.push(failure);
      return;
    }
    this.#answered += 1;
    if (this.#answered < this.#warmAt) return;
    if (this.#measured === 0) this.#measuredFromMs = nowMs;
    this.#measuredToMs = nowMs;
    this.#measured += 1;
    this.#sumMs += nowMs - wishedMs;
    this.#latency.add(nowMs - wishedMs);
  }

  #ask(index: number, done: (failure: string | undefined) => void): void {
    const { url, method = "GET", headers, timeoutMs = 30_000 } = this.#options;
    let isDone = false;
    const end = (failure: string | undefined): void => {
      if (isDone) return;
      isDone = true;
      done(failure);
    };
    const outgoing = request(
      url,
      { method, agent: this.#agent, headers: { ...headers?.(index) }, timeout: timeoutMs },
      (response) => {
        response.resume();
        response.on("error", (error) => end(error.message));
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          end(status < 400 ? undefined : `HTTP ${status}`);
        });
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("error", (error) => end(error.message));
    outgoing.on("close", () => end("closed without an answer"));
    outgoing.end();
  }

  #finish(startedMs: number): void {
    this.#agent.destroy();
    const seconds = (performance.now() - startedMs) / 1_000;
    const measuredSeconds = (this.#measuredToMs - this.#measuredFromMs) / 1_000;
    const perSecond = this.#measured > 1 ? (this.#measured - 1) / measuredSeconds : 0;
    const { users } = this.#options;
    this.#resolve({
      users,
      answered: this.#answered,
      failed: this.#failed,
      firstFailures: this.#firstFailures,
      seconds,
      perSecond,
      meanMs: this.#measured === 0 ? Number.NaN : this.#sumMs / this.#measured,
      latencyMs: this.#latency.percentiles(),
      littleMs: perSecond === 0 ? Number.NaN : (users / perSecond) * 1_000,
    });
  }
}
