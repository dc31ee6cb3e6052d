/**
 * `npm run proof -- [NAME ...] [--times N] [--rate N] [--json FILE] [--record]`: runs proofs and says whether
 * their claims hold. Exit code 6 when one does not.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { agentKill } from "./agent-kill.ts";
import { allKill } from "./all-kill.ts";
import { electedAllKill } from "./elected-all-kill.ts";
import { firstUp } from "./first-up.ts";
import { gatewayKill } from "./gateway-kill.ts";
import { leaderCounter } from "./leader-counter.ts";
import { leaderHandover } from "./leader-handover.ts";
import { leaderKill, leaderKill5, leaderKill9 } from "./leader-kill.ts";
import { leaderStop } from "./leader-stop.ts";
import { leaderStrangers } from "./leader-strangers.ts";
import type { Proof } from "./proof.ts";
import { type RecordedProof, writeProofPage } from "./proof-page.ts";
import { replicaKill, replicaKillUnderLoad } from "./replica-kill.ts";
import { scaleUnderLoad } from "./scale-under-load.ts";
import { machine } from "./throwaway-cluster.ts";

const proofs: readonly Proof[] = [
  firstUp,
  replicaKill,
  replicaKillUnderLoad,
  agentKill,
  gatewayKill,
  allKill,
  scaleUnderLoad,
  leaderKill,
  leaderKill5,
  leaderKill9,
  leaderStop,
  leaderCounter,
  leaderHandover,
  leaderStrangers,
  electedAllKill,
];
const hypothesisFailed = 6;

const usage = `Usage: npm run proof -- [NAME ...] [options]

  --times N      how often each proof does what it does (see below)
  --rate N       requests per second of its clients
  --json FILE    writes all claims and numbers there
  --record       writes docs/proofs.md; only of all proofs, each as often as it says

Exit code 6: a claim does not hold.

Proofs, and how often they do it:
${proofs.map(({ name, defaults, hypothesis }) => `  ${name.padEnd(26)} ${`${defaults.times}`.padStart(3)}  ${hypothesis}`).join("\n")}
`;

const { values, positionals } = commandLine();
if (values.help === true) {
  process.stdout.write(usage);
  process.exit(0);
}
const wanted = { times: countOf("times", 1), rate: countOf("rate", 0) };
const unknown = positionals.filter((name) => !proofs.some((proof) => proof.name === name));
if (unknown.length > 0) refuse(`There is no proof "${unknown.join('", "')}".`);
const chosen = proofs.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results: RecordedProof[] = [];
process.stdout.write(`${machine()}\n`);
for (const proof of chosen) {
  const { name, hypothesis, defaults } = proof;
  const { times = defaults.times, rate = defaults.rate } = wanted;
  process.stdout.write(`\n${name}: ${hypothesis}\n`);
  const say = (line: string): void => void process.stderr.write(`  ${line}\n`);
  const result = await proof.run({ times, rate, say });
  results.push({ ...result, hypothesis });
  for (const { text, holds, measured } of result.claims) {
    process.stdout.write(`  ${holds ? "holds" : "FAILS"}  ${text}: ${measured}\n`);
  }
  const numbers = Object.entries(result.numbers).map(([key, value]) => `${key} ${round(value)}`);
  process.stdout.write(`  ${numbers.join("  ")}\n`);
}
if (values.json !== undefined) {
  const document = { machine: machine(), at: new Date().toISOString(), results };
  writeFileSync(values.json, `${JSON.stringify(document, undefined, 2)}\n`);
}
if (values.record === true && (values.times !== undefined || chosen.length < proofs.length)) {
  process.stderr.write(
    "Not recorded: the page holds whole runs of all proofs. Leave names and --times out.\n",
  );
} else if (values.record === true) writeProofPage(machine(), new Date().toISOString(), results);
const isProven = results.every(({ claims }) => claims.every(({ holds }) => holds));
process.exit(isProven ? 0 : hypothesisFailed);

function commandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        times: { type: "string" },
        rate: { type: "string" },
        json: { type: "string" },
        record: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : `${error}`);
  }
}

function countOf(name: "times" | "rate", least: number): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= least) return count;
  return refuse(`--${name} is "${text}", and must be a whole number from ${least} on.`);
}

function refuse(why: string): never {
  process.stderr.write(`${why}\nSee: npm run proof -- --help\n`);
  process.exit(2);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
