/** Server processes of a bench, pinned to cores, in one temporary folder, ended by their id. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written when it serves; needed where several processes share one port. */
  readonly readyFile?: string;
};

const lookMs = 10;
const readyMs = 15_000;
const stopMs = 5_000;

export class ServerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #errorFile: string;
  readonly #readyFile: string | undefined;

  constructor(name: string, launch: Launch, core: number, errorFile: string) {
    const { command, args, env } = launch;
    this.name = name;
    this.#errorFile = errorFile;
    this.#readyFile = launch.readyFile;
    // taskset replaces itself by the command, so the id stays.
    this.#child = spawn("taskset", ["-c", `${core}`, command, ...args], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true, // A group of its own, so that its workers end with it.
      env: { ...process.env, ...env },
    });
    this.#child.stderr?.on("data", (text: Buffer) => appendFileSync(errorFile, text));
    this.#child.on("error", (error) => appendFileSync(errorFile, `${error.message}\n`));
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until an HTTP request to `port` is answered at all. */
  async ready(port: number): Promise<void> {
    const untilMs = performance.now() + readyMs;
    while (!this.#isAnnounced() || !(await answers(port))) {
      if (this.hasEnded || performance.now() > untilMs) {
        const how = this.hasEnded ? "ended at once" : `did not answer within ${readyMs} ms`;
        throw new Error(`${this.name} ${how}. It said: ${this.#lastWords()}`);
      }
      await delay(lookMs);
    }
  }

  #isAnnounced(): boolean {
    return this.#readyFile === undefined || existsSync(this.#readyFile);
  }

  /** Politely first; resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const force = setTimeout(() => this.kill(), stopMs);
    await exited;
    clearTimeout(force);
  }

  /** At once and with its workers, for the way out of a failure. */
  kill(): void {
    if (this.hasEnded || this.pid <= 0) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }

  #lastWords(): string {
    try {
      return readFileSync(this.#errorFile, "utf8").trim().slice(-600) || "nothing";
    } catch {
      return "nothing";
    }
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/small?id=1`, {
      signal: AbortSignal.timeout(1_000),
      headers: { connection: "close" },
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // Not yet.
  }
}

/** The processes and the folder of one bench; nothing of it outlives `[Symbol.asyncDispose]`. */
export class ServerRoom implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "prunella-bench-"));
  readonly #processes = new Set<ServerProcess>();
  readonly #onExit = () => {
    for (const server of this.#processes) server.kill();
    rmSync(this.folder, { recursive: true, force: true });
  };
  #folders = 0;

  constructor() {
    chmodSync(this.folder, 0o755); // Servers that root starts give up their privileges.
    process.once("exit", this.#onExit);
  }

  /** A new folder below the room's. */
  newFolder(name: string): string {
    const path = join(this.folder, `${this.#folders++}-${name}`);
    mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  }

  start(name: string, launch: Launch, core: number, folder: string): ServerProcess {
    const server = new ServerProcess(name, launch, core, join(folder, "stderr.log"));
    this.#processes.add(server);
    return server;
  }

  async stop(servers: readonly ServerProcess[]): Promise<void> {
    await Promise.all(servers.map((server) => server.stop()));
    for (const server of servers) this.#processes.delete(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop([...this.#processes]);
    process.off("exit", this.#onExit);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ports that were free a moment ago; all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map(portOf);
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, "close")));
  return ports;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
