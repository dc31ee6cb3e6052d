/**
 * Writes first, answers afterwards. A decision that others may rely on is put into the record, the
 * record is sent to the disk, and what depends on it is held until the disk has answered.
 */
import type { MemberId } from "../kernel/index.ts";
import type { DurableRecord } from "./durable-record.ts";
import { type HistoryRow, historyTail, mergeHistory } from "./history.ts";
import { type Decision, type Held, type State, stay } from "./state.ts";

const heldMax = 64;

type Hold = Held extends infer One ? (One extends Held ? Omit<One, "writeId"> : never) : never;

export function save(state: State, change: Partial<DurableRecord>): Decision {
  const writeId = state.writeId + 1;
  const record = { ...state.record, ...change };
  return stay({ ...state, record, writeId }, { type: "persist", writeId, record });
}

/** True when everything that was decided so far would survive a crash. */
export function isWritten(state: State): boolean {
  return state.writtenId >= state.writeId || !state.config.rules.durableVotes;
}

/** Keeps `what` back until the record of this moment is on disk. The caller releases it if it is. */
export function hold(state: State, what: Hold): Decision {
  const held = [...state.held, { ...what, writeId: state.writeId } as Held];
  if (held.length <= heldMax) return stay({ ...state, held });
  const detail = `${heldMax} answers wait for the disk; the oldest was dropped`;
  return stay(
    { ...state, held: held.slice(-heldMax) },
    { type: "alarm", alarm: "held-overflow", detail },
  );
}

/** Adds rows to the history; it is written with the next record, and at once when it tells an end. */
export function remember(state: State, rows: readonly HistoryRow[]): Decision {
  const history = mergeHistory(state.record.history, rows);
  if (history === state.record.history) return stay(state);
  const news = rows.filter((row) => !state.record.history.includes(row));
  const next = { ...state, record: { ...state.record, history } };
  return stay(next, ...news.map((row) => ({ type: "record", row }) as const));
}

export function tailOf(state: State): readonly HistoryRow[] {
  return historyTail(state.record.history);
}

/** Sends one message to several members. */
export function sendAll(
  state: State,
  to: readonly MemberId[],
  message: Extract<Decision["effects"][number], { type: "send" }>["message"],
): Decision {
  return stay(state, ...to.map((member) => ({ type: "send", to: member, message }) as const));
}

export function otherVoters(state: State): readonly MemberId[] {
  const { self } = state.config;
  return state.record.voters.members.flatMap(({ id }) => (id === self ? [] : [id]));
}

export function otherMembers(state: State): readonly MemberId[] {
  const { self } = state.config;
  const observers = state.observers.flatMap(({ id }) => (id === self ? [] : [id]));
  return [...otherVoters(state), ...observers];
}

export function isVoter(state: State, id: MemberId): boolean {
  return state.record.voters.members.some((member) => member.id === id);
}
