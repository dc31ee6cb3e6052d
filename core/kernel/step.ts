/**
 * What every machine returns: its next state and what the shell has to do, in this order.
 *
 * A machine is three pure functions: `start(config)`, `step(state, event)` and `wakeAtMs(state)`.
 * Time enters through `event.atMs` (a monotonic clock, in milliseconds) and in no other way.
 */
export type Step<State, Effect> = {
  readonly state: State;
  readonly effects: readonly Effect[];
};

/** The answer of `wakeAtMs` when nothing is due: a machine that only waits for events. */
export const neverMs = Number.POSITIVE_INFINITY;
