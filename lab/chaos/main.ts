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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: "string" },
    rate: { type: "string" },
    json: { type: "string" },
    record: { type: "boolean" },
  },
});
const unknown = positionals.filter((name) => !proofs.some((proof) => proof.name === name));
if (unknown.length > 0) {
  const names = proofs.map(({ name }) => name).join(", ");
  process.stderr.write(`There is no proof "${unknown.join('", "')}". Proofs: ${names}.\n`);
  process.exit(2);
}
const chosen = proofs.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results: RecordedProof[] = [];
process.stdout.write(`${machine()}\n`);
for (const proof of chosen) {
  const { name, hypothesis, defaults } = proof;
  const times = Number(values.times ?? defaults.times);
  const rate = Number(values.rate ?? defaults.rate);
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

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
