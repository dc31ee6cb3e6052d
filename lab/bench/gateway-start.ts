/**
 * How long a gateway needs from its launch to the first answered request, with the view on disk and
 * no agent: what a client notices after `kill -9`. Goal: 300 ms while the machine is busy.
 *
 *   node -C @prunella/source lab/bench/gateway-start.ts [ROUNDS]
 *
 * `first` has no compile cache, as after an update; `idle` and `busy` have one. Busy: as many
 * processes as there are cores count as fast as they can beside it. The time of a busy machine says
 * more about the machine, so processor time until the first answer stands beside it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { availableParallelism, cpus, loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { ended, GatewayLab } from "./gateway-process.ts";

const rounds = Number(process.argv[2] ?? 20);
const lookMs = 2;
const request = "GET /home HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

await using lab = new GatewayLab();
const backend = await lab.backend("bench");
const port = await freePort();
const config = lab.config({ listeners: [{ host: "127.0.0.1", port }] });
writeFileSync(config.viewFile, JSON.stringify(lab.view([backend])));

console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores`);
console.log(`load average before: ${loadavg()[0]?.toFixed(2)}; ms from launch to the first answer`);
const dropCache = () => rmSync(lab.path("compile-cache"), { recursive: true, force: true });
await report("first", 5, dropCache);
await startOnce(2_500); // Long enough to write the cache.
await report("idle", rounds, () => {});
const burners = Array.from({ length: availableParallelism() }, burn);
await report("busy", rounds, () => {});
for (const burner of burners) burner.kill("SIGKILL");

async function report(name: string, count: number, before: () => void): Promise<void> {
  const starts: Start[] = [];
  for (let round = 0; round < count; round++) {
    before();
    starts.push(await startOnce(0));
  }
  const took = spread(starts.map(({ tookMs }) => tookMs));
  const cpu = spread(starts.map(({ cpuMs }) => cpuMs));
  console.log(`${name.padEnd(6)} n=${count}  ${took}   processor ${cpu}`);
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]?.toFixed(0);
  return `min ${at(0.001)} p50 ${at(0.5)} p95 ${at(0.95)} max ${at(1)}`;
}

type Start = { readonly tookMs: number; readonly cpuMs: number };

/** Launches, waits for the first answer, kills without mercy. */
async function startOnce(stayMs: number): Promise<Start> {
  const startedAtMs = performance.now();
  const child = lab.spawnGateway(config);
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`);
    await delay(lookMs);
  }
  const start = { tookMs: performance.now() - startedAtMs, cpuMs: cpuMsOf(child.pid ?? 0) };
  await delay(stayMs);
  child.kill("SIGKILL");
  await ended(child);
  return start;
}

/** Processor time of all threads so far. Linux only; NaN elsewhere. */
function cpuMsOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"))
      .reduce((sum, text) => sum + Number(text.split(" ")[0]) / 1e6, 0);
  } catch {
    return Number.NaN; // No /proc here: the table shows it.
  }
}

async function answers(): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    socket.write(request);
    const [bytes] = await once(socket, "data");
    return `${bytes}`.startsWith("HTTP/1.1 200");
  } catch {
    return false; // Refused: nobody listens yet.
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function burn(): ChildProcess {
  return spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
}
