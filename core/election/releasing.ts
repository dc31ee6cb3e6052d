/** The disk has answered: what was held until then is looked at once more, and leaves if it is true. */
import { unreachable } from "../kernel/index.ts";
import { onClaimed } from "./candidacy.ts";
import { ackOf } from "./following.ts";
import { isSame } from "./member.ts";
import type { Answer } from "./message.ts";
import { and, type Decision, type Held, type State, stay } from "./state.ts";
import { onOwnVote, releaseGrant } from "./voting.ts";

export function onPersisted(state: State, writeId: number): Decision {
  const writtenId = Math.max(state.writtenId, Math.min(writeId, state.writeId));
  const due = state.held.filter((one) => one.writeId <= writtenId);
  const held = state.held.filter((one) => one.writeId > writtenId);
  return due.reduce<Decision>(
    (decision, one) => and(decision, (next) => release(next, one)),
    stay({ ...state, writtenId, held }),
  );
}

function release(state: State, held: Held): Decision {
  switch (held.kind) {
    case "grant":
      return releaseGrant(state, held);
    case "own-vote":
      return onOwnVote(state, held.attempt, held.term);
    case "claim":
      return onClaimed(state, held.attempt, held.term);
    case "ack":
      return releaseAck(state, held);
    default:
      return unreachable(held);
  }
}

function releaseAck(state: State, held: Extract<Held, { kind: "ack" }>): Decision {
  const { requestId, leader, seq } = held;
  const { bond, record } = state;
  const isStill = bond?.term === leader.term && isSame(bond, leader);
  if (isStill) return stay(state, ackOf(state, requestId, leader, seq));
  const answer: Answer = {
    kind: "reject",
    forBoot: leader.boot,
    term: leader.term,
    seq,
    promised: record.promised,
  };
  return stay(state, { type: "reply", requestId, answer });
}
