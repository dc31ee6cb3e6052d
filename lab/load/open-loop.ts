/**
 * An open-loop HTTP/1.1 sender: requests leave at their intended times, whether or not earlier ones
 * were answered. A closed loop would wait for a slow server and so hide its slowness (coordinated
 * omission); latencies here count from the intended time.
 *
 *   node -C @prunella/source lab/load/open-loop.ts --url http://127.0.0.1:5000/home --rate 500 --seconds 10 --connections 64
 *
 * Everything is bounded: the rate, the duration, the connections, and the requests that wait for a
 * free connection (10 s worth; beyond it a request counts as `dropped`, which is a failure).
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LatencyRecord, type Percentiles } from "./latency-record.ts";

export type OpenLoopOptions = {
  readonly url: string;
  /** Requests a second, 1 to 50,000. */
  readonly rate: number;
  /** At most an hour; `stop()` ends it earlier. */
  readonly seconds: number;
  readonly connections?: number;
  readonly method?: string;
  readonly body?: string;
  /** `{n}` in the URL becomes the number of the request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A request without an answer by then is a transport error. */
  readonly timeoutMs?: number;
  /** Called with each whole answer, when its last byte has come. */
  readonly onAnswer?: (answer: Answer) => void;
};

export type Answer = {
  /** The number of the request, as `{n}` in its URL. */
  readonly index: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** When it was to be sent, and when its answer was whole, on the clock of `performance.now`. */
  readonly intendedMs: number;
  readonly doneMs: number;
};

export type Report = {
  readonly sent: number;
  /** Answers with a status below 400. */
  readonly ok: number;
  readonly httpErrors: number;
  readonly transportErrors: number;
  /** Never sent, because all connections were busy for too long. */
  readonly dropped: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** By error code, for example `ECONNRESET`. */
  readonly byError: Readonly<Record<string, number>>;
  /** What failed first, in words, up to ten. */
  readonly firstFailures: readonly string[];
  readonly seconds: number;
  /** From the intended time to the last byte of the answer. */
  readonly latencyMs: Percentiles;
  /** How late the sender itself was: with large numbers here the latencies mean nothing. */
  readonly latenessMs: Percentiles;
};

export interface OpenLoop {
  /** Ends sending, waits for what is under way, and reports. May be called before the time is over. */
  stop(): Promise<Report>;
  /** Resolves by itself when the time is over. */
  readonly finished: Promise<Report>;
}

const rateMax = 50_000;
const secondsMax = 3_600;
const waitingSecondsMax = 10;
const firstFailuresMax = 10;

export function openLoop(options: OpenLoopOptions): OpenLoop {
  return new Sender(options);
}

class Sender implements OpenLoop {
  readonly finished: Promise<Report>;
  readonly #options: OpenLoopOptions;
  readonly #agent: Agent;
  readonly #startedMs = performance.now();
  readonly #latency = new LatencyRecord();
  readonly #lateness = new LatencyRecord();
  readonly #byStatus: Record<string, number> = {};
  readonly #byError: Record<string, number> = {};
  readonly #firstFailures: string[] = [];
  readonly #total: number;
  #due = 0;
  #underWay = 0;
  #counts = { sent: 0, ok: 0, httpErrors: 0, transportErrors: 0, dropped: 0 };
  #stopped = false;
  #timer: NodeJS.Timeout | undefined = undefined;
  #resolve: (report: Report) => void = () => undefined;

  constructor(options: OpenLoopOptions) {
    const { rate, seconds, connections = 64 } = options;
    if (!(rate >= 1 && rate <= rateMax)) throw new RangeError(`rate must be 1 to ${rateMax}`);
    if (!(seconds > 0 && seconds <= secondsMax)) {
      throw new RangeError(`seconds must be above 0 and at most ${secondsMax}`);
    }
    this.#options = options;
    this.#total = Math.round(rate * seconds);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "lifo" });
    this.finished = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#tick();
  }

  async stop(): Promise<Report> {
    this.#stopped = true;
    this.#finishIfDone();
    return await this.finished;
  }

