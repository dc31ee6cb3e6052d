/** A real agent process for tests: its own folder and port, ended with everything that it started. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ClusterEvent, ClusterStatus } from "@prunella/wire/control";
import { parseView, type View } from "@prunella/wire/view";

const entry = fileURLToPath(new URL("../../../apps/cli/entries/agent-main.ts", import.meta.url));
const waitMsMax = 120_000;

const program = `
import { createServer } from "node:http";
console.log("hello from " + process.env.PRUNELLA_INSTANCE);
createServer((request, answer) => {
  // On /surplus it says more than it announced.
  const more = request.url === "/surplus" ? () => request.socket.write("more") : () => {};
  answer.once("finish", more).end("ok");
}).listen(Number(process.env.PORT), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
`;

export class AgentUnderTest implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  #process: ChildProcess;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    this.#process = this.#spawn();
  }

  static async start(): Promise<AgentUnderTest> {
    const folder = mkdtempSync(join(tmpdir(), "prunella-agent-"));
    writeFileSync(join(folder, "server.mjs"), program);
    const agent = new AgentUnderTest(folder, await freePort());
    try {
      await agent.until("the agent answers", async () => (await agent.status()).agent.pid > 0);
      return agent;
    } catch (error) {
      agent.#abandon();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** The body of plan and apply for `count` instances of a small server. */
  application(count: number): { readonly cluster: unknown; readonly folder: string } {
    const api = {
      kind: "replicas",
      run: "./server.mjs",
      count,
      stop: { drainMs: 300, graceMs: 500 },
    };
    const cluster = { name: "test", gateway: { port: this.port }, services: { api } };
    return { cluster, folder: this.folder };
  }

  /** A program that elects, see `elected-program.ts`. */
  readonly electedProgram = fileURLToPath(new URL("./elected-program.ts", import.meta.url));

  /** @param token - Another one than that of the cluster. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  ): Promise<{ status: number; body: any }> {
    const answer = await this.#fetch(method, path, body, token);
    return { status: answer.status, body: await answer.json() };
  }

  /** The answer of a stream that goes on. */
  async open(path: string, signal: AbortSignal): Promise<Response> {
    const { url, token } = this.#connection();
    return fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` }, signal });
  }

  /** What the gateway keeps of the last view. */
  gatewayView(): View {
    const file = join(this.folder, ".prunella", "gateway", "gateway-1.view.json");
    const kept = JSON.parse(readFileSync(file, "utf8"));
    return parseView(kept.view ?? kept);
  }

  async text(method: string, path: string): Promise<string> {
    return (await this.#fetch(method, path)).text();
  }

  async status(): Promise<ClusterStatus> {
    return (await this.call("GET", "/v1/status")).body;
  }

  async events(after: number): Promise<readonly ClusterEvent[]> {
    const lines = (await this.text("GET", `/v1/events?after=${after}`)).trim().split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ClusterEvent);
  }

  /** Ids of the first `count` events that a stream resumed after `lastId` sends. */
  async serverSentEvents(lastId: number, count: number): Promise<readonly number[]> {
    const { url, token } = this.#connection();
    const stop = new AbortController();
    const answer = await fetch(`${url}/v1/events`, {
      headers: {
        authorization: `Bearer ${token}`,
        accept: "text/event-stream",
        "last-event-id": `${lastId}`,
      },
      signal: stop.signal,
    });
    let text = "";
    const ids = (): readonly number[] =>
      [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      if (ids().length >= count) break;
    }
    stop.abort();
    return ids().slice(0, count);
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.until("the agent is dead", async () => this.hasEnded);
  }

  async restart(): Promise<void> {
    const before = this.#connection().url;
    this.#process = this.#spawn();
    await this.until("the next agent answers", async () => {
      return (
        this.#connection().url !== before && (await this.status()).agent.pid === this.#process.pid
      );
    });
  }

  async until(what: string, check: () => Promise<boolean>): Promise<void> {
    const endAtMs = performance.now() + waitMsMax;
    while (!(await check().catch(() => false))) {
      if (performance.now() > endAtMs) {
        throw new Error(`not within ${waitMsMax} ms: ${what}\n${this.#story()}`);
      }
      await delay(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.hasEnded) this.#process = this.#spawn();
      await this.until(
        "the agent answers",
        async () => (await this.status()).agent.pid === this.#process.pid,
      );
      await this.text("POST", "/v1/down");
      await this.until("the agent has gone", async () => this.hasEnded);
    } finally {
      this.#abandon();
    }
  }

  /** A process that is left would keep the whole test run from ending. */
  #abandon(): void {
    this.#process.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** How the process is, and what it said last. */
  #story(): string {
    const { pid, exitCode, signalCode } = this.#process;
    const announced = join(this.folder, ".prunella", "agent.json");
    const [where, said] = [announced, this.#log].map((path) =>
      existsSync(path) ? readFileSync(path, "utf8").slice(-2_000) : "nothing",
    );
    return `agent ${pid}, ended with ${exitCode ?? signalCode}, announced ${where}, said:\n${said}`;
  }

  get #log(): string {
    return join(this.folder, "agent.log");
  }

  #spawn(): ChildProcess {
    const args = ["-C", "@prunella/source", entry, "--state", join(this.folder, ".prunella")];
    const log = openSync(this.#log, "a");
    const child = spawn(process.execPath, args, { stdio: ["ignore", log, log] });
    closeSync(log);
    return child;
  }

  #fetch(method: string, path: string, body?: unknown, other?: string): Promise<Response> {
    const { url, token: own } = this.#connection();
    const token = other ?? own;
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    return fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  #connection(): { readonly url: string; readonly token: string } {
    const state = join(this.folder, ".prunella");
    const { url } = JSON.parse(readFileSync(join(state, "agent.json"), "utf8"));
    return { url, token: readFileSync(join(state, "token"), "utf8").trim() };
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
