/** What must hold in every run, whatever the machine; a run in which it does not ends with an error. */
import { type Claim, claim } from "../../chaos/proof.ts";
import type { Findings } from "./findings.ts";

/** How far a mean may be from Little's law while the machine does other things as well. */
const littleTolerance = 0.25;

export function claimsOf({ killed, frozen, users }: Findings): readonly Claim[] {
  const stale = killed.stale + frozen.stale;
  const failed = users.filter((row) => row.failed > 0 && row.terms === 0).map((row) => row.users);
  const off = users.flatMap(({ users: count, meanMs, littleMs }) =>
    meanMs === undefined || Math.abs(meanMs / littleMs - 1) <= littleTolerance ? [] : [count],
  );
  const fewer = [killed, frozen].filter(({ rounds }) => rounds.some(({ terms }) => terms < 1));
  return [
    claim(
      "3.4.4: every failure ended in a newer term",
      fewer.length === 0,
      fewer.map(({ failure }) => failure).join(", ") || "all",
    ),
    claim("3.4.4: no old leader answers after a new one has", stale === 0, `${stale} answers`),
    claim("3.4.4: requests lost to a kill are 0", killed.lost === 0, of(killed)),
    claim("3.4.4: requests lost to a frozen leader are 0", frozen.lost === 0, of(frozen)),
    claim("3.4.3: none fails under a leader that stays", failed.length === 0, rows(failed)),
    claim("3.4.3: Little's law holds", off.length === 0, rows(off)),
  ];
}

function rows(wrong: readonly number[]): string {
  return wrong.length === 0 ? "every row" : `not with ${wrong.join(", ")} users`;
}

function of({ lost, sent }: Findings["killed"]): string {
  return `${lost} of ${sent}`;
}
