/**
 * The connections to one peer. They are warm: opened before anybody needs them, kept, and opened again
 * when they end, so that an election costs round trips and no handshakes.
 *
 * A connection that ends without our doing is looked into at once: somebody who still listens had a
 * reason (`reopened`), nobody listens any more (`refused`), or nothing answers at all (`silent`). These
 * are hints about a process and never proof; the machine decides what they are worth.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { CallResult, Question } from "./call.ts";

export type LinkHint = "closed" | "reopened" | "refused" | "silent";

export type Address = { readonly host: string; readonly port: number };

export type LinkOptions = {
  readonly address: Address;
  /** Called when a connection ended by itself, and again with what was found out. */
  readonly onHint: (hint: LinkHint) => void;
  /** Opens the way: called when there is nobody to talk to and somebody seems to listen. */
  readonly greet: (link: PeerLink) => Promise<boolean>;
};

const socketsMax = 6;
const callsMax = 32;
const answerBytesMax = 64 * 1024;
const dialMs = 50;
/**
 * A process that ends closes its connections one by one, and its listener among them: who dials at once
 * may still be let in by it, and takes the processor that it needs to end.
 */
const endingMs = 5;
/** How long nobody is asked where nobody listens; a process takes longer than that to start. */
const restMs = 50;
const retryMsFirst = 50;
const retryMsMax = 1_000;

export class PeerLink implements Disposable {
  readonly #options: LinkOptions;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #ours = new WeakSet<Socket>();
  #callCount = 0;
  #isLooking = false;
  #isDisposed = false;
  #restUntilMs = 0;
  #retryMs = retryMsFirst;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#agent = new Agent({
      keepAlive: true,
      keepAliveMsecs: 1_000,
      maxSockets: socketsMax,
      maxFreeSockets: socketsMax,
      scheduling: "lifo",
    });
  }

  get address(): Address {
    return this.#options.address;
  }

  /** True while at least one connection is open. */
  get isWarm(): boolean {
    return this.#sockets.size > 0;
  }

  /** Opens the first connection, and tries again until there is one. */
  start(): void {
    void this.#look();
  }

  /** Its process has ended: for a moment questions fail at once. */
  rest(): void {
    this.#restUntilMs = performance.now() + restMs;
  }

  /** Asks, once. Never throws; every outcome is a result. */
  async call(question: Question): Promise<CallResult> {
    if (this.#isDisposed) return { failure: "unreachable" };
    if (!this.isWarm && performance.now() < this.#restUntilMs) return { failure: "refused" };
    if (this.#callCount >= callsMax) return { failure: "busy" };
    this.#callCount += 1;
    try {
      return await this.#ask(question);
    } finally {
      this.#callCount -= 1;
    }
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    this.#agent.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #ask(question: Question): Promise<CallResult> {
    const { host, port } = this.#options.address;
    const { method, path, headers, body, timeoutMs } = question;
    const { promise, resolve } = Promise.withResolvers<CallResult>();
    const outgoing = request({
      agent: this.#agent,
      host,
      port,
      method,
      path,
      headers: { ...headers, "content-length": Buffer.byteLength(body) },
    });
    const timer = setTimeout(() => {
      resolve({ failure: "late" });
      // The next question goes over a fresh connection: this one may lead nowhere.
      if (outgoing.socket !== null) this.#ours.add(outgoing.socket);
      outgoing.destroy();
    }, timeoutMs);
    outgoing.on("socket", (socket) => this.#watch(socket));
    outgoing.on("error", (error) => resolve({ failure: failureOf(error) }));
    outgoing.on("response", (incoming) => {
      void readAnswer(incoming).then((answer) => {
        if ("failure" in answer) outgoing.destroy();
        resolve(answer);
      });
    });
    outgoing.end(body);
    return promise.finally(() => clearTimeout(timer));
  }

  #watch(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#isDisposed || this.#ours.has(socket)) return;
      if (this.#isLooking) return; // It is being found out already.
      void this.#look(endingMs);
      this.#options.onHint("closed");
    });
  }

  /** Finds out who is there, and greets; repeats with a growing pause until somebody answers. */
  async #look(waitMs = 0): Promise<void> {
    if (this.#isLooking || this.#isDisposed) return;
    this.#isLooking = true;
    if (waitMs > 0) await delay(waitMs);
    if (this.#isDisposed) return;
    const found = await dial(this.#options.address);
    if (this.#isDisposed) return;
    this.#options.onHint(found);
    if (found === "reopened") this.#restUntilMs = 0;
    if (found === "refused") this.rest();
    const isGreeted = found === "reopened" && (await this.#options.greet(this));
    this.#isLooking = false;
    if (this.#isDisposed) return;
    if (isGreeted && this.isWarm) {
      this.#retryMs = retryMsFirst;
      return;
    }
    this.#timer = setTimeout(() => void this.#look(), this.#retryMs);
    this.#retryMs = Math.min(retryMsMax, this.#retryMs * 2);
  }
}

/** Does anybody listen? The connection is thrown away; only the answer of the kernel counts. */
function dial({ host, port }: Address): Promise<"reopened" | "refused" | "silent"> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    const timer = setTimeout(() => done("silent"), dialMs);
    const done = (found: "reopened" | "refused" | "silent"): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    socket.once("connect", () => done("reopened"));
    socket.once("error", (error) => done(failureOf(error) === "refused" ? "refused" : "silent"));
  });
}

async function readAnswer(incoming: IncomingMessage): Promise<CallResult> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > answerBytesMax) return { failure: "malformed" };
      chunks.push(chunk);
    }
  } catch {
    return { failure: "closed" };
  }
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? undefined : value,
    ]),
  );
  return {
    status: incoming.statusCode ?? 0,
    headers,
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

function failureOf(error: Error): "refused" | "closed" | "malformed" | "unreachable" {
  const code = "code" in error ? `${error.code}` : "";
  if (code === "ECONNREFUSED") return "refused";
  if (code === "ECONNRESET" || code === "EPIPE") return "closed";
  return code.startsWith("HPE_") ? "malformed" : "unreachable";
}
