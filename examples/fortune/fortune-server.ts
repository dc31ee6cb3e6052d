/**
 * What the service answers. Only the leader is asked: followers hand requests on, and `/health` is the
 * one question that each instance answers for itself.
 *
 *   GET  /           the page
 *   GET  /fortune    opens a cookie: { fortune, number, leader, term }
 *   POST /fortune    the same; with an `Idempotency-Key` a repeated request finds its first cookie
 *   GET  /state      who leads, who led, how many cookies
 *   GET  /events     the same, each time it changes (server-sent events)
 *   POST /demo/kill  demo mode: the leader kills itself; needs the header `X-Fortune: demo`
 *   GET  /health     200 while the process turns
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { type CookieJar, JarFull } from "./cookie-jar.ts";
import type { EventStream } from "./event-stream.ts";
import { pageFiles, pagePolicy } from "./page-files.ts";

export type FortuneService = {
  /** Undefined while another instance leads. */
  readonly jar: () => CookieJar | undefined;
  readonly state: () => unknown;
  readonly stream: EventStream;
  /** Ends this process as a crash would; undefined outside demo mode. */
  readonly kill: (() => void) | undefined;
};

const keyLengthMax = 200;

export function answerHealth(request: IncomingMessage, response: ServerResponse): boolean {
  if (pathOf(request) !== "/health") return false;
  response.end();
  return true;
}

/** For the leader. */
export function fortuneHandler(service: FortuneService): RequestListener {
  return (request, response) => {
    const path = pathOf(request);
    const method = request.method === "HEAD" ? "GET" : request.method;
    const route = routes[`${method} ${path}`];
    if (route !== undefined) route(service, request, response);
    else if (method === "GET" && pageFiles.has(path)) sendPage(path, response);
    else if (Object.keys(routes).some((known) => known.endsWith(` ${path}`))) {
      const allow = Object.keys(routes).filter((known) => known.endsWith(` ${path}`));
      response.setHeader("allow", allow.map((known) => known.split(" ", 1)[0]).join(", "));
      sendJson(response, 405, { error: `${path} has no ${request.method}` });
    } else sendJson(response, 404, { error: `there is no ${path} here; try /fortune` });
  };
}

type Route = (service: FortuneService, request: IncomingMessage, response: ServerResponse) => void;

const routes: Readonly<Record<string, Route>> = {
  "GET /fortune": openCookie,
  "POST /fortune": openCookie,
  "GET /state": ({ state }, _request, response) => sendJson(response, 200, state()),
  "GET /events": ({ stream }, _request, response) => stream.add(response),
  "POST /demo/kill": killLeader,
};

function openCookie(
  { jar }: FortuneService,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const open = jar();
  // A gateway that repeats a GET keeps its request id, so the repetition finds the same cookie.
  const { headers } = request;
  const key = headers["idempotency-key"] ?? headers["x-request-id"] ?? randomUUID();
  if (Array.isArray(key) || key.length > keyLengthMax) {
    sendJson(response, 400, { error: `a key has at most ${keyLengthMax} characters` });
  } else if (open === undefined) {
    sendUnavailable(response, "no leader here");
  } else {
    open.open(key).then(
      (cookie) => sendJson(response, 200, cookie),
      (error: unknown) => sendFailure(response, error),
    );
  }
}

function sendFailure(response: ServerResponse, error: unknown): void {
  if (error instanceof JarFull || isStale(error)) {
    sendUnavailable(response, error.message);
  } else {
    const why = error instanceof Error ? error.message : `${error}`;
    sendJson(response, 500, { error: `the cookie jar cannot be written: ${why}` });
  }
}

function isStale(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "FENCE_STALE";
}

function killLeader(
  { kill }: FortuneService,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (kill === undefined) {
    sendJson(response, 404, { error: "demo mode is off" });
  } else if (request.headers["x-fortune"] === "demo") {
    response.on("close", kill);
    sendJson(response, 202, { killed: true });
  } else {
    // A foreign page cannot send this header without asking first, and nobody says yes.
    sendJson(response, 403, { error: "send the header X-Fortune: demo" });
  }
}

function sendPage(path: string, response: ServerResponse): void {
  const file = pageFiles.get(path);
  response.writeHead(200, {
    "content-type": file?.type,
    "content-length": file?.body.length,
    "content-security-policy": pagePolicy,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
  response.end(file?.body);
}

/** Nothing was done, so a gateway may ask again. */
function sendUnavailable(response: ServerResponse, error: string): void {
  response.setHeader("prunella-refused", "not-started");
  response.setHeader("retry-after", "1");
  sendJson(response, 503, { error });
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  });
  response.end(body);
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split("?", 1)[0] ?? "/";
}
