/**
 * A gateway in a process of its own with a fixed member: memory that is measured is its memory alone.
 *
 *   node -C @prunella/source lab/peers/gateway-process.ts MEMBER_PORT
 *
 * Prints its port as JSON. On each line of its input it collects garbage and prints what it holds.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { DataPathFixture, serviceOf } from "./data-path-fixture.ts";
import { kept } from "./heap.ts";

export type Holding = {
  readonly residentMiB: number;
  readonly heapMiB: number;
  readonly buffersMiB: number;
  /** Sockets and timers that keep the process alive. */
  readonly handles: number;
  readonly bufferedBytes: number;
};

const here = fileURLToPath(import.meta.url);

export class GatewayProcess implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, null>,
    lines: Interface,
    port: number,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.port = port;
    this.pid = child.pid ?? -1;
  }

  static async start(memberPort: number): Promise<GatewayProcess> {
    const args = ["-C", "@prunella/source", here, `${memberPort}`];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface(child.stdout);
    const [line] = await once(lines, "line");
    return new GatewayProcess(child, lines, Number(JSON.parse(`${line}`)));
  }

  async holding(): Promise<Holding> {
    const gone = new AbortController();
    const end = (): void => gone.abort(new Error("the gateway process has ended"));
    if (this.#child.exitCode !== null) end();
    this.#child.once("exit", end);
    const line = once(this.#lines, "line", { signal: gone.signal });
    this.#child.stdin.write("\n");
    const [text] = await line;
    this.#child.off("exit", end);
    return JSON.parse(`${text}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lines.close();
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

async function main(memberPort: number): Promise<void> {
  const fixture = await DataPathFixture.start([serviceOf([{ port: memberPort }])], {
    limits: { upstreamIdleMs: 300 },
  });
  process.stdout.write(`${JSON.stringify(fixture.port)}\n`);
  for await (const _ of createInterface(process.stdin)) {
    const { heapMiB, buffersMiB } = kept();
    const holding: Holding = {
      residentMiB: process.memoryUsage.rss() / 2 ** 20,
      heapMiB,
      buffersMiB,
      handles: process.getActiveResourcesInfo().length,
      bufferedBytes: fixture.path.snapshot().bufferedBytes,
    };
    process.stdout.write(`${JSON.stringify(holding)}\n`);
  }
}

if (process.argv[1] === here) await main(Number(process.argv[2]));
