/**
 * The admin listener: loopback, a port of its own, and nothing without the cluster token. The agent
 * pushes views here and asks who is drained; people and scrapers read. Nothing of it can be reached
 * through a listener of the clients.
 *
 *   GET  /healthz   the event loop turns
 *   GET  /readyz    has a view and listens; `stale` when the agent does not answer
 *   GET  /metrics   Prometheus text
 *   GET  /view      the view in force, and what became of the last one
 *   PUT  /view      apply a view; `?allowEmpty=true` lets it empty a service
 *   GET  /members   state, requests in flight and faults of each member
 *   GET  /ring?service=NAME                            shares and picture
 *   GET  /drained?member=ID&incarnation=N&waitMs=MS    answers when nothing is in flight
 *   GET  /troubles?after=ID&waitMs=MS   what members did wrong, once each; taking one forgets it
 *   POST /drain     stop taking connections, finish, end the process
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ClusterError } from "@prunella/core/kernel";
import { isAuthorized } from "@prunella/wire/token";
import { parseView } from "@prunella/wire/view";
import type { MetricsPage } from "../observation/metrics.ts";
import type { ProcessReading } from "../observation/metrics-table.ts";
import { ringReport } from "../observation/ring-report.ts";
import type { DataPathSnapshot } from "../observation/snapshot.ts";
import type { TroubleFeed } from "../observation/trouble-feed.ts";
import type { CurrentView } from "../view/current-view.ts";
import { AgentPresence } from "./agent-presence.ts";
import { DrainWatch } from "./drain-watch.ts";

export type AdminOptions = {
  readonly token: string;
  readonly instance: string;
  readonly current: CurrentView;
  readonly snapshot: () => DataPathSnapshot;
  readonly reading: () => ProcessReading;
  /** Troubles that are no reason to stop, for example a full disk. */
  readonly troubles: () => readonly string[];
  readonly feed: TroubleFeed;
  /** Begins to drain and returns at once. */
  readonly drain: () => void;
};

type Answer = { readonly status: number; readonly body: unknown };

type Query = URLSearchParams;

const host = "127.0.0.1";
const viewBytesMax = 32 * 1024 * 1024;
const waitMsMax = 600_000;

