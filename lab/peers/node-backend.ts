/**
 * A real `node:http` server behind the gateway that tells in each answer what it read, and counts: its
 * own parser is the judge of what we forward.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { pairs } from "../fuzz/node-judge.ts";

export type SeenRequest = {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly (readonly [string, string])[];
  /** Long bodies as their length and hash. */
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
};

/** Carries the base64 of a `SeenRequest` as JSON. */
export const seenField = "x-seen";

const longBody = 1_024;

export class NodeBackend implements AsyncDisposable {
  readonly #server: Server;
  port = 0;
  /** Requests that were read to their end. */
  requestCount = 0;
  /** What its parser refused, by code. A connection that broke off within a request is none. */
  readonly refusals: string[] = [];

  private constructor() {
    this.#server = createServer({ keepAliveTimeout: 30_000, maxHeaderSize: 16_384 });
    this.#server.on("request", (request, response) => this.#take(request, response));
    this.#server.on("checkContinue", (request, response: ServerResponse) => {
      response.writeContinue();
      this.#take(request, response);
    });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      const isAbort = error.code === "ECONNRESET" || error.code === "HPE_INVALID_EOF_STATE";
      if (!isAbort) this.refusals.push(error.code ?? error.message);
      socket.destroy();
    });
  }

  static async start(): Promise<NodeBackend> {
    const backend = new NodeBackend();
    backend.#server.listen(0, "127.0.0.1");
    await once(backend.#server, "listening");
    const address = backend.#server.address();
    if (address !== null && typeof address === "object") backend.port = address.port;
    return backend;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("error", () => undefined); // The client broke off; no answer is due.
    request.on("end", () => {
      this.requestCount += 1;
      const seen: SeenRequest = {
        method: request.method ?? "",
        target: request.url ?? "",
        lines: pairs(request.rawHeaders),
        body: shortened(Buffer.concat(parts).toString("latin1")),
        trailers: pairs(request.rawTrailers),
      };
      const text = Buffer.from(JSON.stringify(seen)).toString("base64");
      response.writeHead(200, { "Content-Length": 2, [seenField]: text });
      response.end("ok");
    });
  }
}

export function shortened(body: string): string {
  if (body.length <= longBody) return body;
  return `${body.length} bytes, ${createHash("sha1").update(body, "latin1").digest("hex")}`;
}
