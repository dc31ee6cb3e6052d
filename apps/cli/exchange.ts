/**
 * One HTTP exchange with the agent. `node:http` and not `fetch`, because loading fetch costs more than
 * the whole call and a command line is judged by how fast it answers.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { ClusterError, type ErrorCode, errorCodes } from "@prunella/core/kernel";
import { authorization } from "@prunella/wire/token";
import { type Connection, isAlive } from "./connection.ts";

const sockets = new Agent({ keepAlive: true, maxSockets: 64 });
const answerBytesMax = 64 * 1024 * 1024;

export type Exchange = {
  readonly method: "GET" | "POST" | "DELETE";
  /** From `/v1/` on, with query. */
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
};

/** The answer as a stream, once its head has arrived and says success. */
export async function open(connection: Connection, exchange: Exchange): Promise<IncomingMessage> {
  const answer = await send(connection, exchange);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw refusal(status, await readAll(answer));
}

/** The answer as a parsed JSON document. */
export async function exchangeJson(connection: Connection, exchange: Exchange): Promise<unknown> {
  const answer = await open(connection, exchange);
  try {
    return JSON.parse(await readAll(answer));
  } catch (error) {
    if (exchange.signal.aborted) throw exchange.signal.reason;
    throw unreachable(connection, error);
  }
}

function send(connection: Connection, exchange: Exchange): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const body = exchange.body === undefined ? undefined : JSON.stringify(exchange.body);
  const outgoing = request(new URL(exchange.path, connection.url), {
    agent: sockets,
    method: exchange.method,
    signal: exchange.signal,
    headers: {
      authorization: authorization(connection.token),
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    },
  });
  outgoing.once("response", resolve);
  outgoing.once("error", (error) => {
    reject(exchange.signal.aborted ? exchange.signal.reason : unreachable(connection, error));
  });
  outgoing.end(body);
  return promise;
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function unreachable(connection: Connection, cause: unknown): ClusterError {
  const { url, pid } = connection;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isDead = !isAlive(pid);
  return new ClusterError("AGENT_UNREACHABLE", {
    message: isDead
      ? `The agent (pid ${pid}) is gone; what it kept alive goes on without it.`
      : `The agent (pid ${pid}) does not answer at ${url}.`,
    details: { url, pid, ...(isDead ? {} : { why: reason, fix: hungText(pid) }) },
    cause,
  });
}

function hungText(pid: number): string {
  return `if it hangs, end it with: kill -9 ${pid}; what it keeps alive goes on until the next one comes`;
}

/** What the agent refused, as the error it raised; the load-balancer API has a shape of its own. */
function refusal(status: number, text: string): ClusterError {
  const body = parsed(text) as {
    error?: { code?: unknown; message?: unknown; details?: unknown };
    message?: unknown;
  };
  const { code, message, details } = body.error ?? {};
  if (isErrorCode(code) && typeof message === "string") {
    return new ClusterError(code, { message, details: details as Record<string, unknown> });
  }
  const said = typeof body.message === "string" ? body.message : text.slice(0, 500);
  return new ClusterError("REQUEST_INVALID", {
    message:
      said === "" ? `The agent answered with status ${status}.` : said.replace("<Error> ", ""),
    details: { status },
  });
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {}; // Not JSON; the text itself is shown.
  }
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorCodes, code);
}
