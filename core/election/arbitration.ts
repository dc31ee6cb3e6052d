/**
 * One record in a store with compare-and-set decides; members only agree on who tries, and when.
 *
 * The rules of client-go are kept, so that mixed fleets stay correct: a record is free when nobody
 * holds it, or when it has not changed for the length of its lease as this member watched it, whatever
 * any clock says. Proof that the holder is gone frees it at once. A member leads after its own write
 * has succeeded, never because it reads its own name; and a write of unknown outcome counts as failed.
 */
import { recordLeaseLeftMs } from "./config.ts";
import { save } from "./durability.ts";
import type { ArbiterOutcome, ArbiterRecord, VersionedRecord } from "./event.ts";
import { covers, isEnded } from "./evidence.ts";
import { becomeLeader } from "./leadership.ts";
import { isSame } from "./member.ts";
import type { Reason } from "./message.ts";
import { backOff, stepDown } from "./standing-down.ts";
import {
  type Ask,
  and,
  type Decision,
  type Leading,
  type Role,
  type State,
  selfOf,
  stay,
} from "./state.ts";
import { noticeTerm } from "./term.ts";

type Seeking = Extract<Role, { at: "seeking" }>;

export function seek(state: State, reason: Reason): Decision {
  const attempt = state.attempt + 1;
  const untilMs = state.nowMs + state.config.recordLeaseMs;
  const role: Seeking = { at: "seeking", attempt, reason, ask: undefined, untilMs, term: 0 };
  return read({ ...state, attempt }, role);
}

function read(state: State, role: Seeking): Decision {
  const askId = state.askId + 1;
  const ask: Ask = { id: askId, kind: "read", sentAtMs: state.nowMs };
  const untilMs = state.nowMs + state.config.recordRenewMs;
  return stay(
    { ...state, askId, role: { ...role, ask, untilMs } },
    { type: "arbiter-read", askId },
  );
}

/** Time is over: for an answer of the store, or for the holder. */
export function onSeekingDue(state: State, role: Seeking): Decision {
  return role.ask === undefined ? read(state, role) : backOff(state);
}

export function onArbiter(
  state: State,
  askId: number | undefined,
  outcome: ArbiterOutcome,
): Decision {
  const seen = outcome.kind === "read" ? observe(state, outcome) : state;
  const { role } = seen;
  if (role.at === "leader") return onRenewed(seen, role, askId, outcome);
  if (role.at !== "seeking") return stay(seen);
  const isMine = role.ask !== undefined && role.ask.id === askId;
  const isWatch = askId === undefined && role.ask === undefined && outcome.kind === "read";
  if (isWatch) return judge(seen, role);
  if (!isMine) return stay(seen);
  if (!fits(role.ask, outcome)) return stay(seen);
  switch (outcome.kind) {
    case "read":
      return judge(seen, role);
    case "written":
      return onTaken(seen, role, outcome.version);
    default:
      return backOff(seen);
  }
}

/** A read is not answered by "written", nor a write by what was read. */
function fits(ask: Ask | undefined, { kind }: ArbiterOutcome): boolean {
  if (kind === "failed") return true;
  return ask?.kind === (kind === "read" ? "read" : "swap");
}

/** An unchanged version keeps the time since when it was first seen. */
function observe(state: State, { version, record }: VersionedRecord): State {
  const { observed, nowMs } = state;
  const isSeen = observed !== undefined && observed.version === version;
  const sinceMs = isSeen ? observed.sinceMs : nowMs;
  const next = { ...state, observed: { version, record, sinceMs } };
  return record === undefined ? next : noticeTerm(next, record.term);
}

function judge(state: State, role: Seeking): Decision {
  const { observed, nowMs, config } = state;
  if (observed === undefined) return backOff(state);
  const { record, version, sinceMs } = observed;
  const { holder } = record ?? {};
  if (!config.rules.freshTermAfterRestart && holder?.member === config.self && record) {
    return onTaken({ ...state, role: { ...role, term: record.term } }, role, version ?? "");
  }
  const freeAtMs = record === undefined ? nowMs : sinceMs + record.leaseMs;
  if (!isFree(state, record) && nowMs < freeAtMs) {
    return stay({ ...state, role: { ...role, ask: undefined, untilMs: freeAtMs } });
  }
  const term = Math.max(record?.term ?? 0, state.seen, state.record.promised) + 1;
  return swap(state, role, term, version);
}

