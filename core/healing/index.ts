export { backoffMsMax, backoffMsMin } from "./backoff.ts";
export type { Fact, FactType } from "./fact.ts";
export { type Evidence, findEvidence, fingerprintOf, template } from "./fingerprint.ts";
export {
  foldFact,
  type Incident,
  type Incidents,
  incidentsOf,
  isAbnormal,
  noIncidents,
  recurrenceRate,
} from "./incident.ts";
export { startLifecycle, stepLifecycle, wakeLifecycleAtMs } from "./lifecycle.ts";
export type {
  LifecycleConfig,
  LifecycleEffect,
  LifecycleEvent,
  LifecycleState,
  Stage,
} from "./lifecycle-model.ts";
