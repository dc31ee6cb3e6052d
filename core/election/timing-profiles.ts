/**
 * How fast an election is, in five profiles. A frozen leader is noticed after `stickinessMs` at the
 * earliest, because votes depend on that silence; a killed one is noticed in milliseconds when its
 * end is proven. Shorter is not better: a healthy process that gets no processor for longer than
 * `stickinessMs` loses its leadership.
 */
export type Timing = {
  /** Between two rounds of heartbeats. */
  readonly heartbeatMs: number;
  /** How long a voter stays with a leader that it no longer hears; the floor of every suspicion. */
  readonly stickinessMs: number;
  readonly inquiryMs: number;
  readonly voteMs: number;
  /** Between the starts of one successor and the next. */
  readonly staggerMs: number;
  /** Every start is late by a random share of this. */
  readonly jitterMs: number;
  /** Round trips that the profile is made for: 99 and 95 of 100 are shorter. */
  readonly roundTripP99Ms: number;
  readonly roundTripP95Ms: number;
};

export type TimingName = "demo" | "lan" | "k8s" | "safe" | "wan";

/** `demo`: an idle machine. `lan`: the default. `k8s`: CPU limits. `safe`: noisy hosts. `wan`: far. */
export const timingProfiles: Readonly<Record<TimingName, Timing>> = {
  demo: profile(25, 150, 30, 15, 8, 7, 5),
  lan: profile(100, 600, 60, 40, 20, 10, 5),
  k8s: profile(200, 1_000, 100, 50, 30, 25, 15),
  safe: profile(250, 1_500, 150, 80, 50, 35, 20),
  wan: profile(700, 4_000, 600, 250, 150, 150, 100),
};

function profile(
  heartbeatMs: number,
  stickinessMs: number,
  roundMs: number,
  ...[staggerMs, jitterMs, roundTripP99Ms, roundTripP95Ms]: [number, number, number, number]
): Timing {
  return {
    heartbeatMs,
    stickinessMs,
    inquiryMs: roundMs,
    voteMs: roundMs,
    staggerMs,
    jitterMs,
    roundTripP99Ms,
    roundTripP95Ms,
  };
}