function isFree(state: State, record: ArbiterRecord | undefined): boolean {
  const holder = record?.holder;
  if (record === undefined || holder === undefined) return true;
  if (isSame(holder, selfOf(state))) return true; // Ours, and we do not lead: an unlucky write.
  const ref = { ...holder, term: record.term };
  return state.proofs.some((proof) => covers(proof, ref)) && isEnded(state, ref);
}

function swap(state: State, role: Seeking, term: number, expected: string | undefined): Decision {
  const askId = state.askId + 1;
  const ask: Ask = { id: askId, kind: "swap", sentAtMs: state.nowMs };
  const untilMs = state.nowMs + recordLeaseLeftMs(state.config);
  const record = recordOf(state, term);
  return stay(
    { ...noticeTerm(state, term), askId, role: { ...role, ask, untilMs, term } },
    { type: "arbiter-swap", askId, expected, record },
  );
}

function recordOf(state: State, term: number): ArbiterRecord {
  return { holder: selfOf(state), term, leaseMs: state.config.recordLeaseMs };
}

function onTaken(state: State, role: Seeking, version: string): Decision {
  const { nowMs, config } = state;
  const sentAtMs = role.ask?.sentAtMs ?? nowMs;
  if (nowMs >= sentAtMs + recordLeaseLeftMs(config)) return backOff(state);
  const term = state.role.at === "seeking" ? state.role.term : role.term;
  const saved = save(state, { promised: Math.max(term, state.record.promised) });
  const lease = { version, renewAtMs: sentAtMs + config.recordRenewMs, ask: undefined };
  return and(saved, (next) => becomeLeader(next, { term, sentAtMs, grantedBy: [], lease }));
}

/** The leader renews, or finds out what has become of its record. */
export function renewRecord(state: State, role: Leading): Decision {
  const { lease } = role;
  if (lease === undefined) return stay(state);
  const askId = state.askId + 1;
  const kind = lease.version === undefined ? "read" : "swap";
  const ask: Ask = { id: askId, kind, sentAtMs: state.nowMs };
  const renewAtMs = state.nowMs + state.config.recordRenewMs;
  const next: State = { ...state, askId, role: { ...role, lease: { ...lease, ask, renewAtMs } } };
  if (lease.version === undefined) return stay(next, { type: "arbiter-read", askId });
  const record = recordOf(state, role.term);
  return stay(next, { type: "arbiter-swap", askId, expected: lease.version, record });
}

function onRenewed(
  state: State,
  role: Leading,
  askId: number | undefined,
  outcome: ArbiterOutcome,
): Decision {
  const { lease } = role;
  if (lease === undefined) return stay(state);
  if (outcome.kind === "read" && isForeign(state, role, outcome)) return stepDown(state, "arbiter");
  if (askId === undefined || lease.ask?.id !== askId || !fits(lease.ask, outcome)) {
    return stay(state);
  }
  const { sentAtMs } = lease.ask;
  const rest = { ...lease, ask: undefined };
  switch (outcome.kind) {
    case "written": {
      const leaseUntilMs = Math.max(role.leaseUntilMs, sentAtMs + recordLeaseLeftMs(state.config));
      const renewAtMs = sentAtMs + state.config.recordRenewMs;
      const renewed = { ...rest, version: outcome.version, renewAtMs };
      return stay({ ...state, role: { ...role, leaseUntilMs, lease: renewed } });
    }
    case "read": // Ours still: an earlier write has succeeded unheard. Write again, by its version.
      return again(state, role, outcome.version, (outcome.record?.term ?? 0) < role.term);
    case "conflict":
      return again(state, role, undefined, false);
    default:
      return again(state, role, undefined, true);
  }
}

/** Asks once more: at once, or after a pause when the store does not work or is behind. */
function again(
  state: State,
  role: Leading,
  version: string | undefined,
  isPaused: boolean,
): Decision {
  const renewAtMs = state.nowMs + state.config.recordRenewMs / 4;
  const leading: Leading = { ...role, lease: { version, renewAtMs, ask: undefined } };
  const next: State = { ...state, role: leading };
  return isPaused ? stay(next) : renewRecord(next, leading);
}

/** A record older than our term is a stale read, and proves nothing. */
function isForeign(state: State, role: Leading, { record }: VersionedRecord): boolean {
  if (record === undefined) return true;
  if (record.term < role.term) return false;
  return record.term > role.term || !isSame(record.holder, selfOf(state));
}
