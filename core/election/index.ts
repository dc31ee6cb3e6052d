export {
  configOf,
  type ElectionConfig,
  type ElectionSettings,
  type LeaseBreak,
  leaseMs,
  type Mode,
  type Preempt,
  validateConfig,
} from "./config.ts";
export { type DurableRecord, freshRecord } from "./durable-record.ts";
export type { Alarm, Effect } from "./effect.ts";
export { leadership, type StartedAt, start, step } from "./election.ts";
export type {
  AppWord,
  ArbiterOutcome,
  ArbiterRecord,
  Event,
  Sender,
  VersionedRecord,
} from "./event.ts";
export { explain } from "./explain.ts";
export { type EndOfLeadership, endsOfLeadership, type HistoryRow } from "./history.ts";
export {
  type Identity,
  type Member,
  membersMax,
  type Voters,
  type VotersStamp,
  votersMax,
} from "./member.ts";
export type {
  Answer,
  DenyReason,
  LeaderPhase,
  LeaderRef,
  Message,
  Proof,
  Reason,
} from "./message.ts";
export { allRules, type Rules } from "./rules.ts";
export type { Decision, Role, State } from "./state.ts";
export { compareTokens } from "./term.ts";
export { wakeAtMs } from "./timekeeping.ts";
export { type Timing, type TimingName, timingProfiles } from "./timing-profiles.ts";
