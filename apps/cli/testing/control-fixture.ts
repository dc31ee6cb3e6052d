/**
 * The control API without a cluster behind it: a real HTTP server on a real port with a state folder
 * of its own, for screens and failures that a real cluster shows too rarely or too briefly. What it
 * answers is checked against the schemas, so it cannot drift from what an agent says.
 *
 * `lifecycle.test.ts` runs the same commands against a real agent.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClusterEvent,
  type ClusterStatus,
  clusterEvent,
  clusterStatus,
  type Explanation,
  explanation,
  type InstanceStatus,
} from "@prunella/wire/control";
import { isAuthorized, newToken } from "@prunella/wire/token";

export type Seen = { readonly method: string; readonly path: string; readonly body: unknown };

type Reply = { readonly status: number; readonly body: unknown };

export class ControlFixture implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "prunella-cli-"));
  readonly seen: Seen[] = [];
  readonly events: ClusterEvent[] = [];
  readonly logs = new Map<string, string[]>();
  readonly #token = newToken();
  readonly #streams = new Set<{ path: string; response: ServerResponse; sent: number }>();
  #server: Server | undefined;
  status: ClusterStatus;
  explanation: Explanation | undefined;
  /** Called after each change that a client asks for; it may change `status`. */
  onChange: (seen: Seen) => Reply | undefined = () => undefined;

  constructor(instances: readonly InstanceStatus[]) {
    this.status = statusOf(instances);
  }

  get stateFolder(): string {
    return join(this.folder, ".prunella");
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => response.destroy(error));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    const { mkdirSync } = await import("node:fs");
    mkdirSync(this.stateFolder, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.stateFolder, "token"), `${this.#token}\n`, { mode: 0o600 });
    writeFileSync(join(this.stateFolder, "state.json"), JSON.stringify({ schema: 1, spec: {} }));
    const agent = { pid: deadPid(), url: `http://127.0.0.1:${port}`, version: "0.1.0" };
    writeFileSync(join(this.stateFolder, "agent.json"), JSON.stringify(agent));
    return this;
  }

  /** The agent dies as from `kill -9`: connections break, its announcement stays. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  emit(event: Omit<ClusterEvent, "id" | "at" | "service" | "incident" | "data">): void {
    const id = this.events.length + 1;
    const at = new Date(Date.UTC(2026, 0, 1) + id * 1_000).toISOString();
    this.events.push(
      clusterEvent.parse({ id, at, service: "hello", incident: null, data: {}, ...event }),
    );
    this.#feed();
  }

  log(instance: string, ...lines: readonly string[]): void {
    this.logs.set(instance, [...(this.logs.get(instance) ?? []), ...lines]);
    this.#feed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://agent");
    const body = await readJson(request);
    if (!isAuthorized(request.headers.authorization, this.#token)) {
      return send(response, failed(401, "TOKEN_REFUSED", "no token"));
    }
    const path = decodeURIComponent(pathname);
    const seen = { method: request.method ?? "", path, body };
    this.seen.push(seen);
    const [, , noun, name = "", verb] = path.split("/");
    if (path === "/v1/status") {
      return send(response, { status: 200, body: clusterStatus.parse(this.status) });
    }
    if (path === "/v1/events" || verb === "logs") {
      return this.#stream(path, searchParams, response);
    }
    if (path === "/v1/down") return this.#down(response);
    const known = [...this.status.services.flatMap((each) => each.instances)];
    if (noun === "instances" && !known.some((each) => each.name === name)) {
      return send(response, failed(404, "INSTANCE_UNKNOWN", `There is no instance "${name}".`));
    }
    if (verb === "why") {
      return send(response, { status: 200, body: explanation.parse(this.explanation) });
    }
    const reply = this.onChange(seen);
    const instance = known.find((each) => each.name === name) ?? {};
    send(
      response,
      reply ?? { status: 200, body: noun === "services" ? this.status.services[0] : instance },
    );
  }

  #stream(path: string, query: URLSearchParams, response: ServerResponse): void {
    const isEvents = path === "/v1/events";
    const after = Number(query.get("after") ?? 0);
    const kept = isEvents ? this.events.length : (this.logs.get(nameIn(path))?.length ?? 0);
    const sent = isEvents ? after : Math.max(0, kept - Number(query.get("tail") ?? 200));
    response.writeHead(200);
    response.flushHeaders();
    const stream = { path, response, sent };
    this.#streams.add(stream);
    response.once("close", () => this.#streams.delete(stream));
    this.#feed();
    if (query.get("follow") !== "true") response.end();
  }

  #feed(): void {
    for (const stream of this.#streams) {
      const lines =
        stream.path === "/v1/events"
          ? this.events.map((event) => JSON.stringify(event))
          : (this.logs.get(nameIn(stream.path)) ?? []);
      for (const line of lines.slice(stream.sent)) stream.response.write(`${line}\n`);
      stream.sent = lines.length;
    }
  }

  #down(response: ServerResponse): void {
    for (const { instances } of this.status.services) {
      for (const { name } of instances) {
        response.write(`${JSON.stringify({ instance: name, phase: "ending" })}\n`);
        response.write(`${JSON.stringify({ instance: name, phase: "ended" })}\n`);
      }
    }
    writeFileSync(join(this.stateFolder, "state.json"), JSON.stringify({ schema: 1 }));
    rmSync(join(this.stateFolder, "agent.json"));
    response.end();
  }
}

/** An instance that serves, with whatever differs. */
export function instanceOf(name: string, differing: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    name,
    hostname: name,
    incarnation: 1,
    phase: "serving",
    ready: differing.phase === undefined || differing.phase === "serving",
    pid: 4_000,
    address: "127.0.0.1:41000",
    restarts: 0,
    startedAt: new Date(Date.now() - 65_000).toISOString(),
    cpu: 0.123,
    memoryMiB: 48.4,
    reason: "answers its probe",
    ...differing,
  };
}

export function statusOf(instances: readonly InstanceStatus[]): ClusterStatus {
  const ready = instances.filter((instance) => instance.ready).length;
  return {
    cluster: "demo",
    services: [
      {
        name: "hello",
        kind: "replicas",
        desired: instances.length,
        ready,
        instances: [...instances],
      },
    ],
    gateways: [instanceOf("gateway", { address: "127.0.0.1:5000" })],
    agent: { pid: 4_711, url: "http://127.0.0.1:1", term: 1, startedAt: new Date().toISOString() },
    url: "http://127.0.0.1:5000",
    converged: ready === instances.length,
    unsettled: instances
      .filter((instance) => !instance.ready)
      .map(({ name, reason }) => `${name}: ${reason}`),
    troubles: [],
  };
}

export function failed(status: number, code: string, message: string): Reply {
  return { status, body: { error: { code, message, details: {} } } };
}

function nameIn(path: string): string {
  return path.split("/")[3] ?? "";
}

function send(response: ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

/** The id of a process that has ended; nobody gets it again within a test. */
function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}
