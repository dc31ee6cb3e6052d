/**
 * The report `fortune.md`: every number comes from the findings of one run or from the source, and each
 * says which. Pure. The parts of single experiments stand in `report-of-failover.ts` and
 * `report-of-load.ts`.
 */
import { median } from "../median.ts";
import { count, ms, reflow } from "../report-text.ts";
import type { FailoverRun } from "./failover.ts";
import type { Findings } from "./findings.ts";
import { failoverPart } from "./report-of-failover.ts";
import { loadPart } from "./report-of-load.ts";
import { believablePerSecond, impliedPerSecond, sourceFailover, sourceLoad } from "./source.ts";
import { connectionsMax, rowSecondsMax } from "./user-load.ts";

export function reportOf(findings: Findings): string {
  const sections = [
    head(findings),
    inShort(findings),
    howItWasRun(findings),
    failoverPart(findings),
    loadPart(findings),
    whatIsNotSaid(),
  ];
  return `${reflow(sections.join("\n\n"))}\n`;
}

function head({ at, machine, seconds, command }: Findings): string {
  return `# The fortune experiments, run again

<!-- Written by a run of the command below; do not edit. The words are in lab/papers/fortune/report.ts. -->

"P2: Kubernetes" (A. S. H. Poulsen and F. H. Saleh, December 2023) builds a fortune cookie service whose
leader is elected by a Bully algorithm among pods of a local Kubernetes, and measures two things: how it
bears more and more users (section 3.4.3), and how long it takes to get over the loss of its leader
(3.4.4). Here are both, with an elected service of Prunella.

\`\`\`sh
${command}
\`\`\`

Run on ${at.slice(0, 16).replace("T", " ")} UTC in ${Math.round(seconds)} s. ${machine}.`;
}

const totals = ({ rounds }: FailoverRun): readonly number[] => rounds.map((each) => each.totalMs);

function inShort({ killed, frozen, users }: Findings): string {
  const lost = killed.lost + frozen.lost;
  const best = users.reduce((most, row) => Math.max(most, row.perSecond), 0);
  const last = sourceLoad.at(-1);
  const implied = last === undefined ? 0 : impliedPerSecond(last.users, last.meanMs);
  return `## In short

- **A killed leader is replaced in ${ms(median(totals(killed)))}** (median of ${killed.rounds.length}), counted from \`kill -9\` to the first answer that a
  user gets from the next one. The source: ${sourceFailover.meanMs / 1_000} s on average of ${sourceFailover.kills}, and then a port was forwarded by
  hand.
- **A frozen one in ${ms(median(totals(frozen)))}**: nobody can know before it has been silent for a while, so nearly all of that
  is waiting.
- ${lost === 0 ? "**No request was lost**" : `**${count(lost)} requests were lost**`} of ${count(killed.sent + frozen.sent)} that were sent while leaders failed, and
  ${killed.stale + frozen.stale === 0 ? "no old leader answered after a new one had" : `**${killed.stale + frozen.stale} answers came from an old leader after a new one had answered**`}.
- **The load table of the source cannot be read as it stands.** By Little's law its last row would be
  ${count(implied)} requests a second from a service that makes ${count(believablePerSecond())} three rows earlier. Ours makes
  up to ${count(best)}, and with more users than that its users wait, as they must.`;
}

function howItWasRun({ killed, seed }: Findings): string {
  return `## How it was run

The cluster of [examples/fortune](../../examples/fortune/README.md): three instances, each a process of its own with its elector,
mode \`quorum\`, timing \`lan\` (heartbeats every 100 ms, a leader is given up after 600 ms of silence); one
gateway, one agent; all on the loopback of one machine, with the users. Everything is asked through the
gateway as \`GET /fortune\`, which opens a cookie: the leader writes it down before it answers.

Leaders fail while ${killed.perSecond} requests a second are sent, whatever the answers do, so that a hole shows. Between
failures all three serve again, and a pause drawn from seed ${seed} lets failures fall into every part of a
heartbeat. A frozen leader is woken up a second later, and finds itself deposed. Users of the load table ask,
wait for the answer and ask again, ${count(connectionsMax)} at most through the network at once and the others in a line, which
counts; a row ends after ${rowSecondsMax} s at the latest.`;
}

function whatIsNotSaid(): string {
  return `## What these numbers do not say

- **Not that one algorithm beats another.** The source ran pods in Minikube and deleted them by force; this
  ran processes on one machine and killed them. A container network and whatever Kubernetes did meanwhile may
  be part of its time and are not of ours. What can be compared is what is waited for: a program that looks
  around every few seconds, or one that is told.
- **Nothing about Kubernetes or a real network.** With a round trip of 1 ms instead of 0.05 ms the three
  rounds of an election take some milliseconds more; the silence that exposes a frozen leader stays the same.
- **Not how much a leader can do.** Users, gateway, leader and two followers share the cores of one machine.
  Speed is measured by \`npm run bench\`.
- **Times are of this run** and this machine, with whatever else it was doing (above: load and busy cores).`;
}
