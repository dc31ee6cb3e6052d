/**
 * `npm run bench -- election`: how long nobody leads after the leader was killed, stopped, or asked to hand
 * over, with real processes on loopback.
 *
 * `kill` tells the survivors which process has ended, as the agent does (proof), `refused` lets a majority
 * that is refused connections do without, `stop` freezes the leader so that only silence tells. The parts
 * are: from the fault to the first suspicion (detect), and from there until a member says that it leads
 * (elect), its vote on disk. With `--fence` a fenced file, with two fsyncs of its own, is part of it.
 */
import { parseArgs } from "node:util";
import { ClusterError } from "@prunella/core/kernel";
import { Group, pause } from "../../shell/elector/testing/group.ts";
import { summarize } from "../chaos/percentile.ts";
import { describeMachine, table, watchMachine, writeJson } from "./report.ts";

const usage = `Usage: npm run bench -- election [--counts 3,5,9] [--cases kill,refused,stop,handover] [--rounds 10] [--fence] [--json FILE]
Measures from the fault to the next leader, in milliseconds, with timing profile lan.`;

const cases = ["kill", "refused", "stop", "handover"] as const;
type Case = (typeof cases)[number];

type Measured = { readonly detectMs: number; readonly electMs: number };

/** Longer than a quarantine after a restart, and than the back-off of the last round. */
const restMs = 1_500;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      counts: { type: "string", default: "3,5,9" },
      cases: { type: "string", default: cases.join(",") },
      rounds: { type: "string", default: "10" },
      fence: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
  const rounds = Number(values.rounds);
  const counts = values.counts.split(",").map(Number);
  const chosen = values.cases.split(",").map(caseNamed);
  if (![rounds, ...counts].every((value) => Number.isInteger(value) && value > 0)) {
    throw new ClusterError("CONFIG_INVALID", { message: "Rounds and counts are whole numbers." });
  }
  const stopWatching = watchMachine();
  const results = [];
  for (const count of counts) {
    for (const what of chosen) {
      const measured = await measure({ count, what, rounds, isFenced: values.fence });
      results.push({ count, what, measured });
    }
  }
  const machine = stopWatching();
  const head = ["case", "n", "rounds", "detect p50", "p95", "elect p50", "p95", "total p50", "p95"];
  console.log(table(head, results.map(rowOf)));
  console.log(`\n${describeMachine(machine)}`);
  if (values.json !== undefined) writeJson(values.json, { machine, results });
}

function caseNamed(name: string): Case {
  const found = cases.find((one) => one === name);
  if (found !== undefined) return found;
  throw new ClusterError("CONFIG_INVALID", { message: `There is no case "${name}".` });
}

function rowOf(result: {
  readonly count: number;
  readonly what: Case;
  readonly measured: readonly Measured[];
}): readonly string[] {
  const { count, what, measured } = result;
  const parts = [
    measured.map(({ detectMs }) => detectMs),
    measured.map(({ electMs }) => electMs),
    measured.map(({ detectMs, electMs }) => detectMs + electMs),
  ].map(summarize);
  const numbers = parts.flatMap(({ p50, p95 }) => [p50.toFixed(1), p95.toFixed(1)]);
  return [what, `${count}`, `${measured.length}`, ...numbers];
}

async function measure(plan: {
  readonly count: number;
  readonly what: Case;
  readonly rounds: number;
  readonly isFenced: boolean;
}): Promise<readonly Measured[]> {
  const { count, what, rounds, isFenced } = plan;
  const changes = what === "refused" ? { leaseBreak: "refused" as const } : {};
  await using group = await Group.start({ count, changes, isFenced });
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round++) {
    const { process, term } = await group.settled();
    await pause(restMs);
    const seen = group.processes.map(({ facts }) => facts.length);
    const atMs = performance.timeOrigin + performance.now();
    if (what === "kill") await group.killAndTell(process);
    else if (what === "refused") await process.kill();
    else if (what === "stop") process.signal("SIGSTOP");
    else process.say("resign");
    const next = await group.leader(term);
    const suspicions = group.processes.flatMap(({ facts }, index) =>
      facts.slice(seen[index]).filter(({ type }) => type === "suspect"),
    );
    const suspectedAtMs = Math.min(...suspicions.map((one) => Number(one["atMs"])));
    const ledAtMs = Number(next.fact["atMs"]);
    measured.push({ detectMs: suspectedAtMs - atMs, electMs: ledAtMs - suspectedAtMs });
    if (what === "stop") process.signal("SIGCONT");
    if (what === "kill" || what === "refused") {
      process.launch();
      await process.fact("started");
    }
  }
  return measured;
}
