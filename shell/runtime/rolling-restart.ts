/**
 * A changed service restarts its instances one at a time. Pure: looked at again whenever something
 * changes, so a restart of the agent in the middle goes on where it was.
 */

export type Standing = {
  /** Runs, or is about to run, an old specification. */
  readonly isOutdated: boolean;
  readonly isServing: boolean;
  /** Nobody knows yet: its launch, or the first probe of an adopted copy, is on the way. */
  readonly isUndecided: boolean;
  /** Costs more than its siblings: the one that leads. */
  readonly isLast?: boolean;
};

/**
 * Which instance to restart now, if any. One that does not serve costs nothing; one that serves has
 * to wait until every other serves, so a change that breaks the program stops at the first victim;
 * and one that is last waits until no other is outdated.
 */
export function nextToRestart<Keeper extends Standing>(
  keepers: readonly Keeper[],
): Keeper | undefined {
  const outdated = keepers.filter((keeper) => keeper.isOutdated && !keeper.isUndecided);
  const idle = outdated.find((keeper) => !keeper.isServing);
  if (idle !== undefined) return idle;
  if (!keepers.every((keeper) => keeper.isServing)) return undefined;
  return outdated.find((keeper) => keeper.isLast !== true) ?? outdated[0];
}
