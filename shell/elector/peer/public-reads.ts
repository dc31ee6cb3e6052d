/**
 * What anybody may ask the election port: who this is, who leads, since when and why. Reading changes
 * nothing, so it needs no key; programs in any language follow a leader with it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HistoryRow } from "@prunella/core/election";

/** A member as another one knows it. */
export type KnownMember = {
  readonly id: string;
  readonly votes: boolean;
  /** It has said something to this member. */
  readonly heard: boolean;
  /** A connection to it is open; beyond 16 members they are opened when they are needed. */
  readonly connected: boolean;
};

export type Snapshot = {
  readonly id: string;
  /** What `/pod_id` answers by default. */
  readonly number: number;
  readonly priority: number;
  readonly boot: string;
  readonly mode: string;
  readonly role: string;
  readonly isLeading: boolean;
  readonly isElecting: boolean;
  readonly term: number;
  readonly leader:
    | {
        readonly id: string;
        readonly boot: string;
        readonly term: number;
        readonly web: string | null;
      }
    | undefined;
  readonly members: readonly KnownMember[];
  readonly loopDelayP99Ms: number;
};

export type ReadSources = {
  readonly snapshot: () => Snapshot;
  readonly history: () => readonly HistoryRow[];
  readonly explain: () => string;
  readonly counters: () => Readonly<Record<string, number>>;
};

const versionTwo = "application/vnd.bully.v2+json";
const listenersMax = 64;
const unreadBytesMax = 64 * 1024;
const aliveMs = 10_000;

export class PublicReads implements Disposable {
  readonly #sources: ReadSources;
  readonly #listeners = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;

  constructor(sources: ReadSources) {
    this.#sources = sources;
    this.#timer = setInterval(() => this.#send(": still here\n\n"), aliveMs);
    this.#timer.unref();
  }

  /** Answers a GET; false when there is nothing of that name. */
  answer(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const { snapshot, history, explain } = this.#sources;
    switch (path) {
      case "/pod_id":
        podId(request, response, snapshot());
        return true;
      case "/leader":
        json(response, snapshot().leader === undefined ? 503 : 200, leaderOf(snapshot()));
        return true;
      case "/election_ongoing":
        json(response, 200, { ongoing: snapshot().isElecting, term: snapshot().term });
        return true;
      case "/election/status":
        json(response, 200, { ...snapshot(), leader: snapshot().leader ?? null });
        return true;
      case "/election/history":
        json(response, 200, { history: history(), explanation: explain() });
        return true;
      case "/election/stream":
        this.#listen(response);
        return true;
      case "/healthz":
        json(response, 200, { ok: true });
        return true;
      case "/healthz/leader":
        json(response, snapshot().isLeading ? 200 : 503, { leads: snapshot().isLeading });
        return true;
      case "/metrics":
        this.#metrics(response);
        return true;
      default:
        return false;
    }
  }

  /** Tells everybody who listens who leads now. */
  changed(): void {
    this.#send(`event: leader\ndata: ${JSON.stringify(leaderOf(this.#sources.snapshot()))}\n\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const response of this.#listeners) response.destroy();
  }

  #listen(response: ServerResponse): void {
    if (this.#listeners.size >= listenersMax) {
      json(response, 503, { error: { code: "REQUEST_INVALID", message: "too many listeners" } });
      return;
    }
    this.#listeners.add(response);
    response.once("close", () => this.#listeners.delete(response));
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(
      `event: leader\ndata: ${JSON.stringify(leaderOf(this.#sources.snapshot()))}\n\n`,
    );
  }

  #send(text: string): void {
    for (const response of this.#listeners) {
      response.write(text);
      // Whoever does not read gets the whole truth at its next connection.
      if (response.writableLength > unreadBytesMax) response.destroy();
    }
  }

  #metrics(response: ServerResponse): void {
    const { isLeading, term, loopDelayP99Ms } = this.#sources.snapshot();
    const values: Readonly<Record<string, number>> = {
      prunella_election_leads: isLeading ? 1 : 0,
      prunella_election_term: term,
      prunella_election_loop_delay_p99_ms: loopDelayP99Ms,
      ...this.#sources.counters(),
    };
    const lines = Object.entries(values).map(([name, value]) => {
      const type = name.endsWith("_total") ? "counter" : "gauge";
      return `# TYPE ${name} ${type}\n${name} ${value}\n`;
    });
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" });
    response.end(lines.join(""));
  }
}

function podId(request: IncomingMessage, response: ServerResponse, snapshot: Snapshot): void {
  const { id, number, priority, boot, term, role } = snapshot;
  const isNew = (request.headers.accept ?? "").includes(versionTwo);
  const leader = snapshot.leader?.id ?? null;
  json(response, 200, isNew ? { v: 2, id, number, priority, boot, term, role, leader } : number);
}

function leaderOf(snapshot: Snapshot): unknown {
  return { leader: snapshot.leader ?? null, term: snapshot.term };
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  });
  response.end(body);
}
