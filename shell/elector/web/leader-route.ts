/**
 * What the web port of a member does with a request of a user: the leader serves it, everybody else
 * sends it to the leader (`proxy`), tells where that is (`redirect`), or says no (`refuse`).
 *
 * A gateway that follows the leader names the term that it believes in. A member that does not lead that
 * very term answers 421 and does nothing, so a gateway that is behind harms nobody.
 * Source of the status: RFC 9110, section 15.5.20.
 *
 * A leader that hands over finishes what it has begun and refuses the rest by name
 * (`Prunella-Refused: not-started`), so whoever asked knows that it may ask somebody else, whatever the
 * method. It closes no connection for that: a request on its way into a closing connection would be
 * lost, and nobody could tell whether it was begun. The next answer on such a connection is its last.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ClusterError } from "@prunella/core/kernel";
import type { Leadership } from "../leadership.ts";
import type { Followers } from "../options.ts";
import { forward } from "./forwarding.ts";

export type KnownLeader = {
  readonly id: string;
  readonly term: number;
  readonly web: { readonly host: string; readonly port: number } | undefined;
};

export type LeaderRouteOptions = {
  readonly followers: Followers;
  readonly leadership: () => Leadership | undefined;
  readonly leader: () => KnownLeader | undefined;
};

const termHeader = "prunella-term";
const refusedHeader = "Prunella-Refused";

/** Wraps the listener of the leader. */
export function leaderRoute(options: LeaderRouteOptions, serve: RequestListener): RequestListener {
  return (request, response) => {
    const leadership = options.leadership();
    if (isLeft(request.socket, leadership)) response.setHeader("connection", "close");
    const stated = request.headers[termHeader];
    if (stated !== undefined && stated !== `${leadership?.term}`) {
      return misdirected(response, options.leader());
    }
    if (leadership !== undefined) return lead(leadership, serve, request, response);
    follow(options, request, response);
  };
}

function lead(
  leadership: Leadership,
  serve: RequestListener,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const end = (): void => hangUp(request.socket, response);
  const finished = Promise.withResolvers<void>();
  response.once("close", () => {
    leadership.signal.removeEventListener("abort", end);
    finished.resolve();
  });
  const work = leadership.run(() => {
    leadership.signal.addEventListener("abort", end, { once: true });
    servedSockets.set(request.socket, leadership);
    response.setHeader(termHeader, leadership.term);
    serve(request, response);
    return finished.promise;
  });
  work.catch((error: unknown) => {
    if (!ClusterError.is(error, "NOT_LEADER")) throw error;
    unavailable(response, undefined, error.message);
  });
}

/** A half answer that breaks off is visible; a whole one of a leader that leads no more is not. */
function hangUp(socket: Socket, response: ServerResponse): void {
  if (!response.writableEnded) socket.destroy();
}

const servedSockets = new WeakMap<Socket, Leadership>();

/** Its user came for a leader that has left, and is to find the new one with the next connection. */
function isLeft(socket: Socket, leadership: Leadership | undefined): boolean {
  const served = servedSockets.get(socket);
  return served !== undefined && served !== leadership;
}

function follow(
  { followers, leader }: LeaderRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const known = leader();
  const web = known?.web;
  if (known === undefined || web === undefined || followers === "refuse") {
    unavailable(response, known, "This member does not lead. Ask again.");
    return;
  }
  if (followers === "redirect") {
    const host = web.host.includes(":") ? `[${web.host}]` : web.host;
    response.writeHead(307, {
      location: `http://${host}:${web.port}${request.url ?? "/"}`,
      "x-leader": known.id,
      "content-length": 0,
    });
    response.end();
    return;
  }
  void forward(request, response, { ...web, term: known.term }).then((failure) => {
    if (failure !== undefined) unavailable(response, known, failure);
  });
}

function misdirected(response: ServerResponse, leader: KnownLeader | undefined): void {
  answer(response, 421, leader, "This member does not lead that term. Nothing was done.");
}

function unavailable(
  response: ServerResponse,
  leader: KnownLeader | undefined,
  message: string,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.setHeader("retry-after", "1");
  answer(response, 503, leader, message);
}

function answer(
  response: ServerResponse,
  status: number,
  leader: KnownLeader | undefined,
  message: string,
): void {
  const body = `${JSON.stringify({ error: { code: "NOT_LEADER", message, leader: leader?.id ?? null } })}\n`;
  response.setHeader(refusedHeader, "not-started");
  if (leader !== undefined) response.setHeader("x-leader", leader.id);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
