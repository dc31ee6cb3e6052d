/**
 * What every Node peer shares: `PEER.ts --port N --backends P,P,...`, the choice of a backend, and the
 * forwarding fields. The choice is a plain hash and a remainder, cheaper than a consistent one, so
 * that no peer pays more than we do.
 */
import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import { parseArgs } from "node:util";

/** Keep-alive connections to each backend. */
export const poolSize = 512;
/** Longer than the idle case needs to open its connections. */
const keepAliveMs = 180_000;

export type Entry = { readonly port: number; readonly backends: readonly URL[] };

export function readEntry(): Entry {
  const { values } = parseArgs({
    options: { port: { type: "string" }, backends: { type: "string" } },
  });
  const { port, backends } = values;
  if (port === undefined || backends === undefined) {
    throw new Error("Use --port N --backends P,P,...");
  }
  return {
    port: Number(port),
    backends: backends.split(",").map((backend) => new URL(`http://127.0.0.1:${backend}`)),
  };
}

/** Index of the backend for the query `id` (FNV-1a over its characters). */
export function choose(url: string, count: number): number {
  const at = url.indexOf("id=") + 3;
  let hash = 0x811c9dc5;
  for (let index = at; index < url.length; index++) {
    const code = url.charCodeAt(index);
    if (code === 0x26) break;
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return (hash >>> 0) % count;
}

let requests = 0;

/** The fields that our gateway adds, as little work as possible. */
export function addForwarding(request: IncomingMessage, headers: IncomingHttpHeaders): void {
  headers["via"] = "1.1 lab";
  headers["x-forwarded-for"] = request.socket.remoteAddress;
  headers["x-forwarded-proto"] = "http";
  headers["x-forwarded-host"] = request.headers.host;
  headers["x-request-id"] = `lab-${requests++}`;
}

/** The backend's word about its own connection, which some peers would pass on to the client. */
export function dropConnection(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  delete headers.connection;
  return headers;
}

export function settle(server: Server): Server {
  server.keepAliveTimeout = keepAliveMs;
  return server;
}
