/**
 * The election port: the source's endpoints, and ours beside them. It is a port of its own, so that the
 * load of the application cannot keep heartbeats waiting.
 *
 * What comes in without a valid signature is answered and forgotten: it reaches neither the machine nor
 * the table of peers. Bodies, heads, times, connections and open questions are bounded.
 *
 *   GET  /pod_id /leader /election/status /election/history /election/stream
 *        /healthz /healthz/leader /metrics                                  for anybody: they only tell
 *   POST the six paths of the source                                       members, signed
 *   POST /election/resign, /become_coordinator with {"force": true}        operators, signed
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Answer, Message } from "@prunella/core/election";
import { ClusterError } from "@prunella/core/kernel";
import type { Authenticator, Role, Sign } from "../authentication/authenticator.ts";
import { signatureHeader } from "../authentication/signature.ts";
import { ConnectionGuard } from "./connection-guard.ts";
import { type From, type MessageEnvelope, parseMessage, pathOf, toJson } from "./envelope.ts";

/** What a request turned into. `signed` answers carry a code that only the asker can check. */
export type Reply = { readonly status: number; readonly body: unknown };

export type OperatorCall =
  | { readonly type: "resign"; readonly to: string | undefined; readonly drainMs: number }
  | { readonly type: "promote" };

export type ServerOptions = {
  readonly cluster: string;
  readonly self: string;
  readonly authenticator: Authenticator | undefined;
  /** A message of a member; resolves to undefined when there is no answer to it. */
  readonly onMessage: (from: From, message: Message) => Promise<Answer | undefined>;
  readonly onOperator: (call: OperatorCall) => Promise<Reply>;
  /** Bodies of the older protocol; undefined when it is switched off. */
  readonly onOldBody: ((path: string, body: string) => Promise<Reply>) | undefined;
  /** Answers what anybody may read; false when the path is not one of those. */
  readonly onRead: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
  readonly onStranger: (path: string) => void;
  /** Who answers. */
  readonly from: () => From;
};

const bodyBytesMax = 96 * 1024;
const headBytesMax = 8 * 1024;
const headMsMax = 2_000;
const requestMsMax = 4_000;

export const sourcePaths: ReadonlySet<string> = new Set([
  "/receive_answer",
  "/receive_election",
  "/become_coordinator",
  "/declare_leader",
  "/election_ongoing",
  "/receive_coordinator",
]);

type Asked = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly body: string;
};

