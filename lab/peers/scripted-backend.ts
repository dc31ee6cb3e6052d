/**
 * A backend that does what a test tells it, byte by byte, and records what it received: whole
 * requests, and the raw bytes per connection.
 */
import { createServer, type Server, type Socket } from "node:net";
import { dechunk, fieldOf } from "./raw-client.ts";

export type BackendRequest = {
  readonly line: string;
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  readonly body: string;
};

export class BackendConnection {
  readonly socket: Socket;
  /** Everything received, as latin1. */
  received = "";
  readonly requests: BackendRequest[] = [];
  ended = false;
  closed = false;
  #parsed = 0;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  write(text: string | Uint8Array): void {
    this.socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  }

  /** Whole requests that have come since the last call. */
  take(): readonly BackendRequest[] {
    const taken: BackendRequest[] = [];
    for (;;) {
      const request = readRequest(this.received, this.#parsed);
      if (request === undefined) return taken;
      this.#parsed = request.end;
      this.requests.push(request.request);
      taken.push(request.request);
    }
  }
}

export type Script = {
  /** Called for each new connection, before any byte. */
  readonly opened?: (connection: BackendConnection) => void;
  /** Called with each piece, before whole requests are looked for. */
  readonly bytes?: (connection: BackendConnection, bytes: Buffer) => void;
  /** The bytes that answer a whole request; undefined answers nothing. */
  readonly answer?: (
    request: BackendRequest,
    connection: BackendConnection,
  ) => string | Uint8Array | undefined;
};

export class ScriptedBackend implements AsyncDisposable {
  readonly connections: BackendConnection[] = [];
  readonly #server: Server;
  script: Script;
  port = 0;

  private constructor(script: Script) {
    this.script = script;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#take(socket),
    );
  }

  static async start(script: Script, port = 0): Promise<ScriptedBackend> {
    const backend = new ScriptedBackend(script);
    await backend.listen(port);
    return backend;
  }

  async listen(port = this.port): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
  }

  /** Of all connections, in the order of their connections. */
  get requests(): readonly BackendRequest[] {
    return this.connections.flatMap((connection) => connection.requests);
  }

  get openCount(): number {
    return this.connections.filter((connection) => !connection.closed).length;
  }

  /** As a killed process: the port is closed and all connections are reset. */
  kill(): void {
    this.#server.close();
    for (const { socket } of this.connections) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #take(socket: Socket): void {
    const connection = new BackendConnection(socket);
    this.connections.push(connection);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      connection.closed = true;
    });
    socket.on("end", () => {
      connection.ended = true;
      socket.end();
    });
    socket.on("data", (bytes) => {
      this.script.bytes?.(connection, bytes);
      if (this.script.answer === undefined) return;
      connection.received += bytes.toString("latin1");
      for (const request of connection.take()) {
        const answer = this.script.answer(request, connection);
        if (answer !== undefined) connection.write(answer);
      }
    });
    this.script.opened?.(connection);
  }
}

/** An ordinary answer. */
export function respond(body: string, ...fields: readonly string[]): string {
  const lines = ["HTTP/1.1 200 OK", ...fields, `Content-Length: ${body.length}`];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

function readRequest(
  text: string,
  start: number,
): { readonly request: BackendRequest; readonly end: number } | undefined {
  const headEnd = text.indexOf("\r\n\r\n", start);
  if (headEnd < 0) return undefined;
  const [line = "", ...fields] = text.slice(start, headEnd).split("\r\n");
  const [method = "", target = ""] = line.split(" ");
  const bodyStart = headEnd + 4;
  if (fieldOf(fields, "transfer-encoding") !== undefined) {
    const body = dechunk(text.slice(bodyStart));
    if (body === undefined) return undefined;
    // Good enough for tests: no trailers, and data without an empty line.
    const end = text.indexOf("0\r\n\r\n", bodyStart) + 5;
    return { request: { line, method, target, fields, body }, end };
  }
  const size = Number(fieldOf(fields, "content-length") ?? 0);
  if (text.length < bodyStart + size) return undefined;
  const body = text.slice(bodyStart, bodyStart + size);
  return { request: { line, method, target, fields, body }, end: bodyStart + size };
}
