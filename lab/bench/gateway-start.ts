/**
 * How long a gateway needs from its launch to the first answered request, with the view on disk and
 * no agent: what a client notices after `kill -9`. Goal: 300 ms while the machine is busy.
 *
 *   npm run bench -- gateway-start [ROUNDS]
 *
 * `first` has no compile cache, as after an update; `idle` and `busy` have one. Busy: as many
 * processes as there are cores count as fast as they can beside it. The time of a busy machine says
 * more about the machine, so processor time until the first answer stands beside it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { availableParallelism, cpus, loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { GatewayConfig } from "@prunella/gateway/config";
import { ended, GatewayLab } from "./gateway-process.ts";

const lookMs = 2;
/** Long enough to write the compile cache. */
const cacheMs = 2_500;
const request = "GET /home HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

type Setup = { readonly lab: GatewayLab; readonly config: GatewayConfig; readonly port: number };

export async function run([roundsText = "20"]: readonly string[]): Promise<void> {
  const rounds = Number(roundsText);
  await using lab = new GatewayLab();
  const [backend, port] = await Promise.all([lab.backend("bench"), freePort()]);
  const config = lab.config({ listeners: [{ host: "127.0.0.1", port }] });
  writeFileSync(config.viewFile, JSON.stringify(lab.view([backend])));
  const setup = { lab, config, port };

  console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores`);
  console.log(`load average before: ${loadavg()[0]?.toFixed(2)}; ms from launch to first answer`);
  const dropCache = () => rmSync(lab.path("compile-cache"), { recursive: true, force: true });
  await report("first", setup, 5, dropCache);
  await startOnce(setup, cacheMs);
  await report("idle", setup, rounds, () => {});
  const burners = Array.from({ length: availableParallelism() }, burn);
  await report("busy", setup, rounds, () => {});
  for (const burner of burners) burner.kill("SIGKILL");
}

async function report(
  name: string,
  setup: Setup,
  count: number,
  before: () => void,
): Promise<void> {
  const starts: Start[] = [];
  for (let round = 0; round < count; round++) {
    before();
    starts.push(await startOnce(setup, 0));
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
async function startOnce({ lab, config, port }: Setup, stayMs: number): Promise<Start> {
  const startedAtMs = performance.now();
  const child = lab.spawnGateway(config);
  while (!(await answers(port))) {
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

async function answers(port: number): Promise<boolean> {
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
