/**
 * A voter that has forgotten its votes. It waits out the quarantine first, so that every candidacy
 * that counted a forgotten vote has ended, and then asks all voters what they have promised. It votes
 * again when f + 1 others that have not forgotten have answered, f being how many may fail: any
 * majority that it can have been part of has one of them in it.
 *
 * That is safe and not always live. When more voters forget than may fail, none of them can ever come
 * back by itself; a person has to say that the past is given up (`voters-reset`). A disk is better.
 */
import type { MemberId } from "../kernel/index.ts";
import { otherVoters, save, sendAll } from "./durability.ts";
import type { Told } from "./event.ts";
import { compareStamps } from "./member.ts";
import { witnessesOf } from "./membership.ts";
import type { Answer, Message } from "./message.ts";
import { and, type Decision, type Role, type State, stay } from "./state.ts";
import { noticeTerm } from "./term.ts";

type Recovering = Extract<Role, { at: "recovering" }>;

export function askWhatWasForgotten(state: State, role: Recovering): Decision {
  const nonce = role.nonce + 1;
  const askAtMs = state.nowMs + state.config.timing.stickinessMs;
  const asking: State = { ...state, role: { at: "recovering", nonce, askAtMs, answers: {} } };
  const detail = "this voter has no memory and asks the others before it votes";
  const alarmed = stay(asking, { type: "alarm", alarm: "recovering", detail });
  return and(alarmed, (next) => sendAll(next, otherVoters(next), { kind: "recall", nonce }));
}

export function onRecall(
  state: State,
  event: Told<"received">,
  { nonce }: Extract<Message, { kind: "recall" }>,
): Decision {
  const { record, role } = state;
  const answer: Answer = {
    kind: "recalled",
    forBoot: event.from.boot,
    nonce,
    promised: record.promised,
    isRecovering: role.at === "recovering",
    voters: record.voters,
  };
  return stay(state, { type: "reply", requestId: event.requestId, answer });
}

export function onRecalled(
  state: State,
  from: MemberId,
  answer: Extract<Answer, { kind: "recalled" }>,
): Decision {
  const { role, record } = state;
  if (role.at !== "recovering" || answer.nonce !== role.nonce || answer.isRecovering) {
    return stay(state);
  }
  const answers: Recovering["answers"] = { ...role.answers, [from]: answer.promised };
  const isNewer = compareStamps(record.voters, answer.voters) < 0;
  const voters = isNewer ? answer.voters : record.voters;
  const known: State = { ...state, role: { ...role, answers }, record: { ...record, voters } };
  if (Object.keys(answers).length < witnessesOf(known)) return stay(known);
  const promised = Math.max(record.promised, ...Object.values<number>(answers));
  const recovered = noticeTerm({ ...known, role: { at: "follower" } }, promised);
  return save(recovered, { promised });
}

/** A person gives up what was forgotten. The voters get a stamp above all others. */
export function onVotersReset(state: State): Decision {
  const { voters, promised } = state.record;
  const top = Math.max(promised, state.seen);
  const next: State =
    state.role.at === "recovering" ? { ...state, role: { at: "follower" } } : state;
  const version = voters.version + 1;
  return save(next, { promised: top, voters: { ...voters, term: top, version } });
}
