/** The part of the report about failing leaders: how long, where the time goes, what users notice. Pure. */
import { summarize } from "../../chaos/percentile.ts";
import { median } from "../median.ts";
import { count, list, ms, table } from "../report-text.ts";
import type { FailoverRun } from "./failover.ts";
import { type Part, partMs } from "./failover-split.ts";
import type { Findings } from "./findings.ts";
import { sourceFailover } from "./source.ts";

export function failoverPart({ killed, frozen, loadPerCore }: Findings): string {
  return `## 3.4.4: the leader fails

![Time to the first answer of the next leader, each failure and the parts](fortune-failover.svg)

${table(
  ["", "failures", "mean", "min", "median", "p95", "max", "detect", "elect", "expose"],
  [
    [
      "source: pod deleted",
      `${sourceFailover.kills}`,
      `${sourceFailover.meanMs / 1_000} s`,
      ...none(7),
    ],
    rowOf("`kill -9`", killed),
    rowOf("`SIGSTOP`", frozen),
  ],
)}

Mean to max: from the failure to the first 200 of the next leader, as a user sees it. The last three are
medians of its parts. **Detect** ends when the winner of the election suspects the old leader, **elect**
when it has the votes, **expose** when a user has its answer: the old leader's writes are fenced off, the agent is
told, gateways get a view with the new term, and a request that has waited goes there.${noted(killed, frozen)}${unsplit(killed, frozen)}${busy(loadPerCore)}

- **Killed.** The agent sees the process end and tells the voters at once, so they need not wait for the
  old leader's lease. That is proof, which a closed connection is not.
- **Frozen.** There is no proof, so a majority has to have heard nothing for 600 ms, of which up to 100 have
  passed since the last heartbeat when the failure comes. Detection is ${share(frozen)} of the whole. Faster
  messages would not help; \`timing: "demo"\` waits 150 ms, at the price of deposing leaders that were only slow.

![Answers a second around the failure, old leader and new leader](fortune-around.svg)

${noticed(killed, frozen)}

The source does not split its ${sourceFailover.meanMs / 1_000} s, so where they went can only be guessed. Its program was made from
a [template](https://github.com/thecml/bully-in-kubernetes) whose loop sleeps about ten seconds in each pass
and calls its peers one after another; three passes would be the number, and so would the 30 s that a pod
may take to end. What it adds by hand, forwarding a port to the new leader, is not in it. Fewer messages, the
first improvement that it proposes, would save milliseconds of either.`;
}

function none(cells: number): readonly string[] {
  return new Array<string>(cells).fill("-");
}

function rowOf(name: string, run: FailoverRun): readonly string[] {
  const all = run.rounds.map(({ totalMs }) => totalMs);
  const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
  return [
    name,
    `${all.length}`,
    ...[mean, Math.min(...all), median(all), summarize(all).p95, Math.max(...all)].map(ms),
    ...(["detect", "elect", "expose"] as const).map((part) => partText(run, part)),
  ];
}

function partsOf({ rounds }: FailoverRun, part: Part): readonly number[] {
  return rounds.flatMap(({ split }) => (split === undefined ? [] : [partMs(split, part)]));
}

function partText(run: FailoverRun, part: Part): string {
  const values = partsOf(run, part);
  return values.length === 0 ? "-" : ms(median(values));
}

function share(run: FailoverRun): string {
  const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
  const split = run.rounds.filter((round) => round.split !== undefined);
  const whole = sum(split.map(({ totalMs }) => totalMs));
  if (whole === 0) return "nearly all";
  return `${Math.round((100 * sum(partsOf(run, "detect"))) / whole)} %`;
}

/** What people read in the history, which counts otherwise. */
function noted(...runs: readonly FailoverRun[]): string {
  const texts = runs.flatMap(({ rounds }) => {
    const values = rounds.flatMap(({ notedDetectMs }) => notedDetectMs ?? []);
    return values.length === 0 ? [] : [ms(median(values))];
  });
  if (texts.length === 0) return "";
  return ` \`prunella elect history\` counts detection from the last sign of life instead, up to a heartbeat earlier: ${texts.join(" and ")} here.`;
}

function unsplit(...runs: readonly FailoverRun[]): string {
  const rounds = runs.flatMap((run) => run.rounds).filter(({ split }) => split === undefined);
  if (rounds.length === 0) return "";
  return ` ${rounds.length} of the failovers could not be split, because the new leader had not known the old one; they are in the times and not in the parts.`;
}

function busy(loadPerCore: number): string {
  if (loadPerCore <= 0.5) return "";
  return ` The machine was busy with other work when this run began (${loadPerCore.toFixed(1)} running tasks per core): on a quiet one all of these times are shorter.`;
}

function noticed(killed: FailoverRun, frozen: FailoverRun): string {
  const lost = killed.lost + frozen.lost;
  const all = [killed, frozen].flatMap(({ rounds }) => rounds);
  const again = all.filter(({ terms }) => terms > 1).length;
  const held = `The gateway holds what it cannot send: the slowest request around a kill took ${ms(killed.slowestMs)}, around a
frozen leader ${ms(frozen.slowestMs)}.`;
  const lostText =
    lost === 0
      ? `Of ${count(killed.sent + frozen.sent)} requests none was lost.`
      : `Lost: ${count(killed.lost)} of ${count(killed.sent)} around kills, ${count(frozen.lost)} of ${count(frozen.sent)} around frozen leaders. They ended with: ${list([...new Set([...killed.lostHow, ...frozen.lostHow])])}.`;
  const terms =
    again === 0
      ? "Every failure moved the term by one."
      : `The term moved by more than one in ${again} of ${all.length} failures: a first election had no winner, or its winner did not stay.`;
  const stale = killed.stale + frozen.stale;
  const staleText =
    stale === 0
      ? "No answer of an older term came to a request that was sent after a newer one had answered, although each frozen leader woke up and went on."
      : `**${stale} times an older term answered a request that was sent after a newer one had answered.**`;
  return `${held} ${lostText} ${staleText} ${terms}`;
}
