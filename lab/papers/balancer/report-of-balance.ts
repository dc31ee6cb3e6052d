/** The parts of the report about A-1, A-2 and A-4: who got how many requests, and why. Pure. */

import { count, fixed, list, percent, table } from "../report-text.ts";
import { balanceOf, chanceDeviation } from "./balance.ts";
import { serverCounts } from "./computation.ts";
import type { Findings } from "./findings.ts";
import { defaultPlacement, givenFunctions } from "./placements.ts";
import type { MeasuredSpread } from "./spread.ts";

export function partA1({ spread, requests, computed }: Findings): string {
  const { given, standard } = spread;
  const exact = computed[0]?.spreads.find(({ servers }) => servers === 3)?.shares ?? [];
  const row = (name: string, { counts, balance }: MeasuredSpread): readonly string[] => [
    name,
    ...counts.map(count),
    fixed(balance.maxOverMean),
    count(balance.standardDeviation),
  ];
  const expected = exact.map((share) => share * requests);
  return `## A-1: ${count(requests)} requests, three servers

![Bar chart: requests by server for the given functions and the default placement](balancer-a1.svg)

${table(
  ["requests", "server 1", "server 2", "server 3", "max / mean", "std. dev."],
  [
    row("given functions, measured", given.a1),
    row("given functions, expected", {
      ...given.a1,
      counts: expected,
      balance: balanceOf(expected),
    }),
    row("default placement, measured", standard.a1),
  ],
)}

${agreement(given.a1, requests)}
${divertedText(standard.a1)} The standard deviation has a floor: ids that were dealt to three servers by lot
would have one of about ${count(chanceDeviation(requests, 3))}.`;
}

function agreement({ diverted, lost }: MeasuredSpread, requests: number): string {
  if (diverted === 0 && lost === 0) {
    return `With the given functions every one of the ${count(requests)} answers came from the server that \`core/ring\`
computes for its id. So the orange bars show the hash functions and nothing else: the gateway did
exactly what they say, and no speed of servers or network would change them.`;
  }
  return `With the given functions ${count(diverted)} answers came from another server than the one that \`core/ring\`
computes for the id, and ${count(lost)} requests were lost: look at the machine before trusting the bars.`;
}

function divertedText({ diverted }: MeasuredSpread): string {
  if (diverted === 0) return "With the default placement as well.";
  return `With the default placement ${count(diverted)} answers came from another server than the table says: its load
bound sends a request on while its own server has over 1.25 times the fair share under way, so counts
follow the servers' speed a little. The given functions have no such bound.`;
}

export function partA2({ spread, requests }: Findings): string {
  const { given, standard } = spread;
  const rows = serverCounts.map((servers, index) => {
    const [one, other] = [given.a2[index], standard.a2[index]].map((run) => run?.balance);
    if (one === undefined || other === undefined) return [String(servers)];
    return [
      String(servers),
      count(one.mean),
      ...[one, other].flatMap((balance) => [
        count(balance.max),
        count(balance.min),
        count(balance.standardDeviation),
        fixed(balance.maxOverMean),
      ]),
    ];
  });
  return `## A-2: N from 2 to 6

![Line chart: busiest server, mean, idlest server and standard deviation for N from 2 to 6](balancer-a2.svg)

Requests per server of ${count(requests)}; *given* and *default* are measured.

${table(
  [
    "N",
    "mean",
    ...["given", "default"].flatMap((name) => [`${name}: max`, "min", "std. dev.", "max / mean"]),
  ],
  rows,
)}

The assignment asks for the mean, and the mean is the same line for every load balancer that loses
nothing: it cannot show an imbalance. What bounds a service is its busiest server. With the given
functions that one keeps about ${percent((given.a2.at(-1)?.balance.max ?? 0) / requests)} of the load at N = 6 while another answers ${count(given.a2.at(-1)?.balance.min ?? 0)} requests; with the
default placement the busiest follows the mean, and so does the capacity of the service.`;
}

export function partA4({ computed, requests }: Findings): string {
  const nameOf = (name: string): string => {
    const isMeasured = name === givenFunctions.name || name === defaultPlacement.name;
    return isMeasured ? `${name} *` : name;
  };
  const exact = computed.map(({ name, spreads, worstAfterFailure }) => [
    nameOf(name),
    (spreads[1]?.shares ?? []).map((share) => fixed(100 * share, 1)).join(" / "),
    ...spreads.map(({ exact: { maxOverMean } }) => fixed(maxOverMean)),
    fixed(worstAfterFailure),
  ]);
  const drawn = computed.map(({ name, drawnA1, spreads }) => [
    nameOf(name),
    drawnA1.map(count).join(" / "),
    ...spreads.map((spread) => `${count(Math.max(...spread.drawn))}`),
  ]);
  const mixedPhi = computed[2]?.spreads.map((spread) => fixed(spread.exact.maxOverMean)) ?? [];
  const mixedH = computed[1]?.spreads.map((spread) => fixed(spread.exact.maxOverMean)) ?? [];
  const given = computed[0]?.spreads.map((spread) => fixed(spread.exact.maxOverMean)) ?? [];
  return `## A-4: other functions

![Shares at N = 3 and max / mean for N from 2 to 6, for seven placements](balancer-a4.svg)

**Computed, exact**, over all 900,000 six-digit ids. Columns N = 2 to 6 are max / mean, 1 is perfect;
the last is max / mean of the two that are left when one of three fails, in the worst case.

${table(
  [
    "functions",
    "N = 3, share in %",
    ...serverCounts.map((servers) => `N = ${servers}`),
    "after a failure",
  ],
  exact,
)}

**Computed, drawn**: the ids of A-1 and A-2. Columns N = 2 to 6 are requests of the busiest server.

${table(
  [
    "functions",
    `A-1, ${count(requests)} requests`,
    ...serverCounts.map((servers) => `N = ${servers}`),
  ],
  drawn,
)}

\\* also measured, in A-1 and A-2 above: equal to the row here for the given functions, and but for the
load bound for the default. *Mixed* is \`mix32\`, the finaliser of murmur3.

Changing H alone makes it worse (N = 3: ${given[1]} to ${mixedH[1]}), because then all slots are asked alike, and most of the slots
belong to the long empty arc of server 1. Changing Φ alone repairs most of it (${mixedPhi[1]}), although H still
reaches few slots, but not for every N (${list(mixedPhi)}). More virtual servers do the rest: K = 64 spreads
better than K = 9, and a table that is filled in turns (Maglev) needs no luck at all.`;
}
