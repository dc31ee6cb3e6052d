/**
 * nginx as the server behind the gateway: a second judge with another parser. It reads each request to
 * its end, says in `X-Seen` what it read, and writes a line for each.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";

const readyMs = 5_000;

/** Why nginx cannot judge here; undefined when it can. */
export function nginxMissing(): string | undefined {
  const { error } = spawnSync("nginx", ["-v"]);
  return error === undefined ? undefined : "nginx is not installed (lab/bench/install-peers.sh)";
}

export class NginxBackend implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  static async start(): Promise<NginxBackend> {
    const folder = mkdtempSync(join(tmpdir(), "prunella-nginx-"));
    const port = await freePort();
    const config = join(folder, "nginx.conf");
    writeFileSync(config, configOf(folder, port));
    const child = spawn("nginx", ["-p", folder, "-e", join(folder, "error.log"), "-c", config], {
      stdio: "ignore",
    });
    const backend = new NginxBackend(port, folder, child);
    const untilMs = performance.now() + readyMs;
    while (!(await accepts(port))) {
      if (performance.now() < untilMs && child.exitCode === null) {
        await delay(10);
        continue;
      }
      const log = readFileSync(join(folder, "error.log"), "utf8");
      await backend[Symbol.asyncDispose]();
      throw new Error(`nginx does not serve: ${log}`);
    }
    return backend;
  }

  /** Requests that it answered with 200, in words. */
  answered(): readonly string[] {
    const file = join(this.#folder, "access.log");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "latin1").split("\n");
    return lines.filter((line) => line.startsWith("200 "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The first server reads the whole request before it asks the second one, which echoes. */
function configOf(folder: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(" ");
  return `
daemon off; master_process off; worker_processes 1; pid ${join(folder, "pid")};
error_log ${join(folder, "error.log")} warn;
events { worker_connections 512; }
http {
  ${temporary}
  log_format seen escape=none '$status $request_method $request_uri';
  proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
  large_client_header_buffers 4 64k; keepalive_requests 1000000; client_max_body_size 0;
  server {
    listen 127.0.0.1:${port} backlog=511;
    access_log ${join(folder, "access.log")} seen;
    location / { proxy_pass http://unix:${join(folder, "echo.sock")}; }
  }
  server {
    listen unix:${join(folder, "echo.sock")};
    access_log off;
    add_header X-Seen "$request_method $request_uri $content_length" always;
    location / { return 200 "ok"; }
  }
}
`;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
