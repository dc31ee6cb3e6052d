/**
 * Asks a service under given request ids and notes who answered.
 *
 * Two ways: `askAll` keeps a number of requests under way until every id was asked;
 * `PacedAsking` asks at a rate, whatever the answers do, so that a server that dies shows.
 * Both are bounded in requests under way, and one request in time.
 */
import { Agent, get } from "node:http";

/** What is asked, and how the answer names who gave it. */
export type Question = {
  readonly path: (id: number) => string;
  readonly serverOf: (body: string) => string | undefined;
};

export type Answer = {
  readonly id: number;
  /** The name that the answer gives, or undefined for anything but the 200 of a server. */
  readonly server: string | undefined;
  /** 0 when there was no answer. */
  readonly status: number;
  /** On the clock of `performance.now()`. */
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
  /** An error code, when there was no answer. */
  readonly failure: string | undefined;
};

/** A request counts as lost when it was not answered with a server's 200. */
export function isLost({ server }: Answer): boolean {
  return server === undefined;
}

const requestMsMax = 15_000;
const answerBytesMax = 64 * 1024;
const underWayMax = 1_000;

export type AskOptions = {
  /** Requests under way at once, each on a kept connection of its own. */
  readonly inFlight: number;
  readonly signal: AbortSignal;
};

/** Asks under every id once; the answers are in the order of their arrival. */
export async function askAll(
  url: string,
  ids: readonly number[],
  { inFlight, signal }: AskOptions,
): Promise<readonly Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const answers: Answer[] = [];
  const rest = ids.values();
  const lane = async (): Promise<void> => {
    for (const id of rest) {
      signal.throwIfAborted();
      answers.push(await ask(agent, url, id, home));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(inFlight, ids.length) }, lane));
  } finally {
    agent.destroy();
  }
  return answers;
}

export class PacedAsking {
  readonly answers: Answer[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: underWayMax });
  readonly #startedMs = performance.now();
  readonly #underWay = new Set<Promise<void>>();
  readonly #url: string;
  readonly #perSecond: number;
  readonly #ids: readonly number[];
  readonly #question: Question;
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Begins at once; asks again under the first id after the last one. */
  constructor(url: string, perSecond: number, ids: readonly number[], question = home) {
    this.#url = url;
    this.#perSecond = perSecond;
    this.#ids = ids;
    this.#question = question;
    this.#timer = setInterval(() => this.#askWhatIsDue(), 1);
  }

  /** Ends sending and waits for what is under way. */
  async stop(): Promise<readonly Answer[]> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all(this.#underWay);
    this.#agent.destroy();
    return this.answers;
  }

  #askWhatIsDue(): void {
    const due = ((performance.now() - this.#startedMs) * this.#perSecond) / 1_000;
    while (this.#asked < due) {
      const id = this.#ids[this.#asked % this.#ids.length] ?? 0;
      this.#asked += 1;
      if (this.#underWay.size < underWayMax) this.#ask(id);
      else this.answers.push(unsent(id));
    }
  }

  #ask(id: number): void {
    const asking = ask(this.#agent, this.#url, id, this.#question).then((answer) => {
      this.answers.push(answer);
      this.#underWay.delete(asking);
    });
    this.#underWay.add(asking);
  }
}

function ask(agent: Agent, url: string, id: number, question: Question): Promise<Answer> {
  const sentAtMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const done = (status: number, server: string | undefined, failure: string | undefined): void =>
    resolve({ id, server, status, sentAtMs, answeredAtMs: performance.now(), failure });
  const request = get(`${url}${question.path(id)}`, { agent }, (response) => {
    const { statusCode = 0 } = response;
    let text = "";
    response.setEncoding("latin1");
    response.on("data", (part: string) => {
      text += part;
      if (text.length > answerBytesMax) request.destroy(new Error("the answer is too long"));
    });
    response.on("end", () =>
      done(statusCode, statusCode === 200 ? question.serverOf(text) : undefined, undefined),
    );
  });
  request.setTimeout(requestMsMax, () => request.destroy(new Error("no answer in time")));
  request.on("error", (error: NodeJS.ErrnoException) =>
    done(0, undefined, error.code ?? error.message),
  );
  return promise;
}

const home: Question = { path: (id) => `/home?id=${id}`, serverOf };

/** The server of `{"message":"Hello from Server: NAME","status":"successful"}`. */
export function serverOf(body: string): string | undefined {
  return /"message"\s*:\s*"Hello from Server: ([^"]+)"/.exec(body)?.[1];
}

function unsent(id: number): Answer {
  const nowMs = performance.now();
  const failure = `more than ${underWayMax} requests under way`;
  return { id, server: undefined, status: 0, sentAtMs: nowMs, answeredAtMs: nowMs, failure };
}
