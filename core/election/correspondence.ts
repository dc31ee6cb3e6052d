/**
 * Takes messages and answers to the part that they concern, after everything that could make them
 * worthless has been looked at: the signature, the name, the term, and the life of the sender (S6, S8).
 */
import { type MemberId, unreachable } from "../kernel/index.ts";
import type { Effect } from "./effect.ts";
import type { Sender, Told } from "./event.ts";
import { type Announce, onAnnounce } from "./following.ts";
import { onNominate, onPrepare, onPrepared, onRelieve, onResign } from "./handover.ts";
import { onInquire, onInquiryAnswer } from "./inquiry.ts";
import { onAcknowledged } from "./leadership.ts";
import { onStampAcknowledged } from "./membership.ts";
import { onReject, onRivalAnnounce } from "./merging.ts";
import type { Answer, Message } from "./message.ts";
import { hear, isDoubled, isTrusted, onDouble, setPeer } from "./peers.ts";
import { onRecall, onRecalled } from "./recovering.ts";
import { and, type Decision, type State, stay } from "./state.ts";
import { faultOfTerm } from "./term.ts";
import { onDeny, onGrant, onVote } from "./voting.ts";

type Received = Told<"received">;

export function onReceived(state: State, event: Received): Decision {
  const { from } = event;
  const sorted = sort(state, from, termOf(event.message));
  if (!sorted.isFine) return sorted.decision;
  const { state: heard, isOld } = hear(state, from);
  if (isOld) return isDoubled(heard, from.member) ? tellOfDouble(heard, event) : stay(heard);
  const message = fitting(heard, from, event.message);
  if (message === undefined) return stay(heard, ...sorted.alarms);
  const decision = and(stay(heard, ...sorted.alarms), (next) => dispatch(next, event, message));
  return isDoubled(decision.state, from.member) ? markDoubled(decision, event) : decision;
}

export function onAnswered(state: State, { from, answer }: Told<"answered">): Decision {
  const sorted = sort(state, from, termOf(answer));
  if (!sorted.isFine) return sorted.decision;
  const { rules, boot } = state.config;
  if (rules.revalidateReplies && answer.forBoot !== boot) return stay(state);
  const { state: heard, isOld } = hear(state, from);
  if (isOld) return stay(heard);
  if (answer.hasDouble === true) {
    return onDouble(heard, `${from.member} hears two processes named ${state.config.self}`);
  }
  return and(stay(heard, ...sorted.alarms), (next) => dispatchAnswer(next, from.member, answer));
}

type Sorted =
  | { readonly isFine: true; readonly alarms: readonly Effect[] }
  | { readonly isFine: false; readonly decision: Decision };

/** Forged, of our own name, or with an impossible term: none of it goes any further. */
function sort(state: State, from: Sender, terms: readonly number[]): Sorted {
  const { self, boot } = state.config;
  if (from.member === self && from.boot === boot) return { isFine: false, decision: stay(state) };
  if (!isTrusted(state, from)) {
    const detail = `something that names ${from.member} as its sender is not signed`;
    const alarm: Effect = { type: "alarm", alarm: "unsigned", detail };
    return { isFine: false, decision: stay(state, alarm) };
  }
  const faults = terms.flatMap((term) => {
    const fault = faultOfTerm(state, term);
    if (fault === undefined) return [];
    const detail = `${from.member} sent the term ${term}`;
    return [{ type: "alarm", alarm: fault, detail } as const];
  });
  if (faults.some(({ alarm }) => alarm === "term-malformed")) {
    return { isFine: false, decision: stay(state, ...faults) };
  }
  if (from.member === self) {
    const detail = `another process, boot ${from.boot}, speaks as ${self}`;
    return { isFine: false, decision: onDouble(state, detail) };
  }
  return { isFine: true, alarms: faults };
}

function termOf(said: Message | Answer): readonly number[] {
  const terms = [
    "term" in said ? said.term : 0,
    "promised" in said ? said.promised : 0,
    "voters" in said && said.voters !== undefined ? said.voters.term : 0,
    "leader" in said && said.leader !== undefined && "term" in said.leader ? said.leader.term : 0,
  ];
  return terms.filter((term) => term !== 0);
}

/** A member of the older protocol may inquire and announce, and raise a term by one. */
function fitting(state: State, { trust }: Sender, message: Message): Message | undefined {
  if (trust !== "compat" || !state.config.rules.requireSignature) return message;
  if (message.kind !== "inquire" && message.kind !== "announce") return undefined;
  return { ...message, term: Math.min(message.term, state.seen + 1) };
}

function dispatch(state: State, event: Received, message: Message): Decision {
  switch (message.kind) {
    case "inquire": {
      const { stateVersion } = message;
      const known =
        stateVersion === undefined ? state : setPeer(state, event.from.member, { stateVersion });
      return onInquire(known, event, message);
    }
    case "vote":
      return onVote(state, event, message);
    case "announce":
      return onAnnouncement(state, event, message);
    case "resign":
      return onResign(state, event, message);
    case "prepare":
      return onPrepare(state, event, message);
    case "nominate":
      return onNominate(state, event, message);
    case "relieve":
      return onRelieve(state, event, message);
    case "recall":
      return onRecall(state, event, message);
    default:
      return unreachable(message);
  }
}

function onAnnouncement(state: State, event: Received, announce: Announce): Decision {
  const { role } = state;
  if (announce.leader.member === state.config.self) return stay(state);
  return role.at === "leader"
    ? onRivalAnnounce(state, role, event, announce)
    : onAnnounce(state, event, announce);
}

function dispatchAnswer(state: State, from: MemberId, answer: Answer): Decision {
  switch (answer.kind) {
    case "ok":
    case "defer":
    case "live":
      return onInquiryAnswer(state, from, answer);
    case "grant":
      return onGrant(state, from, answer);
    case "deny":
      return onDeny(state, from, answer);
    case "ack":
      return onAck(state, from, answer);
    case "reject":
      return onReject(state, answer);
    case "ready":
    case "unready":
      return onPrepared(state, from, answer);
    case "recalled":
      return onRecalled(state, from, answer);
    case "noted":
    case "accepted":
    case "busy":
      return stay(state);
    default:
      return unreachable(answer);
  }
}

function onAck(state: State, from: MemberId, answer: Extract<Answer, { kind: "ack" }>): Decision {
  const { role, config } = state;
  if (role.at !== "leader") return stay(state);
  if (config.rules.revalidateReplies && answer.term !== role.term) return stay(state);
  const { stateVersion } = answer;
  const known = stateVersion === undefined ? state : setPeer(state, from, { stateVersion });
  return onStampAcknowledged(onAcknowledged(known, from, answer.seq), from, answer.voters);
}

function tellOfDouble(state: State, { from, requestId }: Received): Decision {
  const answer: Answer = { kind: "noted", forBoot: from.boot, term: 0, hasDouble: true };
  return stay(state, { type: "reply", requestId, answer });
}

function markDoubled({ state, effects }: Decision, { requestId }: Received): Decision {
  const marked = effects.map((effect) =>
    effect.type === "reply" && effect.requestId === requestId
      ? { ...effect, answer: { ...effect.answer, hasDouble: true } }
      : effect,
  );
  return { state, effects: marked };
}
