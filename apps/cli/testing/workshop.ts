/** A folder with a program and a cluster file, whose cluster is ended and removed when a test is over. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterStatus } from "@prunella/wire/control";
import { type CommandResult, prunella } from "./command-run.ts";
import { freePort } from "./free-port.ts";

const server = `import { createServer } from "node:http";
const name = process.env.PRUNELLA_INSTANCE;
createServer((_, response) => response.end(name)).listen(Number(process.env.PORT), "127.0.0.1");
console.log(name + " listens");
process.on("SIGTERM", () => process.exit(0));
`;

export class Workshop implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "prunella-up-"));
  readonly port: number;
  readonly #pids = new Set<number>();

  private constructor(port: number) {
    this.port = port;
    writeFileSync(join(this.folder, "server.mjs"), server);
    this.write({ run: "./server.mjs", count: 3 });
  }

  static async open(): Promise<Workshop> {
    return new Workshop(await freePort());
  }

  get agentPid(): number {
    const text = readFileSync(join(this.folder, ".prunella", "agent.json"), "utf8");
    return (JSON.parse(text) as { pid: number }).pid;
  }

  /** Writes the cluster file: one service, named `echo`. */
  write(service: Readonly<Record<string, unknown>>): void {
    const file = {
      name: "test",
      gateway: { port: this.port },
      services: { echo: { kind: "replicas", route: "/", ...service } },
    };
    writeFileSync(join(this.folder, "cluster.yaml"), JSON.stringify(file));
  }

  run(...args: readonly string[]): Promise<CommandResult> {
    return prunella(this, ...args);
  }

  async status(): Promise<ClusterStatus> {
    const { code, stdout, stderr } = await this.run("status", "--json");
    assert.equal(code, 0, stderr);
    const status = JSON.parse(stdout) as ClusterStatus;
    this.#pids.add(status.agent.pid);
    for (const pid of pidsOf(status)) this.#pids.add(pid);
    return status;
  }

  /** What a client gets. */
  async ask(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.port}/`)).text();
  }

  /** Those of the processes that were seen which still run, as pid and command line. */
  leftovers(): readonly string[] {
    return [...this.#pids].filter(isRunning).map((pid) => `${pid} ${commandLine(pid)}`);
  }

  /** Ends in order, and by force what a failed test left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("down", "--purge");
    for (const pid of [...this.#pids].filter(isRunning)) process.kill(pid, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function pidsOf(status: ClusterStatus): readonly number[] {
  const all = [...status.services.flatMap((service) => service.instances), ...status.gateways];
  return all.flatMap(({ pid }) => (pid === null ? [] : [pid]));
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

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
}
