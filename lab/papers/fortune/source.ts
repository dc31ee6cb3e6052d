/**
 * What the source measured: "P2: Kubernetes" (A. S. H. Poulsen and F. H. Saleh, 2023), a fortune cookie
 * service whose leader is elected by a Bully algorithm, on a local Kubernetes. Pure.
 *
 * Its load test counts users (threads) and their mean response time and no throughput. Little's law
 * fills that in: in a closed loop, users = throughput x response time.
 */

/** Section 3.4.3: "Number of Threads", "Average Response Time (seconds)". */
export const sourceLoad: readonly { readonly users: number; readonly meanMs: number }[] = [
  { users: 10, meanMs: 80 },
  { users: 100, meanMs: 880 },
  { users: 1_000, meanMs: 4_780 },
  { users: 10_000, meanMs: 5_170 },
  { users: 100_000, meanMs: 4_170 },
  { users: 1_000_000, meanMs: 4_990 },
];

/** Section 3.4.4: the leader's pod deleted by force 20 times, "approximately 29.6 seconds" on average. */
export const sourceFailover = { kills: 20, meanMs: 29_600 } as const;

/** Section 3.4.3, steps 2 and 5. */
export const sourceRequests = { perUser: 1_000, repeats: 10 } as const;

/** Requests a second that Little's law says so many users with such a response time make. */
export function impliedPerSecond(users: number, meanMs: number): number {
  return (users * 1_000) / meanMs;
}

/** Users that wait at once when so many requests a second take that long. */
export function impliedUsers(perSecond: number, meanMs: number): number {
  return (perSecond * meanMs) / 1_000;
}

/**
 * The largest throughput among rows up to 1,000 users: up to there more users make the time longer, as
 * one service that is busy does it. From there on the time stands still and only the users grow.
 */
export function believablePerSecond(): number {
  const rows = sourceLoad.filter(({ users }) => users <= 1_000);
  return Math.max(...rows.map(({ users, meanMs }) => impliedPerSecond(users, meanMs)));
}

/** How long the row of so many users takes, all repeats, at a given throughput. */
export function secondsOfRow(users: number, perSecond: number): number {
  return (users * sourceRequests.perUser * sourceRequests.repeats) / perSecond;
}
