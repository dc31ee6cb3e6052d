export {
  type ProbeOutcome,
  type ProbingConfig,
  type ProbingEffect,
  type ProbingEvent,
  type ProbingState,
  startProbing,
  stepProbing,
  type Verdict,
  wakeProbingAtMs,
} from "./probing.ts";
