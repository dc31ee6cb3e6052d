/**
 * Where the time of a failover goes. Pure.
 *
 *   failed ──detect──► suspected ──elect──► elected ──expose──► first 200 of the new term
 *
 * The moment of the failure and of the first 200 are the client's. The election and how long it took
 * from the suspicion on are the new leader's, from its history. All clocks are one machine's; electors
 * write whole milliseconds, so a part may be off by one. The parts always add up to the whole.
 */
export type Moments = {
  readonly failedAtMs: number;
  readonly electedAtMs: number;
  readonly electMs: number;
  readonly answeredAtMs: number;
};

export type Split = {
  /** Until the election's winner suspects the old leader. */
  readonly detectMs: number;
  /** Until it has the votes. */
  readonly electMs: number;
  /** Until a client has a 200 of it: resources fenced, agent told, view published, request sent. */
  readonly exposeMs: number;
};

export const parts = ["detect", "elect", "expose"] as const;
export type Part = (typeof parts)[number];

export function splitOf({ failedAtMs, electedAtMs, electMs, answeredAtMs }: Moments): Split {
  const within = (value: number, max: number): number => Math.min(Math.max(0, value), max);
  const totalMs = answeredAtMs - failedAtMs;
  const untilElected = within(electedAtMs - failedAtMs, totalMs);
  const elect = within(electMs, untilElected);
  return {
    detectMs: untilElected - elect,
    electMs: elect,
    exposeMs: totalMs - untilElected,
  };
}

export function partMs(split: Split, part: Part): number {
  return split[`${part}Ms`];
}