export class ElectionServer implements AsyncDisposable {
  readonly #options: ServerOptions;
  readonly #server: Server;
  readonly #guard = new ConnectionGuard();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 5_000,
        keepAliveTimeout: 0, // Warm connections stay; strangers are bounded by the guard.
        maxHeaderSize: headBytesMax,
        headersTimeout: headMsMax,
        requestTimeout: requestMsMax,
        connectionsCheckingInterval: 500,
      },
      (request, response) => void this.handle(request, response),
    );
    this.#server.on("connection", (socket) => this.#guard.add(socket));
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  get evictedCount(): number {
    return this.#guard.evictedCount;
  }

  /**
   * Listens.
   *
   * @throws ClusterError `PORT_TAKEN` or `STATE_REFUSED`.
   */
  async listen(host: string, port: number): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", (error) => reject(listenError(error, host, port)));
    this.#server.listen({ host, port, exclusive: true }, resolve);
    await promise;
    return this.#server.address() as AddressInfo;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#guard.closeAll();
    if (this.#server.listening) await closed;
  }

  /** Also called by the web port in compatibility mode. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    response.on("error", () => response.destroy());
    const body = await readBody(request);
    if (body === undefined) {
      response.setHeader("connection", "close");
      return send(response, { status: 413, body: refusal("the body is too long") });
    }
    const asked = { request, response, path, body };
    if (request.method === "GET") return this.#read(asked);
    if (request.method !== "POST") return send(response, notAllowed);
    if (path === "/election/resign" || isForced(path, body)) return this.#operate(asked);
    if (!sourcePaths.has(path)) return send(response, notFound);
    await this.#receive(asked);
  }

  /** Reading is free; a signature proves that the connection is a member's and opens its account. */
  #read(asked: Asked): void {
    const { request, response, path } = asked;
    if (request.headers[signatureHeader] !== undefined) {
      const admitted = this.#admit("member", asked);
      if (admitted === undefined) return;
      send(response, this.#enveloped(admitted.from), admitted.sign);
      return;
    }
    if (!this.#options.onRead(request, response, path)) send(response, notFound);
  }

  async #receive(asked: Asked): Promise<void> {
    const { request, response, path, body } = asked;
    const { onOldBody } = this.#options;
    if (request.headers[signatureHeader] === undefined && onOldBody !== undefined) {
      return send(response, await onOldBody(path, body));
    }
    const admitted = this.#admit("member", asked);
    if (admitted === undefined) return;
    const { sign } = admitted;
    const parsed = parseMessage(body);
    const problem =
      "problem" in parsed ? parsed.problem : this.#misfit(parsed.value, admitted, path);
    if (problem !== undefined) return send(response, { status: 400, body: refusal(problem) }, sign);
    if ("problem" in parsed) return;
    const { from, message } = parsed.value;
    const answer = await this.#options.onMessage(from, message);
    send(response, this.#enveloped(from.id, answer), sign);
  }

  #enveloped(to: string, answer?: Answer): Reply {
    const { cluster, from } = this.#options;
    return { status: 200, body: { v: 2, cluster, from: from(), to, answer } };
  }

  /** The signature covers names that the body repeats: they must agree. */
  #misfit(
    envelope: MessageEnvelope,
    admitted: { readonly from: string; readonly boot: string },
    path: string,
  ): string | undefined {
    const { cluster, self } = this.#options;
    const { from, to, message } = envelope;
    if (envelope.cluster !== cluster || to !== self) return "the message is for somebody else";
    if (from.id !== admitted.from || from.boot !== admitted.boot)
      return "the sender is not who signed";
    if (pathOf(message, from.id) !== path) return `${message.kind} does not belong on ${path}`;
    return undefined;
  }

  async #operate(asked: Asked): Promise<void> {
    const admitted = this.#admit("operator", asked);
    if (admitted === undefined) return;
    const call = operatorCall(asked.path, asked.body);
    const reply =
      call === undefined
        ? { status: 400, body: refusal("to must be a text and drainMs a number up to 60000") }
        : await this.#options.onOperator(call);
    send(asked.response, reply, admitted.sign);
  }

  /** Answers everybody who is not admitted itself, and returns undefined then. */
  #admit(
    role: Role,
    { request, response, path, body }: Asked,
  ): { readonly from: string; readonly boot: string; readonly sign: Sign } | undefined {
    const header = request.headers[signatureHeader];
    const judged = this.#options.authenticator?.judge(role, {
      method: request.method ?? "",
      path: request.url ?? "",
      header: Array.isArray(header) ? undefined : header,
      body,
    }) ?? { type: "stranger" };
    switch (judged.type) {
      case "admitted":
        this.#guard.vouch(request.socket);
        return judged;
      case "unknown-life":
        send(response, { status: 401, body: { nonce: judged.nonce } }, judged.sign);
        return undefined;
      case "replayed":
        send(response, { status: 409, body: refusal("this was heard before") }, judged.sign);
        return undefined;
      case "stranger":
        this.#options.onStranger(path);
        send(response, { status: 401, body: refusal("sign your message") });
        return undefined;
    }
  }
}

const notFound: Reply = { status: 404, body: refusal("there is nothing here") };
const notAllowed: Reply = { status: 405, body: refusal("GET or POST") };

function refusal(message: string): unknown {
  return { error: { code: "REQUEST_INVALID", message } };
}

function send(response: ServerResponse, reply: Reply, sign?: Sign): void {
  if (response.destroyed) return;
  const body = `${toJson(reply.body)}\n`;
  response.writeHead(reply.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...(sign === undefined ? {} : { [signatureHeader]: sign(reply.status, body) }),
  });
  response.end(body);
}

function isForced(path: string, body: string): boolean {
  return path === "/become_coordinator" && operatorCall(path, body) !== undefined;
}

const drainMsDefault = 5_000;
const drainMsMax = 60_000;

function operatorCall(path: string, body: string): OperatorCall | undefined {
  let value: unknown;
  try {
    value = body === "" ? {} : JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  if (path === "/become_coordinator") {
    return fields["force"] === true ? { type: "promote" } : undefined;
  }
  const { to, drainMs = drainMsDefault } = fields as { to?: unknown; drainMs?: unknown };
  if (to !== undefined && typeof to !== "string") return undefined;
  if (typeof drainMs !== "number" || !(drainMs >= 0 && drainMs <= drainMsMax)) return undefined;
  return { type: "resign", to, drainMs };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined; // The sender went away; nobody reads the answer.
  }
  return Buffer.concat(chunks).toString("utf8");
}

function listenError(error: Error, host: string, port: number): ClusterError {
  const code = "code" in error ? `${error.code}` : "unknown";
  if (code === "EADDRINUSE") {
    return new ClusterError("PORT_TAKEN", {
      message: `The election port ${host}:${port} is taken. Each member needs one of its own.`,
      details: { host, port },
      cause: error,
    });
  }
  return new ClusterError("CONFIG_INVALID", {
    message: `Cannot listen for the election on ${host}:${port} (${code}). Choose an address of this machine and a port above 1023.`,
    details: { host, port, code },
    cause: error,
  });
}
