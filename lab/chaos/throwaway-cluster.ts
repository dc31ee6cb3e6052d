/**
 * A real cluster for one experiment: its own folder, port and name, started by the command that a
 * person types, and ended whatever happens. Nothing outside its folder is touched; only processes
 * that carry the cluster's name are ever signalled.
 */
import { execFile, execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { ClusterStatus, InstanceStatus } from "@prunella/wire/control";

const root = fileURLToPath(new URL("../..", import.meta.url));
const launcher = join(root, "apps/cli/bin/prunella.js");
const helloServer = join(root, "examples/hello/server.ts");
const outputBytesMax = 16 * 1024 * 1024;

export type CommandResult = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** A process that carries the name of this cluster. */
export type Carrier = {
  readonly pid: number;
  readonly instance: string;
  readonly incarnation: number;
  readonly isGateway: boolean;
};

export type ThrowawayOptions = {
  /** Default `replicas`. */
  readonly kind?: "replicas" | "elected";
  readonly count?: number;
  readonly gateways?: number;
  /** Text of the service's options beside `run` and `count`. */
  readonly service?: string;
  /** The program; the hello server when not given. */
  readonly program?: string;
  /** Program and arguments, instead of `program`. */
  readonly run?: readonly string[];
};

export class ThrowawayCluster implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly port: number;

  private constructor(name: string, folder: string, port: number) {
    this.name = name;
    this.folder = folder;
    this.port = port;
  }

  /** Writes the files; nothing runs yet. */
  static async create(options: ThrowawayOptions = {}): Promise<ThrowawayCluster> {
    const folder = mkdtempSync(join(tmpdir(), "prunella-lab-"));
    const name = `lab-${folder.slice(-6)}`;
    const port = await freePort();
    const cluster = new ThrowawayCluster(name, folder, port);
    mkdirSync(join(folder, "app"));
    if (options.program === undefined) copyFileSync(helloServer, join(folder, "app/server.ts"));
    else writeFileSync(join(folder, "app/server.ts"), options.program);
    cluster.write(options);
    return cluster;
  }

  /** Replaces the cluster file. */
  write({
    kind = "replicas",
    count = 3,
    gateways = 1,
    service = 'health: "/heartbeat", compat: "load-balancer"',
    run,
  }: ThrowawayOptions): void {
    const text = `import { defineCluster, ${kind} } from "prunella";

export default defineCluster({
  name: "${this.name}",
  gateway: { port: ${this.port}, count: ${gateways} },
  services: { hello: ${kind}({ run: ${JSON.stringify(run ?? "./app/server.ts")}, count: ${count}, ${service} }) },
});
`;
    writeFileSync(join(this.folder, "cluster.ts"), text);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get stateFolder(): string {
    return join(this.folder, ".prunella");
  }

  /** Runs `prunella` as a person would, in the folder of the cluster. */
  async run(...args: readonly string[]): Promise<CommandResult> {
    const options = {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: "1" },
      maxBuffer: outputBytesMax,
    };
    const command = promisify(execFile)(process.execPath, [launcher, ...args], options);
    const result = await command.catch((error: CommandResult) => error);
    const code = "code" in result ? result.code : 0;
    return { code, stdout: result.stdout, stderr: result.stderr };
  }

  /** The same, for commands that must succeed. */
  async must(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code === 0) return stdout;
    throw new Error(
      `prunella ${args.join(" ")} ended with ${code}:\n${stderr}${stdout}${this.agentLog()}`,
    );
  }

  async up(): Promise<void> {
    await this.must("up");
  }

  async status(): Promise<ClusterStatus> {
    return JSON.parse(await this.ask("/v1/status")) as ClusterStatus;
  }

  /** The answer of the control API to a GET. */
  async ask(path: string): Promise<string> {
    const { agent, token } = this.#connection();
    const headers = { authorization: `Bearer ${token}` };
    return await (await fetch(`${agent.url}${path}`, { headers })).text();
  }

  get agentPid(): number {
    return this.#connection().agent.pid;
  }

  async gatewayPid(): Promise<number> {
    const pid = (await this.status()).gateways[0]?.pid;
    if (typeof pid !== "number") throw new Error("no gateway runs");
    return pid;
  }

  async replicas(): Promise<readonly InstanceStatus[]> {
    return (await this.status()).services[0]?.instances ?? [];
  }

  /** Every process that carries this cluster's name, whoever started it. The truth about copies. */
  census(): readonly Carrier[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((entry): readonly Carrier[] => {
        const variables = environmentOf(Number(entry));
        if (variables.get("PRUNELLA_CLUSTER") !== this.name) return [];
        const instance = variables.get("PRUNELLA_INSTANCE") ?? "";
        const incarnation = Number(variables.get("PRUNELLA_INCARNATION"));
        return [
          { pid: Number(entry), instance, incarnation, isGateway: instance.startsWith("gateway") },
        ];
      });
  }

  /** Waits until `check` holds; fails with `what` and the agent's log when it does not in time. */
  async until(
    what: string,
    waitMs: number,
    check: () => Promise<boolean> | boolean,
  ): Promise<void> {
    const endAtMs = performance.now() + waitMs;
    while (!(await Promise.resolve(check()).catch(() => false))) {
      if (performance.now() > endAtMs)
        throw new Error(`not within ${waitMs} ms: ${what}\n${this.agentLog()}`);
      await delay(10);
    }
  }

  agentLog(): string {
    try {
      return readFileSync(join(this.stateFolder, "agent.log"), "utf8").slice(-4_000);
    } catch {
      return "";
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("down", "--purge");
    for (const { pid } of this.census()) kill(pid);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #connection(): {
    readonly agent: { readonly url: string; readonly pid: number };
    readonly token: string;
  } {
    const agent = JSON.parse(readFileSync(join(this.stateFolder, "agent.json"), "utf8"));
    return { agent, token: readFileSync(join(this.stateFolder, "token"), "utf8").trim() };
  }
}

/** SIGKILL, to a process that may be gone already. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was faster.
  }
}

/** What a process was started with; nothing of one that is gone. */
export function environmentOf(pid: number): ReadonlyMap<string, string> {
  try {
    const isZombie = readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
    if (isZombie) return new Map();
    const pairs = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return new Map(
      pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
    );
  } catch {
    return new Map(); // Gone, or not ours.
  }
}

/**
 * A port outside the range that outgoing connections draw from: while a gateway is dead under load,
 * the kernel would otherwise give its port to one of the clients now and then.
 */
async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(10_000, 20_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("no free port between 10000 and 20000 in 50 attempts");
}

/** What every report says about where it was measured. */
export function machine(): string {
  const cpu = /model name\s*:\s*(.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
  const cores = execFileSync("nproc", { encoding: "utf8" }).trim();
  const [load] = readFileSync("/proc/loadavg", "utf8").split(" ");
  return `${cpu}, ${cores} cores, Node ${process.version}, load ${load}`;
}
