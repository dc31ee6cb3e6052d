/** The part of the report about A-3: endpoints, the death of a server, who inherits. Pure. */

import { median } from "../median.ts";
import { count, ms, percent, table } from "../report-text.ts";
import type { FailureRun } from "./failure.ts";
import type { Findings } from "./findings.ts";
import { givenFunctions } from "./placements.ts";

export function partA3({ endpoints, failures, startsMs, loadPerCore }: Findings): string {
  const { given, standard } = failures;
  const row = (name: string, run: FailureRun): readonly string[] => [
    name,
    String(run.backMs.length),
    ms(Math.min(...run.backMs)),
    ms(median(run.backMs)),
    ms(Math.max(...run.backMs)),
    `${count(run.lost)} of ${count(run.sent)}`,
    ms(run.slowestMs),
  ];
  const lostHow = [...given.lostHow, ...standard.lostHow];
  return `## A-3: endpoints, and the death of a server

Every endpoint, with the sample payloads of the assignment:

${table(
  ["request", "wanted", "got", "as wanted"],
  endpoints.map(({ request, wanted, status, holds }) => [
    `\`${request}\``,
    wanted,
    String(status),
    holds ? "yes" : "**no**",
  ]),
)}

Then \`kill -9\` of server 1, again and again, at ${given.perSecond} requests a second. *Back* is the time from the kill
to the first 200 that a client gets from the replacement, which has a new random hostname.

${table(
  ["", "kills", "back: min", "median", "max", "lost", "slowest request"],
  [row("given functions", given), row("default placement", standard)],
)}

![Who answers in the milliseconds around the kill](balancer-a3.svg)

${startText(startsMs, given.backMs)}${loadText(loadPerCore)} ${
    lostHow.length === 0
      ? `No request was lost, because a GET may be
repeated and the gateway asked a sibling at once. A POST that the dead server had already begun to read is
not repeated and would be answered with 502.`
      : `Lost requests ended with: ${lostHow.join(", ")}.`
  }

${inheritance(findingsOfFailure(given), findingsOfFailure(standard))}`;
}

function startText(startsMs: readonly number[], backMs: readonly number[]): string {
  const [start, back] = [median(startsMs), median(backMs)];
  const own =
    start < back
      ? `${percent(start / back, 0)} of the time above. The rest is the cluster's share: to see the death, to launch, to probe`
      : "so the replacement came as soon as a start allows";
  return `The server alone, without any cluster, needs ${ms(start)} on this machine from its start to its first answer
(median of ${startsMs.length}), ${own}.`;
}

function loadText(loadPerCore: number): string {
  if (loadPerCore <= 0.5) return "";
  return ` The machine was busy with other work when this run began
(${loadPerCore.toFixed(1)} running tasks per core): on a quiet one all of these times are shorter.`;
}

type Inheritance = { readonly shares: readonly number[]; readonly answers: number };

function findingsOfFailure({ meanwhile }: FailureRun): Inheritance {
  const answers = meanwhile.reduce((sum, each) => sum + each, 0);
  return { shares: meanwhile.map((each) => each / Math.max(1, answers)), answers };
}

function inheritance(given: Inheritance, standard: Inheritance): string {
  const [, two = 0, three = 0] = given.shares;
  const [, standardTwo = 0, standardThree = 0] = standard.shares;
  return `A dead server stays in the map as a tombstone: its slots are kept for the replacement, which takes the
same number, so nothing moves for good. Until then the next server clockwise inherits. With the given
functions that is server 2, which goes from ${percent(expectedShare(2))} of the load to ${percent(two)}, while server 3 has ${percent(three)}
(${count(given.answers)} answers between kill and replacement; computed ${percent(expectedShare(2, 1))} and ${percent(expectedShare(3, 1))}): one failure moves nearly the
whole service onto one machine, which is how failures spread. With the default placement the load of
the dead server splits: ${percent(standardTwo)} and ${percent(standardThree)}.`;
}

/** Exact, for the given functions at N = 3. All residues modulo 512 occur equally often in 512 ids. */
function expectedShare(server: number, down = 0): number {
  const ownerOf = givenFunctions.owners(3, down);
  const ids = Array.from({ length: 512 }, (_, index) => 100_352 + index);
  return ids.filter((id) => ownerOf(id) === server).length / ids.length;
}
