/** What must hold in every run, whatever the machine; a run in which it does not ends with an error. */
import { type Claim, claim } from "../../chaos/proof.ts";
import type { Findings } from "./findings.ts";

export function claimsOf(findings: Findings): readonly Claim[] {
  const { spread, endpoints, failures } = findings;
  const givenRuns = [spread.given.a1, ...spread.given.a2];
  const runs = [...givenRuns, spread.standard.a1, ...spread.standard.a2];
  const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
  const lost = sum(runs.map((run) => run.lost));
  const elsewhere = sum(givenRuns.map(({ diverted }) => diverted));
  const wrong = endpoints.filter(({ holds }) => !holds).map(({ request }) => request);
  const lostAtKills = failures.given.lost + failures.standard.lost;
  return [
    claim("A-1, A-2: lost requests are 0", lost === 0, lost),
    claim("A-1, A-2: the given functions decide alone", elsewhere === 0, `${elsewhere} elsewhere`),
    claim("A-3: every endpoint answers as written", wrong.length === 0, wrong.join("; ") || "all"),
    claim("A-3: requests lost to a kill are 0", lostAtKills === 0, lostAtKills),
  ];
}
