/**
 * The example as a stranger would have it: copied into a folder of its own, with `prunella` beside it as
 * npm would put it there, started by the command that a person types, and ended whatever happens.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const example = fileURLToPath(new URL("..", import.meta.url));
const cli = fileURLToPath(new URL("../../../apps/cli", import.meta.url));
const patienceMs = 60_000;

export type Cookie = {
  readonly number: number;
  readonly fortune: string;
  readonly leader: string;
  readonly term: number;
};

export type Instance = {
  readonly name: string;
  readonly pid: number | null;
  readonly address: string | null;
  readonly leads: boolean;
  readonly term: number;
};

export type State = { readonly opened: number; readonly leader: string; readonly term: number };

type Status = {
  readonly agent: { readonly pid: number };
  readonly gateways: readonly Instance[];
  readonly services: readonly { readonly instances: readonly Instance[] }[];
};

export class RunningFortune implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "prunella-fortune-"));
  readonly port: number;
  readonly #pids = new Set<number>();

  private constructor(port: number) {
    this.port = port;
    cpSync(example, this.folder, {
      recursive: true,
      filter: (path) =>
        !/\.prunella|node_modules|\.test\.ts$|testing$/.test(path.slice(example.length)),
    });
    mkdirSync(join(this.folder, "node_modules"));
    symlinkSync(cli, join(this.folder, "node_modules/prunella"));
  }

  static async up(): Promise<RunningFortune> {
    const fortune = new RunningFortune(await freePort());
    try {
      await fortune.run("up");
      await fortune.status();
      return fortune;
    } catch (error) {
      await fortune[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get store(): string {
    return join(this.folder, ".prunella/data/fortune/fortune.sqlite");
  }

  /** Returns what the command printed; fails with what it said when it failed. */
  async run(...words: readonly string[]): Promise<string> {
    const launcher = join(this.folder, "node_modules/prunella/bin/prunella.js");
    const env = {
      PATH: process.env["PATH"],
      HOME: this.folder,
      WEB_PORT: `${this.port}`,
    };
    return new Promise((resolve, reject) => {
      const options = { cwd: this.folder, env, maxBuffer: 16 * 1024 * 1024 };
      execFile(process.execPath, [launcher, ...words], options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`prunella ${words.join(" ")}\n${stdout}\n${stderr}`));
      });
    });
  }

  async status(): Promise<Status> {
    const status = JSON.parse(await this.run("status", "--json")) as Status;
    this.#pids.add(status.agent.pid);
    for (const { pid } of all(status)) if (pid !== null) this.#pids.add(pid);
    return status;
  }

  async instances(): Promise<readonly Instance[]> {
    return (await this.status()).services[0]?.instances ?? [];
  }

  /** The one that leads; waits until there is one, and until its process is known. */
  async leader(): Promise<Instance & { readonly pid: number; readonly address: string }> {
    return until("somebody leads", async () => {
      const found = (await this.instances()).find(({ leads }) => leads);
      const { pid, address } = found ?? {};
      return found === undefined || typeof pid !== "number" || typeof address !== "string"
        ? undefined
        : { ...found, pid, address };
    });
  }

  /** Opens a cookie through the gateway; a key makes it safe to ask again. */
  async open(key: string): Promise<Cookie> {
    const headers = { "idempotency-key": key };
    const answer = await fetch(`${this.url}/fortune`, { method: "POST", headers });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()) as Cookie;
  }

  async state(): Promise<State> {
    return (await (await fetch(`${this.url}/state`)).json()) as State;
  }

  /** Ends everything at once as a power cut would: the agent first, so that nobody heals anything. */
  async killEverything(): Promise<void> {
    const status = await this.status();
    const pids = [status.agent.pid, ...all(status).map(({ pid }) => pid)];
    for (const pid of pids) if (pid !== null) kill(pid);
    await until(
      "all have ended",
      async () => pids.every((pid) => pid === null || !isRunning(pid)) || undefined,
    );
  }

  /** Those of the processes that were seen which still run. */
  leftovers(): readonly number[] {
    return [...this.#pids].filter(isRunning);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("down", "--purge").catch(() => undefined);
    for (const pid of this.leftovers()) kill(pid);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The first answer that is not undefined. */
export async function until<Value>(
  what: string,
  look: () => Promise<Value | undefined>,
): Promise<Value> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < untilMs, `not within ${patienceMs} ms: ${what}`);
    await delay(20);
  }
}

function all(status: Status): readonly Instance[] {
  return [...status.services.flatMap(({ instances }) => instances), ...status.gateways];
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** One that has ended and was not collected by its parent yet does not run. */
function isRunning(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  await new Promise((resolve) => server.close(resolve));
  return address.port;
}
