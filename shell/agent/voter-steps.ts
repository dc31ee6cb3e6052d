/**
 * Changes the voters of a quorum one at a time. Pure, and level-triggered: looked at again whenever
 * something changes, so an agent that restarts in the middle goes on where it was.
 *
 * Two quorums that differ by one member always share a voter, so no term can have two leaders while
 * the change is on its way; with two at once they may not (Ongaro's dissertation, section 4.1).
 *
 * Invariants:
 *   VS1  One step adds or removes one voter.
 *   VS2  A voter is removed only while a majority of those that stay serves, and one is added only
 *        while all serve: a change never makes a quorum that nobody can reach.
 *   VS3  The leader goes last, so it hands over once.
 */
export type Voter = { readonly name: string };

export type VoterSight = {
  /** Serves, so it can vote. */
  readonly serves: (name: string) => boolean;
  readonly leader: string | undefined;
  /** A copy that is on its way out; the next step waits for it. */
  readonly isLeaving: boolean;
};

/** The voters after the next step; the same list when there is none to take now. */
export function nextVoters<One extends Voter>(
  voters: readonly One[],
  wanted: readonly One[],
  sight: VoterSight,
): readonly One[] {
  if (sight.isLeaving || sight.leader === undefined) return voters;
  const missing = wanted.find(({ name }) => !has(voters, name));
  if (missing !== undefined) {
    return voters.every(({ name }) => sight.serves(name)) ? [...voters, missing] : voters;
  }
  const victim = nextToGo(voters, wanted, sight);
  if (victim === undefined) return voters;
  const rest = voters.filter((voter) => voter !== victim);
  const serving = rest.filter(({ name }) => sight.serves(name)).length;
  return serving > rest.length / 2 ? rest : voters;
}

/** One that does not serve costs nothing; the leader costs most. */
function nextToGo<One extends Voter>(
  voters: readonly One[],
  wanted: readonly One[],
  { serves, leader }: VoterSight,
): One | undefined {
  const extra = voters.filter(({ name }) => !has(wanted, name)).toReversed();
  return (
    extra.find(({ name }) => !serves(name)) ?? extra.find(({ name }) => name !== leader) ?? extra[0]
  );
}

function has(list: readonly Voter[], name: string): boolean {
  return list.some((voter) => voter.name === name);
}
