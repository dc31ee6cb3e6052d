/**
 * `npm run bench -- gateway-stream`: a body of 1 GiB each way through a gateway in a process of its own,
 * with the memory that it holds meanwhile. Exit code 1 when the memory is not flat.
 */
import { parseArgs } from "node:util";
import { ClusterError } from "@prunella/core/kernel";
import { download, StreamServer, upload } from "../peers/byte-stream.ts";
import { GatewayProcess } from "../peers/gateway-process.ts";
import { describeMachine, table, watchMachine, writeJson } from "./report.ts";

const help = `npm run bench -- gateway-stream [--mib N] [--json FILE]
  --mib N      size of the body in MiB, 1 to 16384, default 1024
  --json FILE  writes all numbers there`;
const mebi = 1_048_576;
const sampleMs = 50;
/** What streams may hold beside what was there before: some pieces of 64 KiB and the garbage of a turn. */
const grownMiBMax = 16;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mib: { type: "string", default: "1024" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(help);
  const mib = Number(values.mib);
  if (!Number.isInteger(mib) || mib < 1 || mib > 16_384) {
    throw new ClusterError("CONFIG_INVALID", {
      message: `--mib is "${values.mib}". Use an integer from 1 to 16384.`,
    });
  }
  const facts = watchMachine();
  await using member = await StreamServer.start();
  await using gateway = await GatewayProcess.start(member.port);
  await download(gateway.port, 64 * mebi);
  await upload(gateway.port, 64 * mebi);
  const rows = [
    await measure(gateway, "down", mib, () => download(gateway.port, mib * mebi)),
    await measure(gateway, "up", mib, () => upload(gateway.port, mib * mebi)),
  ];
  const machine = facts();
  console.log(
    table(
      ["way", "MiB", "MiB/s", "held before", "held at most", "resident at most"],
      rows.map((row) => [
        row.way,
        String(mib),
        row.mibPerSecond.toFixed(0),
        row.beforeMiB.toFixed(1),
        row.mostMiB.toFixed(1),
        row.residentMiB.toFixed(0),
      ]),
    ),
  );
  console.log(`\n${describeMachine(machine)}`);
  if (values.json !== undefined) writeJson(values.json, { machine, rows });
  const isFlat = rows.every(({ beforeMiB, mostMiB }) => mostMiB - beforeMiB < grownMiBMax);
  console.log(`${isFlat ? "met   " : "MISSED"}  memory grows by less than ${grownMiBMax} MiB`);
  if (!isFlat) process.exitCode = 1;
}

type Row = {
  readonly way: string;
  readonly mibPerSecond: number;
  /** Heap and buffers after a collection. */
  readonly beforeMiB: number;
  readonly mostMiB: number;
  readonly residentMiB: number;
};

async function measure(
  gateway: GatewayProcess,
  way: string,
  mib: number,
  stream: () => Promise<number>,
): Promise<Row> {
  const before = await gateway.holding();
  const beforeMiB = before.heapMiB + before.buffersMiB;
  let [mostMiB, residentMiB] = [beforeMiB, before.residentMiB];
  const look = async (): Promise<void> => {
    const now = await gateway.holding();
    mostMiB = Math.max(mostMiB, now.heapMiB + now.buffersMiB);
    residentMiB = Math.max(residentMiB, now.residentMiB);
  };
  let isOver = false;
  const looking = (async () => {
    while (!isOver) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, sampleMs));
    }
  })();
  const startedMs = performance.now();
  const bytes = await stream();
  const seconds = (performance.now() - startedMs) / 1_000;
  isOver = true;
  await looking;
  if (bytes !== mib * mebi) throw new Error(`${bytes} bytes came through, not ${mib * mebi}`);
  return { way, mibPerSecond: mib / seconds, beforeMiB, mostMiB, residentMiB };
}
