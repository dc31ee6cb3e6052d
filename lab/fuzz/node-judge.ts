/**
 * Node's own HTTP parser as a judge: what a strict instance reads from the same bytes.
 *
 * A real `node:http` server in its default, strict mode reads from a duplex stream in memory, one
 * connection per input.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";

export type NodeRequest = {
  readonly method: string;
  readonly target: string;
  readonly lines: readonly (readonly [string, string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [string, string])[];
};

export type NodeReading = {
  readonly requests: readonly NodeRequest[];
  /** The code of the parser's error, or `host` when the server refused a request without Host. */
  readonly refusal: string | undefined;
};

export class NodeJudge {
  readonly #server: Server;
  #requests: NodeRequest[] = [];
  #refusal: string | undefined;

  constructor() {
    this.#server = createServer({ keepAliveTimeout: 0 }, (request, response) =>
      this.#take(request, response),
    );
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      this.#refusal ??= error.code ?? error.message;
      socket.destroy();
    });
  }

  /** Reads one input to its end. Not for concurrent use: one connection at a time. */
  async read(input: Uint8Array): Promise<NodeReading> {
    this.#requests = [];
    this.#refusal = undefined;
    const connection = new MemoryConnection();
    const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
    this.#server.emit("connection", connection);
    connection.push(Buffer.from(input));
    connection.push(null);
    await closed;
    if (connection.written.includes("HTTP/1.1 400")) this.#refusal ??= "host";
    return { requests: this.#requests, refusal: this.#refusal };
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("error", () => undefined); // The parser's verdict comes as `clientError`.
    request.on("end", () => {
      this.#requests.push({
        method: request.method ?? "",
        target: request.url ?? "",
        lines: pairs(request.rawHeaders),
        body: Buffer.concat(parts).toString("latin1"),
        trailers: pairs(request.rawTrailers),
      });
      response.end();
    });
  }
}

/** A peer that has sent everything and ended its side. */
export class MemoryConnection extends Duplex {
  written = "";

  constructor() {
    super({ allowHalfOpen: true });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString("latin1");
    done();
  }

  setTimeout(): this {
    return this;
  }
}

export function pairs(raw: readonly string[]): readonly (readonly [string, string])[] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [
    raw[2 * index] ?? "",
    (raw[2 * index + 1] ?? "").replace(/^[ \t]+|[ \t]+$/g, ""),
  ]);
}