export class AdminServer {
  readonly #options: AdminOptions;
  readonly #drainWatch: DrainWatch;
  readonly #agent: AgentPresence;
  readonly #server: Server;
  #metrics: Promise<MetricsPage> | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#drainWatch = new DrainWatch(options.snapshot);
    this.#agent = new AgentPresence(() => options.current.view?.controlUrl);
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    this.#server.headersTimeout = 5_000;
    this.#server.requestTimeout = 10_000;
    this.#server.keepAliveTimeout = 30_000;
    this.#server.maxConnections = 2_048;
  }

  /** Resolves with the address, for example `http://127.0.0.1:40123`. */
  async listen(port = 0): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject).listen(port, host, resolve);
    await promise;
    const address = this.#server.address();
    return `http://${host}:${typeof address === "object" ? address?.port : port}`;
  }

  async close(): Promise<void> {
    this.#drainWatch.close();
    this.#options.feed.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeIdleConnections();
    const deadline = setTimeout(() => this.#server.closeAllConnections(), 200);
    await promise;
    clearTimeout(deadline);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!isAuthorized(request.headers.authorization, this.#options.token)) {
        throw new ClusterError("TOKEN_REFUSED", {
          message: "Send the cluster token: Authorization: Bearer <token of the state folder>.",
        });
      }
      const url = URL.parse(request.url ?? "/", `http://${host}`);
      if (url === null) throw invalid("the target is no path");
      send(response, await this.#route(request, url.pathname, url.searchParams));
    } catch (error) {
      if (!ClusterError.is(error)) throw error; // A bug: ends the process, which is restarted.
      send(response, failureAnswer(error));
    }
  }

  async #route(request: IncomingMessage, path: string, query: Query): Promise<Answer> {
    const { current, snapshot, drain } = this.#options;
    switch (`${request.method} ${path}`) {
      case "GET /healthz":
        return { status: 200, body: { healthy: true } };
      case "GET /readyz":
        return await this.#readiness();
      case "GET /metrics":
        return { status: 200, body: await this.#metricsText() };
      case "GET /view":
        return this.#viewAnswer();
      case "PUT /view": {
        const view = parseView(await readJson(request));
        const applied = current.offer(view, query.get("allowEmpty") === "true");
        return {
          status: 200,
          body: { ...applied, agentTerm: view.agentTerm, version: view.version },
        };
      }
      case "GET /members":
        return { status: 200, body: { services: snapshot().services.map(membersOf) } };
      case "GET /ring":
        return this.#ring(query);
      case "GET /drained":
        return await this.#drained(query);
      case "GET /troubles": {
        const { feed } = this.#options;
        const waitMs = Math.min(count(query, "waitMs"), waitMsMax);
        return { status: 200, body: await feed.after(count(query, "after"), waitMs) };
      }
      case "POST /drain":
        drain();
        return { status: 202, body: { draining: true } };
      default:
        return failureAnswer(
          new ClusterError("REQUEST_INVALID", {
            message: `There is no ${request.method} ${path} here; the gateway's README lists all.`,
          }),
          404,
        );
    }
  }

  async #readiness(): Promise<Answer> {
    const { current, snapshot, troubles, instance } = this.#options;
    // Nobody confirmed the copy on disk yet, or who pushed the view is gone: it may be out of date.
    const stale = current.source !== "pushed" || !(await this.#agent.isThere());
    const { draining, viewAgeMs: exactAgeMs } = snapshot();
    const viewAgeMs = exactAgeMs === undefined ? undefined : Math.round(exactAgeMs);
    const ready = current.view !== undefined && !draining;
    const body = { ready, instance, stale, draining, viewAgeMs, troubles: troubles() };
    return { status: ready ? 200 : 503, body };
  }

  #viewAnswer(): Answer {
    const { view, source, refusedCount, lastRefusal } = this.#options.current;
    return { status: 200, body: { source, refusedCount, lastRefusal, view } };
  }

  async #metricsText(): Promise<string> {
    this.#metrics ??= import("../observation/metrics.ts").then(
      ({ MetricsPage }) => new MetricsPage(),
    );
    const page = await this.#metrics;
    const { snapshot, reading } = this.#options;
    return await page.render({ path: snapshot(), process: reading() });
  }

  #ring(query: Query): Answer {
    const name = query.get("service");
    const services = this.#options.current.view?.services ?? [];
    const service = services.find((candidate) => candidate.name === name);
    if (service === undefined) {
      const known = services.map((candidate) => candidate.name).join(", ");
      throw new ClusterError("SERVICE_UNKNOWN", {
        message: `The view has no service "${name ?? ""}". It has: ${known}.`,
      });
    }
    return { status: 200, body: ringReport(service) ?? { service: name, members: [] } };
  }

  async #drained(query: Query): Promise<Answer> {
    const member = query.get("member");
    const incarnation = count(query, "incarnation");
    const waitMs = Math.min(count(query, "waitMs"), waitMsMax);
    if (member === null) throw invalid("member is missing");
    return { status: 200, body: await this.#drainWatch.wait(member, incarnation, waitMs) };
  }
}

function membersOf(service: DataPathSnapshot["services"][number]) {
  const { name, members, held } = service;
  return { name, held, members };
}

function count(query: Query, name: string): number {
  const value = Number(query.get(name) ?? Number.NaN);
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw invalid(`${name} must be a whole number and not negative`);
  }
  return value;
}

function invalid(what: string): ClusterError {
  return new ClusterError("REQUEST_INVALID", { message: `The request is malformed: ${what}.` });
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > viewBytesMax) throw invalid("the view is larger than 32 MiB");
      parts.push(part);
    }
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch (error) {
    if (ClusterError.is(error)) throw error;
    throw invalid(error instanceof SyntaxError ? "the body is not JSON" : "the body broke off");
  }
}

function failureAnswer(error: ClusterError, status = statusOf(error)): Answer {
  const { code, message, details } = error;
  return { status, body: { error: { code, message, details } } };
}

function statusOf({ code }: ClusterError): number {
  if (code === "TOKEN_REFUSED") return 401;
  if (code === "SERVICE_UNKNOWN") return 404;
  return code === "VIEW_STALE" || code === "VIEW_EMPTYING" ? 409 : 400;
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return;
  const isText = typeof body === "string";
  const text = isText ? body : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": isText ? "text/plain; version=0.0.4; charset=utf-8" : "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