  /** Sends everything whose time has come. A timer that fires late sends more at once. */
  #tick(): void {
    const elapsedMs = performance.now() - this.#startedMs;
    const dueNow = Math.min(this.#total, Math.floor((elapsedMs * this.#options.rate) / 1_000) + 1);
    while (this.#due < dueNow && !this.#stopped) {
      this.#send(this.#due, this.#startedMs + (this.#due * 1_000) / this.#options.rate);
      this.#due += 1;
    }
    if (this.#due >= this.#total || this.#stopped) {
      this.#stopped = true;
      this.#finishIfDone();
      return;
    }
    this.#timer = setTimeout(() => this.#tick(), 1);
  }

  #send(index: number, intendedMs: number): void {
    const { url, method = "GET", body, headers = {}, rate, timeoutMs = 30_000 } = this.#options;
    if (this.#underWay >= rate * waitingSecondsMax) {
      this.#counts.dropped += 1;
      return;
    }
    this.#counts.sent += 1;
    this.#underWay += 1;
    this.#lateness.add(performance.now() - intendedMs);
    const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
    const outgoing = request(
      url.replaceAll("{n}", String(index)),
      { method, agent: this.#agent, headers: { ...headers, ...length }, timeout: timeoutMs },
      (response) => this.#receive(response, index, intendedMs, end),
    );
    let ended = false;
    const end = (failure: string | undefined): void => {
      if (ended) return;
      ended = true;
      this.#end(index, failure);
    };
    outgoing.on("timeout", () => outgoing.destroy(new Error("ETIMEDOUT: no answer in time")));
    outgoing.on("error", (error) => end(codeOf(error)));
    outgoing.on("close", () => end("ECLOSED"));
    outgoing.end(body);
  }

  #receive(
    response: IncomingMessage,
    index: number,
    intendedMs: number,
    end: (failure: string | undefined) => void,
  ): void {
    response.resume();
    response.on("error", (error) => end(codeOf(error)));
    response.on("end", () => {
      const status = response.statusCode ?? 0;
      const doneMs = performance.now();
      this.#latency.add(doneMs - intendedMs);
      this.#options.onAnswer?.({ index, status, headers: response.headers, intendedMs, doneMs });
      this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
      if (status < 400) this.#counts.ok += 1;
      else {
        this.#counts.httpErrors += 1;
        this.#note(`HTTP ${status}`);
      }
      end(undefined);
    });
  }

  #end(index: number, failure: string | undefined): void {
    this.#underWay -= 1;
    if (failure !== undefined) {
      this.#counts.transportErrors += 1;
      this.#byError[failure] = (this.#byError[failure] ?? 0) + 1;
      this.#note(`request ${index}: ${failure}`);
    }
    this.#finishIfDone();
  }

  #note(failure: string): void {
    if (this.#firstFailures.length >= firstFailuresMax) return;
    const atMs = Math.round(performance.now() - this.#startedMs);
    this.#firstFailures.push(`${atMs} ms: ${failure}`);
  }

  #finishIfDone(): void {
    if (!this.#stopped || this.#underWay > 0) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#agent.destroy();
    this.#resolve({
      ...this.#counts,
      byStatus: this.#byStatus,
      byError: this.#byError,
      firstFailures: this.#firstFailures,
      seconds: (performance.now() - this.#startedMs) / 1_000,
      latencyMs: this.#latency.percentiles(),
      latenessMs: this.#lateness.percentiles(),
    });
  }
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      rate: { type: "string", default: "500" },
      seconds: { type: "string", default: "10" },
      connections: { type: "string", default: "64" },
      method: { type: "string", default: "GET" },
      body: { type: "string" },
    },
  });
  if (values.url === undefined) {
    process.stderr.write("Say where to send: --url http://127.0.0.1:5000/home\n");
    process.exitCode = 2;
    return;
  }
  const loop = openLoop({
    url: values.url,
    rate: Number(values.rate),
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    method: values.method,
    ...(values.body === undefined ? {} : { body: values.body }),
  });
  // A parent that wants the report early asks politely.
  process.once("SIGTERM", () => void loop.stop());
  process.once("SIGINT", () => void loop.stop());
  process.stdout.write(`${JSON.stringify(await loop.finished)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
