/**
 * `npm run bench -- gateway-profile`: which functions of our gateway use the processor under one of the
 * cases of `npm run bench -- gateway`, with V8's own sampling profiler.
 */
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ClusterError } from "@prunella/core/kernel";
import { benchCases, mainCase } from "./gateway/case-table.ts";
import { planCores } from "./gateway/core-plan.ts";
import { type ProfileSummary, summarizeProfile } from "./gateway/cpu-profile.ts";
import { type Fleet, startFleet, stopFleet } from "./gateway/fleet.ts";
import { type Measurement, measure, warmUp } from "./gateway/measurement.ts";
import { ServerRoom } from "./gateway/server-process.ts";
import { installAdvice, missingProgram, ours, oursFrom } from "./gateway/subject-table.ts";
import { describeMachine, table, watchMachine } from "./report.ts";

const warmUpSeconds = 3;
const intervalUs = 200;

const help = `npm run bench -- gateway-profile [options]
  --case NAME     default ${mainCase}; not the paced and idle ones
  --seconds N     of the profile, after ${warmUpSeconds} of warming up, default 6
  --top N         lines, default 30
  --flags="..."   further options for Node
  --out FILE      keeps the .cpuprofile, which browsers and editors can show`;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: "string", default: mainCase },
      seconds: { type: "string", default: "6" },
      top: { type: "string", default: "30" },
      flags: { type: "string", default: "" },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(help);
  const facts = watchMachine();
  await using room = new ServerRoom();
  const { summary, measured, file } = await profile(room, values);
  if (values.out !== undefined) copyFileSync(file, values.out);
  print(summary, measured, Number(values.top));
  console.log(`\n${describeMachine(facts())}`);
}

type Profiled = {
  readonly summary: ProfileSummary;
  readonly measured: Measurement;
  readonly file: string;
};

async function profile(
  room: ServerRoom,
  { case: caseName, seconds, flags }: { case: string; seconds: string; flags: string },
): Promise<Profiled> {
  const benchCase = benchCases.find(({ name }) => name === caseName);
  if (benchCase?.load.kind !== "closed") throw invalid(`--case "${caseName}" cannot be profiled.`);
  const missing = ["nginx", "wrk", "taskset"]
    .map(missingProgram)
    .find((each) => each !== undefined);
  if (missing !== undefined) throw invalid(`${missing}. ${installAdvice}`);

  const folder = room.newFolder("profile");
  const profiling = `--cpu-prof --cpu-prof-dir=${folder} --cpu-prof-interval=${intervalUs} ${flags}`;
  const plan = planCores(availableParallelism());
  const fleet = await startFleet(
    room,
    plan,
    [oursFrom(ours, { flags: profiling })],
    benchCase.backends,
  );
  const running = gatewayOf(fleet);
  const scriptFile = join(room.folder, "load.lua");
  const bench = { plan, seconds: Number(seconds), scriptFile, patienceMs: 0, isShort: false };
  const target = { bench, fleet, running, benchCase };
  await warmUp(target, warmUpSeconds);
  const fromMs = performance.now();
  const measured = await measure(target, 1);
  const untilMs = performance.now();
  await stopFleet(room, fleet);
  const endMs = performance.now();
  const name = readdirSync(folder).find((each) => each.endsWith(".cpuprofile"));
  if (name === undefined) throw new Error(`Node wrote no profile into ${folder}`);
  const file = join(folder, name);
  const summary = summarizeProfile(
    JSON.parse(readFileSync(file, "utf8")),
    endMs - fromMs,
    endMs - untilMs,
  );
  return { summary, measured, file };
}

function gatewayOf({ running, absent }: Fleet) {
  const [gateway] = running;
  if (gateway === undefined) throw new Error(absent.join(" "));
  return gateway;
}

function print({ areas, functions }: ProfileSummary, measured: Measurement, top: number): void {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const { case: name, cpuUsPerRequest, foreign } = measured;
  console.log(`${name}: ${cpuUsPerRequest.toFixed(1)} us per request with the profiler on`);
  console.log(`others had ${percent(foreign)} of the machine\n`);
  const parts = Object.entries(areas).map(([area, share]) => `${area} ${percent(share)}`);
  console.log(`${parts.join(", ")}\n`);
  const rows = functions
    .slice(0, top)
    .map(({ name: functionName, place, share }) => [
      functionName,
      percent(share),
      (share * cpuUsPerRequest).toFixed(2),
      place,
    ]);
  console.log(table(["function", "self", "us/req", "where"], rows));
}

function invalid(message: string): ClusterError {
  return new ClusterError("CONFIG_INVALID", { message });
}
