/**
 * The report `balancer.md`: every number comes from the findings of one run, and each experiment says
 * what its numbers mean and what they do not. Pure. The parts of single experiments stand in
 * `report-of-balance.ts` and `report-of-failure.ts`.
 */

import { median } from "../median.ts";
import { count, ms, percent, reflow } from "../report-text.ts";
import { describeGivenMap } from "./computation.ts";
import type { Findings } from "./findings.ts";
import { partA1, partA2, partA4 } from "./report-of-balance.ts";
import { partA3 } from "./report-of-failure.ts";
import { inFlight } from "./spread.ts";

export function reportOf(findings: Findings): string {
  const sections = [
    head(findings),
    inShort(findings),
    howItWasRun(findings),
    partA1(findings),
    partA2(findings),
    partA3(findings),
    partA4(findings),
    whyItIsSo(),
    whatIsNotSaid(findings),
  ];
  return `${reflow(sections.join("\n\n"))}\n`;
}

function head({ at, machine, seconds, command }: Findings): string {
  return `# The load-balancer experiments, run again

<!-- Written by a run of the command below; do not edit. The words are in lab/papers/balancer/report.ts. -->

The assignment "Implementing a Customizable Load Balancer" (CS60002 Distributed Systems, assignment 1,
2024) ends with four experiments, A-1 to A-4. Here they are, on real processes with the parameters of
the assignment, and beside its hash functions the placement that Prunella uses by default.

\`\`\`sh
${command}
\`\`\`

Run on ${at.slice(0, 16).replace("T", " ")} UTC in ${Math.round(seconds)} s. ${machine}.`;
}

function inShort({ spread, failures, requests }: Findings): string {
  const { given, standard } = spread;
  const first = given.a2[0]?.balance ?? given.a1.balance;
  const last = given.a2.at(-1)?.balance ?? given.a1.balance;
  const lost = failures.given.lost + failures.standard.lost;
  const sent = failures.given.sent + failures.standard.sent;
  return `## In short

- **The given functions do not balance.** At N = 3 one server of three answers ${percent(given.a1.balance.max / requests)} of the requests;
  with the default placement the busiest answers ${percent(standard.a1.balance.max / requests)} (fair: ${percent(1 / 3)}).
- **More servers do not help them.** From N = 2 to 6 the busiest server goes from ${count(first.max)} to
  ${count(last.max)} requests: ${percent(1 - last.max / first.max)} less, where ${percent(1 - last.mean / first.mean)} would be fair. It does not scale.
- **The mean says nothing.** It is requests / N by arithmetic, whatever a load balancer does.
- **Failure is a matter of tenths of a second.** After \`kill -9\` the replacement answers in ${ms(median(failures.given.backMs))}
  (median); ${lost === 0 ? `not one of ${count(sent)} requests was lost` : `${count(lost)} of ${count(sent)} requests were lost`}.`;
}

function howItWasRun({ requests, seed, failures }: Findings): string {
  return `## How it was run

A cluster of the command line that users have: agent, gateway and N copies of
[examples/hello](../../examples/hello/README.md), each a process of its own, on the loopback of one machine. Servers are
added by the \`/add\` of the assignment. The parameters are its own: 512 slots, K = 9,
H(i) = i² + 2i + 17, Φ(i, j) = i² + j² + 2j + 25, linear probing, ids of six digits, ${count(requests)} requests
a measurement, here with ${inFlight} under way at once. Ids are drawn from seed ${seed}, the same ones for both
placements, and sent as \`GET /home?id=...\`; the server is read from its answer.

What a cluster file offers was **measured**: \`hash: "seed-512"\` (the given functions) and
\`hash: "default"\`. Other functions are no setting of the product, so they were **computed** by the same
code, \`core/ring\`, that the gateway runs. A-3 kills ${failures.given.backMs.length} times with each placement.`;
}

function whyItIsSo(): string {
  const facts = describeGivenMap();
  return `## Why the given functions cannot balance

H(i) = (i + 1)² + 16, and a square modulo 512 has only **${facts.reachable} values**: ${512 - facts.reachable} of the 512 slots never receive a
request, while slot ${facts.topSlot} alone receives ${percent(facts.topShare, 2)} of all ids. Φ(i, j) = i² + (j + 1)² + 24 grows slowly for
small numbers, so that six servers stand in slots ${facts.firstTaken} to ${facts.lastTaken}. At N = 3 a stretch of ${facts.longestGap} slots in a row holds
nobody, and all of it belongs to server ${facts.gapOwner}. Φ does the greater harm. New servers land in the crowded
part, so they relieve each other and not server 1. "Evenly distributed" and these two functions cannot
both be had; [the ring](../protocol/ring.md) says what is done instead.`;
}

function whatIsNotSaid({ spread }: Findings): string {
  const runs = [spread.given, spread.standard].flatMap(({ a1, a2 }) => [a1, ...a2]);
  const answered = runs.reduce(
    (sum, run) => sum + run.counts.reduce((all, each) => all + each, 0),
    0,
  );
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  return `## What these numbers do not say

- **Not how fast the gateway is.** Client, gateway and all servers share the cores of one machine; the
  ${count(answered / seconds)} requests a second of this run are those of the client. Speed is measured by \`npm run bench\`.
- **Nothing about real keys.** Ids are random, and all are asked for equally often. A key that half of all
  clients ask for goes to one server under any placement of this kind; only a load bound helps.
- **Not the time to notice a silent server.** A killed process is seen by the kernel at once. One that
  hangs has to miss its probes first.
- **Times are of this run** and this machine, with whatever else it was doing (above: load and busy
  cores). Counts with the given functions are not: the same seed gives the same counts everywhere.`;
}
