/**
 * Real gateway and backend processes for tests and measurements, without an agent: who uses this
 * plays the agent. Everything lives in one temporary folder and ends with `[Symbol.asyncDispose]`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { GatewayConfig } from "@prunella/gateway/config";
import type { Announcement } from "@prunella/gateway/process";
import { authorization, newToken } from "@prunella/wire/token";
import type { MemberView, ServiceView, View } from "@prunella/wire/view";

const gatewayMain = fileURLToPath(
  new URL("../../apps/cli/entries/gateway-main.ts", import.meta.url),
);
const backendMain = fileURLToPath(new URL("./backend-main.ts", import.meta.url));
const nodeArguments = ["-C", "@prunella/source"];
const lookMs = 5;

export type Backend = {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
};

export class GatewayLab implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "prunella-gateway-"));
  readonly token = newToken();
  readonly #children = new Set<ChildProcess>();
  #version = 0;

  /** Starts a replica and waits until it listens. */
  async backend(name: string, port = 0): Promise<Backend> {
    const child = this.#spawn([backendMain, name, `${port}`], "pipe");
    const [line] = await once(child.stdout ?? child, "data");
    return { name, port: Number(`${line}`), child };
  }

  config(change: Partial<GatewayConfig> = {}): GatewayConfig {
    return {
      cluster: "lab",
      instance: "gateway-1",
      listeners: [{ host: "127.0.0.1", port: 0 }],
      tokenFile: this.path("token"),
      viewFile: this.path("view.json"),
      announceFile: this.path("announce.json"),
      accessLog: false,
      logFile: this.path("gateway.log"),
      trustedProxies: [],
      ...change,
    };
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Spawns a gateway and returns at once; `announced` waits for it. */
  spawnGateway(config: GatewayConfig): ChildProcess {
    writeFileSync(config.tokenFile, this.token, { mode: 0o600 });
    writeFileSync(this.path("config.json"), JSON.stringify(config), { mode: 0o600 });
    return this.#spawn([gatewayMain, "--config", this.path("config.json")], "ignore");
  }

  async gateway(change: Partial<GatewayConfig> = {}): Promise<RunningGateway> {
    const config = this.config(change);
    const child = this.spawnGateway(config);
    const announcement = await announced(config.announceFile, child);
    return new RunningGateway(child, announcement, this.token);
  }

  view(members: readonly (Backend | MemberView)[], change: Partial<ServiceView> = {}): View {
    const service: ServiceView = {
      name: serviceName("hello"),
      kind: "replicas",
      routes: [{ prefix: "/" }],
      keys: [{ from: "request" }],
      placement: "default",
      seed: 0,
      timeoutMs: 10_000,
      bodyBytesMax: 1_048_576,
      members: members.map((member, index) =>
        "child" in member ? memberOf(member, index + 1) : member,
      ),
      ...change,
    };
    this.#version++;
    return {
      cluster: "lab",
      agentTerm: 1,
      version: this.#version,
      controlUrl: "",
      services: [service],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([...this.#children].map(ended));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(args: readonly string[], output: "pipe" | "ignore"): ChildProcess {
    const child = spawn(process.execPath, [...nodeArguments, ...args], {
      stdio: ["ignore", output, "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: this.path("compile-cache") }, // As the agent does.
    });
    child.stderr?.setEncoding("utf8");
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }
}

/** One gateway process that has announced itself. */
export class RunningGateway {
  readonly child: ChildProcess;
  readonly announcement: Announcement;
  readonly #token: string;

  constructor(child: ChildProcess, announcement: Announcement, token: string) {
    this.child = child;
    this.announcement = announcement;
    this.#token = token;
  }

  get url(): string {
    return `http://127.0.0.1:${this.announcement.port}`;
  }

  async admin(path: string, method = "GET", body?: unknown): Promise<Response> {
    return await fetch(`${this.announcement.adminUrl}${path}`, {
      method,
      headers: { authorization: authorization(this.#token) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async push(view: View): Promise<Response> {
    return await this.admin("/view", "PUT", view);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await ended(this.child);
  }
}

export function memberOf(
  backend: Backend,
  number: number,
  change: Partial<MemberView> = {},
): MemberView {
  return {
    id: instanceName(`hello-${number}`),
    incarnation: 1,
    host: "127.0.0.1",
    port: backend.port,
    weight: 1,
    state: "serving",
    number,
    served: true,
    hostname: `Server ${number}`,
    ...change,
  };
}

/** Lets a member answer what it was asked under `/held`. */
export async function release({ port }: Backend): Promise<void> {
  await fetch(`http://127.0.0.1:${port}/release`);
}

export async function ended(child: ChildProcess): Promise<number | undefined> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode ?? undefined;
}

/** Looks until `condition` holds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 60_000,
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(lookMs);
  }
}

async function announced(file: string, child: ChildProcess): Promise<Announcement> {
  let errors = "";
  child.stderr?.on("data", (text: string) => {
    errors += text;
  });
  let found: Announcement | undefined;
  await until(`a gateway announces itself in ${file}`, () => {
    if (child.exitCode !== null)
      throw new Error(`the gateway ended (${child.exitCode}): ${errors}`);
    found = readAnnouncement(file);
    return found?.pid === child.pid;
  });
  if (found === undefined) throw new Error("unreachable: until() has seen it");
  return found;
}

function readAnnouncement(file: string): Announcement | undefined {
  try {
    const announcement: Announcement = JSON.parse(readFileSync(file, "utf8"));
    return announcement;
  } catch {
    return undefined; // Not written yet.
  }
}
