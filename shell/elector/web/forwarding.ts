/**
 * Sends a user's request on to the leader and its answer back, both as streams. It carries the term in
 * which the other one is believed to lead, so two members that each believe in the other never send a
 * request round and round: the second answers 421.
 */
import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as open,
  type ServerResponse,
} from "node:http";
import { pipeline } from "node:stream/promises";

export type Target = { readonly host: string; readonly port: number; readonly term: number };

const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64, timeout: 30_000 });
const headMsMax = 30_000;

/** RFC 9110, section 7.6.1: these belong to one connection. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * Resolves to undefined when the answer was passed on, else to a sentence that says why the leader has
 * not begun to work on the request.
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  target: Target,
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | Error>();
  const outgoing = open({
    agent,
    host: target.host,
    port: target.port,
    method: request.method,
    path: request.url,
    headers: { ...endToEnd(request.headers), "prunella-term": `${target.term}` },
  });
  outgoing.setTimeout(headMsMax, () => outgoing.destroy(new Error("the leader does not answer")));
  outgoing.on("response", resolve);
  outgoing.on("error", resolve);
  response.once("close", () => outgoing.destroy());
  pipeline(request, outgoing).catch(() => undefined); // Told by `error` of one of the two.
  const incoming = await promise;
  if (incoming instanceof Error) {
    const isRefused = "code" in incoming && incoming.code === "ECONNREFUSED";
    if (isRefused) return "The leader refuses connections. Ask again.";
    return lost(response);
  }
  if (incoming.statusCode === 421) {
    incoming.resume();
    return "Leadership is changing. Ask again.";
  }
  response.writeHead(incoming.statusCode ?? 502, endToEnd(incoming.headers));
  await pipeline(incoming, response).catch(() => response.destroy());
  return undefined;
}

/** The leader was asked and went away: nobody knows what it did. */
function lost(response: ServerResponse): undefined {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const message = "The leader went away before it answered. Whether it did the work is not known.";
  const body = `${JSON.stringify({ error: { code: "NOT_LEADER", message } })}\n`;
  response.writeHead(502, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function endToEnd(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const named = `${headers.connection ?? ""}`.split(",").map((name) => name.trim().toLowerCase());
  const dropped = new Set([...hopByHop, ...named]);
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !dropped.has(name)) kept[name] = value;
  }
  return kept;
}
