/** A client that sends exactly the bytes that a test gives it, and keeps exactly what comes back. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { eventually } from "./eventually.ts";

export class RawClient {
  readonly socket: Socket;
  #received = "";
  byteCount = 0;
  /** The peer sent FIN. */
  ended = false;
  closed = false;
  /** The connection ended with a reset. */
  wasReset = false;

  private constructor(socket: Socket, keep: boolean) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.byteCount += bytes.length;
      if (keep) this.#received += bytes.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error) => {
      this.wasReset ||= "code" in error && error.code === "ECONNRESET";
    });
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** @param keep - False counts what comes instead of keeping it. */
  static async connect(port: number, keep = true): Promise<RawClient> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
    const client = new RawClient(socket, keep);
    await once(socket, "connect");
    return client;
  }

  /** Everything so far, as latin1. */
  get received(): string {
    return this.#received;
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  /** Half-closes. */
  end(): this {
    this.socket.end();
    return this;
  }

  async until(holds: (received: string) => boolean, what: string): Promise<string> {
    await eventually(`${what}; so far: ${this.#received.slice(-400)}`, () => holds(this.#received));
    return this.#received;
  }

  async untilText(text: string): Promise<string> {
    return await this.until((received) => received.includes(text), `receive ${text}`);
  }

  async untilEnd(): Promise<string> {
    await eventually("the end of the connection", () => this.ended || this.closed);
    return this.#received;
  }

  /** Sends one request and returns the one response, which must have a length or no body. */
  async ask(request: string): Promise<Response> {
    const before = this.#received.length;
    this.send(request);
    let response: Response | undefined;
    await this.until((received) => {
      response = readResponse(received.slice(before), request.startsWith("HEAD "));
      return response !== undefined || this.closed;
    }, "a response");
    if (response === undefined)
      throw new Error(`no response, only: ${this.#received.slice(before)}`);
    return response;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export type Response = {
  readonly status: number;
  /** Field lines as received, without the status line. */
  readonly fields: readonly string[];
  readonly body: string;
};

/** Reads the first final response with a length, or chunked; undefined while it is incomplete. */
export function readResponse(text: string, isHead = false): Response | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...fields] = text.slice(0, headEnd).split("\r\n");
  const status = Number(statusLine.split(" ")[1]);
  const rest = text.slice(headEnd + 4);
  if (status < 200 && status !== 101) return readResponse(rest, isHead);
  if (isHead || status === 204 || status === 304 || status === 101) {
    return { status, fields, body: "" };
  }
  if (fieldOf(fields, "transfer-encoding") === "chunked") {
    const body = dechunk(rest);
    return body === undefined ? undefined : { status, fields, body };
  }
  const length = fieldOf(fields, "content-length");
  if (length === undefined) return { status, fields, body: rest };
  const size = Number(length);
  return rest.length < size ? undefined : { status, fields, body: rest.slice(0, size) };
}

export function fieldOf(fields: readonly string[], name: string): string | undefined {
  const line = fields.find((field) => field.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

/** The data of a complete chunked body; undefined while it is incomplete. */
export function dechunk(text: string): string | undefined {
  let data = "";
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return text.includes("\r\n\r\n", lineEnd) ? data : undefined;
    data += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
    if (at > text.length) return undefined;
  }
}
