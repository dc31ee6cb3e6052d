/**
 * What the access log costs: processor time of a gateway per request, without it, with it, and with a
 * sample of one in a hundred, in turns.
 *
 *   npm run bench -- access-log [ROUNDS]
 *
 * The load is a closed loop over 32 connections from this process, so requests per second mean
 * nothing here; the processor time of the gateway, over all of its threads, is what counts.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { GatewayLab, type RunningGateway } from "./gateway-process.ts";

const connectionCount = 32;
const roundMs = 2_000;
const request = "GET /home?id=123456&name=somebody HTTP/1.1\r\nHost: bench\r\n\r\n";

export async function run([roundsText = "5"]: readonly string[]): Promise<void> {
  const rounds = Number(roundsText);
  await using lab = new GatewayLab();
  const backends = await Promise.all([lab.backend("one"), lab.backend("two")]);
  const start = async (name: string, accessLog: boolean | number) => {
    const files = { announceFile: lab.path(`${name}.json`), viewFile: lab.path(`${name}.view`) };
    const gateway = await lab.gateway({ accessLog, logFile: lab.path(`${name}.log`), ...files });
    await gateway.push(lab.view(backends));
    await load(gateway); // Warm up.
    return { name, gateway, costs: [] as number[] };
  };
  const subjects = [await start("off", false), await start("on", true), await start("1 %", 0.01)];
  for (let round = 0; round < rounds; round++) {
    for (const { gateway, costs } of subjects) {
      const before = cpuMs(gateway);
      const answers = await load(gateway);
      costs.push(((cpuMs(gateway) - before) / answers) * 1_000);
    }
  }
  for (const { name, costs } of subjects) print(name, costs);
}

function print(name: string, costs: readonly number[]): void {
  const sorted = costs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  console.log(
    `access log ${name.padEnd(3)}  ${median.toFixed(1)} us of processor time per request, ` +
      `min ${sorted[0]?.toFixed(1)} max ${sorted.at(-1)?.toFixed(1)} of ${costs.length} rounds`,
  );
}

/** Answers received in one round. */
async function load(gateway: RunningGateway): Promise<number> {
  const untilMs = performance.now() + roundMs;
  const counts = await Promise.all(
    Array.from({ length: connectionCount }, async () => {
      const socket = connect(gateway.announcement.port, "127.0.0.1");
      await once(socket, "connect");
      let answers = 0;
      socket.on("data", () => {
        answers++; // The answers are small: one chunk each.
        if (performance.now() < untilMs) socket.write(request);
        else socket.destroy();
      });
      socket.write(request);
      await once(socket, "close");
      return answers;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function cpuMs(gateway: RunningGateway): number {
  const tasks = `/proc/${gateway.child.pid}/task`;
  return readdirSync(tasks)
    .map((thread) => readFileSync(`${tasks}/${thread}/schedstat`, "utf8"))
    .reduce((sum, text) => sum + Number(text.split(" ")[0]) / 1e6, 0);
}
