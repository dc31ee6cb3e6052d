/**
 * How long the server of the source needs by itself, from spawn to its first 200, without any
 * cluster: what is left of the time to a replacement is the cluster's own share. Compiled code is kept
 * between starts, as the cluster keeps it for its servers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../../peers/free-port.ts";

const program = fileURLToPath(new URL("../../../examples/hello/server.ts", import.meta.url));
const startMsMax = 20_000;

/** Milliseconds of each of `times` starts, one after another. */
export async function measureStarts(
  times: number,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const cacheFolder = mkdtempSync(join(tmpdir(), "prunella-lab-"));
  try {
    await measureStart(cacheFolder, signal); // Fills the cache when it ends.
    const startsMs: number[] = [];
    while (startsMs.length < times) startsMs.push(await measureStart(cacheFolder, signal));
    return startsMs;
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true });
  }
}

async function measureStart(cacheFolder: string, signal: AbortSignal): Promise<number> {
  const port = await freePort();
  const startedMs = performance.now();
  const server = spawn(process.execPath, [program], {
    env: { ...process.env, PORT: `${port}`, NODE_COMPILE_CACHE: cacheFolder },
    stdio: "ignore",
  });
  try {
    while (!(await answers(port))) {
      signal.throwIfAborted();
      const failed = server.exitCode !== null || performance.now() - startedMs > startMsMax;
      if (failed) throw new Error(`${program} did not answer on port ${port}`);
      await delay(1);
    }
    return performance.now() - startedMs;
  } finally {
    await end(server);
  }
}

function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get({ host: "127.0.0.1", port, path: "/heartbeat", agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode === 200);
  });
  request.setTimeout(startMsMax, () => request.destroy());
  request.on("error", () => resolve(false));
  return promise;
}

/** Politely, because only a process that ends by itself writes its cache; by force if that fails. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, "exit");
  const force = setTimeout(() => server.kill("SIGKILL"), 2_000);
  server.kill("SIGTERM");
  await exited;
  clearTimeout(force);
}
