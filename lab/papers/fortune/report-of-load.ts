/** The part of the report about users: the table, Little's law, and what it says of the source's table. Pure. */
import { count, fixed, table } from "../report-text.ts";
import type { Findings } from "./findings.ts";
import {
  believablePerSecond,
  impliedPerSecond,
  impliedUsers,
  secondsOfRow,
  sourceLoad,
  sourceRequests,
} from "./source.ts";
import type { UserRow } from "./user-load.ts";

const yearSeconds = 365.25 * 86_400;

export function loadPart({ users }: Findings): string {
  return `## 3.4.3: more and more users

![Mean response time and throughput by users](fortune-load.svg)

${table(
  [
    "users",
    "mean",
    "Little: users / throughput",
    "p50",
    "p99",
    "requests/s",
    "source: mean",
    "source: requests/s by Little",
  ],
  users.map((row) => {
    const theirs = sourceLoad.find((each) => each.users === row.users);
    return [
      count(row.users),
      timeText(row.meanMs),
      timeText(row.littleMs),
      timeText(row.p50Ms),
      timeText(row.p99Ms),
      count(row.perSecond),
      theirs === undefined ? "-" : timeText(theirs.meanMs),
      theirs === undefined ? "-" : count(impliedPerSecond(theirs.users, theirs.meanMs)),
    ];
  }),
)}

${limitText(users)}${failedText(users)}${termText(users)}

**Little's law.** Users who ask, wait and ask again make a closed loop, and in each one users = throughput ×
response time, whatever the service does. In our columns the mean was measured and the quotient computed, from
different numbers, and they agree: no user was lost on the way. Once the service is busy its throughput
stands still, and ten times the users wait ten times as long. There is no third way out.

${sourceText()}`;
}

function timeText(valueMs: number | undefined): string {
  if (valueMs === undefined) return "-";
  if (valueMs < 10) return `${fixed(valueMs)} ms`;
  return valueMs < 1_000 ? `${Math.round(valueMs)} ms` : `${fixed(valueMs / 1_000)} s`;
}

function limitText(rows: readonly UserRow[]): string {
  const cut = rows.filter(({ isWhole }) => !isWhole);
  if (cut.length === 0) {
    return "Each row is whole: every user had an answer before its measurement began, and another one in it.";
  }
  return cut
    .map(({ users, answered, seconds, meanMs, perSecond }) => {
      const what =
        meanMs === undefined
          ? `${count(answered)} of its users had an answer by then, at ${count(perSecond)} a second. Nobody's second answer was waited for, so there is a throughput and no mean; the quotient is what a user would wait`
          : `${count(answered)} answers had come by then, so each user had one; the mean is that of the ${count(answered - users)} after those`;
      return `The row of ${count(users)} users reached its time limit after ${Math.round(seconds)} s: ${what}.`;
    })
    .join(" ");
}

function failedText(rows: readonly UserRow[]): string {
  const failed = rows.filter(({ failed }) => failed > 0);
  if (failed.length === 0) return " No request failed.";
  const each = failed.map(
    ({ users, failed: lost, firstFailures }) =>
      `${count(lost)} at ${count(users)} users (${[...new Set(firstFailures)].join(", ")})`,
  );
  return ` **Requests failed:** ${each.join("; ")}.`;
}

/** A full processor is the hardest time for heartbeats. */
function termText(rows: readonly UserRow[]): string {
  const terms = rows.reduce((sum, row) => sum + row.terms, 0);
  if (terms === 0) {
    return " The leader kept its lead through all rows, although users left no processor time over.";
  }
  const where = rows.filter((row) => row.terms > 0).map(({ users }) => count(users));
  return ` The lead changed ${terms === 1 ? "once" : `${terms} times`} under load (rows of ${where.join(", ")} users): a leader that gets no processor time for 600 ms is given up, and somebody else goes on. Requests wait for it, those excepted that are said to have failed.`;
}

function sourceText(): string {
  const best = believablePerSecond();
  const rows = sourceLoad.map(({ users, meanMs }) => ({
    perSecond: impliedPerSecond(users, meanMs),
    waiting: impliedUsers(best, meanMs),
  }));
  const last = sourceLoad.at(-1) ?? { users: 0, meanMs: 1 };
  const [first, second, third, ...beyond] = rows;
  const text = (row: { readonly perSecond: number } | undefined): string =>
    count(row?.perSecond ?? 0);
  const waiting = beyond.map((row) => row.waiting);
  return `**The source's numbers, by the same law.** It gives users and mean times; the quotient is the throughput that
they imply. Up to 1,000 users that is ${text(first)}, ${text(second)} and ${text(third)} requests a second: one service that is
busy, plausibly. From there on the time stays near 5 s while users grow a thousandfold, which would be
${beyond.map(text).join(", ")} requests a second. No service speeds up like that. The law does not fail, so the
count of users must: at ${count(best)} requests a second, about 5 s are what ${count(Math.min(...waiting))} to ${count(Math.max(...waiting))} users
wait who ask at once. Most likely the generator never had more than about a thousand under way, and the other
threads had not begun, or waited for something else. Its own plan says the same: ${count(last.users)} threads with
${count(sourceRequests.perUser)} requests each, ${sourceRequests.repeats} times over, are ${count(secondsOfRow(last.users, 1))} requests, ${fixed(secondsOfRow(last.users, best) / yearSeconds, 1)} years at that rate.

This is no reproach: a thread per user is the usual way, and a mean does not show what it leaves out. It is why a
load report should have the throughput beside the time. "Adaptive optimizations" need not explain the dip at
100,000 users: means of a service that is busy all the time differ by as much.`;
}
