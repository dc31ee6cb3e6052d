/**
 * `npm run bench -- ring`: what the ring costs and how well it spreads.
 *
 * The median is what counts. The goals are checked at the end; a missed one sets the
 * exit code.
 */
import { parseArgs } from "node:util";
import { ClusterError } from "@prunella/core/kernel";
import { describeMachine, type Spread, table, watchMachine, writeJson } from "./report.ts";
import {
  type Build,
  describeSource,
  type Lookup,
  measureBalance,
  measureBuilds,
  measureLookups,
  searchWorst,
  type Worst,
} from "./ring-measures.ts";
import { installRingPeers, measurePeers, type PeerRow, ringPeersMissing } from "./ring-peers.ts";

const help = `npm run bench -- ring [--rounds N] [--sets N] [--json FILE]
  --rounds N   rounds over 65,536 keys of each lookup, default 21
  --sets N     random sets of members for the worst balance and movement, default 300
  --json FILE  writes all numbers there`;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "21" },
      sets: { type: "string", default: "300" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(help);
  const rounds = countOf("rounds", values.rounds);
  const sets = countOf("sets", values.sets);

  const facts = watchMachine();
  const lookups = measureLookups(rounds);
  const builds = measureBuilds();
  const balance = measureBalance();
  const worst = searchWorst(sets);
  const source = describeSource();
  const peers = ringPeersMissing() ? [] : measurePeers(Math.ceil(rounds / 3));
  const machine = facts();

  printLookups(lookups);
  printBuilds(builds);
  const worstOfAll = balance.reduce((most, { maxOverMean }) => Math.max(most, maxOverMean), 0);
  console.log(`\nBalance, every count from 3 to 100: largest max/mean ${worstOfAll.toFixed(4)}`);
  printWorst(worst);
  printPeers(peers);
  printFailures(peers);
  console.log(
    `\nseed-512, three servers: ${source.reachable} of 512 slots reachable, shares ${source.shares}, max/mean ${source.maxOverMean}`,
  );
  console.log(`\n${describeMachine(machine)}`);

  const goals = goalsOf(lookups, worstOfAll, worst, source.reachable);
  console.log(
    `\n${goals.map(({ met, goal }) => `${met ? "met   " : "MISSED"}  ${goal}`).join("\n")}`,
  );
  if (values.json !== undefined) {
    writeJson(values.json, {
      machine,
      rounds,
      lookups,
      builds,
      balance,
      worst,
      peers,
      source,
      goals,
    });
  }
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
}

type Goal = { readonly goal: string; readonly met: boolean };

function goalsOf(
  lookups: readonly Lookup[],
  maxOverMean: number,
  worst: readonly Worst[],
  reachable: number,
): readonly Goal[] {
  const text = lookups.find(({ members }) => members === 1_000)?.text.median ?? Number.NaN;
  const needlessly = worst.reduce((most, found) => Math.max(most, found.needlessly), 0);
  return [
    {
      goal: `lookup of a string key at 1,000 members <= 60 ns: ${text.toFixed(1)}`,
      met: text <= 60,
    },
    {
      goal: `max/mean of 3 to 100 members <= 1.1: ${maxOverMean.toFixed(4)}`,
      met: maxOverMean <= 1.1,
    },
    {
      goal: `needless movement on a leave <= 1 %: ${percent(needlessly)}`,
      met: needlessly <= 0.01,
    },
    { goal: `seed-512 reaches 87 of 512 slots: ${reachable}`, met: reachable === 87 },
  ];
}

function printLookups(lookups: readonly Lookup[]): void {
  const cell = ({ median, low, high }: Spread): string =>
    `${median.toFixed(1)} (${low.toFixed(1)}-${high.toFixed(1)})`;
  console.log("Lookup in ns: median of slices of 4096 (10th-90th percentile)\n");
  console.log(
    table(
      ["members", "slots", "u32 to index", "string to index", "string to name"],
      lookups.map(({ members, slots, number, text, name }) => [
        String(members),
        String(slots),
        cell(number),
        cell(text),
        cell(name),
      ]),
    ),
  );
}

function printBuilds(builds: readonly Build[]): void {
  console.log("\nBuild, memory, balance, and keys moved by one change\n");
  console.log(
    table(
      ["members", "slots", "build ms", "table KiB", "max/mean", "leave", "join", "needless"],
      builds.map((build) => [
        String(build.members),
        String(build.slots),
        build.buildMs.median.toFixed(1),
        String(build.tableKiB),
        build.maxOverMean.toFixed(4),
        percent(build.leaveMoved),
        percent(build.joinMoved),
        percent(build.needlessly),
      ]),
    ),
  );
}

function printWorst(worst: readonly Worst[]): void {
  console.log("\nWorst of random sets, one random member leaves\n");
  console.log(
    table(
      ["sets of", "count", "max/mean", "needless", "at members"],
      worst.map(({ what, sets, maxOverMean, needlessly, atMembers }) => [
        what,
        String(sets),
        maxOverMean.toFixed(4),
        percent(needlessly),
        String(atMembers),
      ]),
    ),
  );
}

function printPeers(rows: readonly PeerRow[]): void {
  console.log(
    "\nBeside libraries from npm: string keys, balance and movement over 65,536 of them\n",
  );
  if (rows.length === 0) {
    console.log(`left out: not installed (${installRingPeers})`);
    return;
  }
  console.log(
    table(
      ["subject", "members", "lookup ns", "build ms", "KiB", "max/mean", "leave", "join", "needed"],
      rows.map((row) =>
        row.failure !== undefined
          ? [row.subject, String(row.members), "fails"]
          : [
              row.subject,
              String(row.members),
              `${row.lookup.median.toFixed(0)} (${row.lookup.low.toFixed(0)}-${row.lookup.high.toFixed(0)})`,
              row.buildMs.toFixed(1),
              row.keptKiB.toFixed(0),
              row.maxOverMean.toFixed(2),
              percent(row.leaveMoved),
              percent(row.joinMoved),
              percent(1 / row.members),
            ],
      ),
    ),
  );
}

function printFailures(rows: readonly PeerRow[]): void {
  for (const { subject, members, failure } of rows) {
    if (failure !== undefined) console.log(`${subject} at ${members} members: ${failure}`);
  }
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

function countOf(option: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 100_000) return count;
  throw new ClusterError("CONFIG_INVALID", {
    message: `--${option} is "${text}". Use an integer from 1 to 100000.`,
  });
}
