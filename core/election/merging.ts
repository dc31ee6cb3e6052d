/**
 * What a leader does when it hears of another one.
 *
 * With votes or an arbiter the higher term wins, at once. In `available` each side of a partition may
 * have a leader with a term of its own; the one that more members stand behind goes on, so that one
 * member that was cut off and elected itself does not turn everybody's leader out. If the winner has
 * the lower term it takes a new one above both: tokens never go back. The loser steps down at once.
 */
import { claim } from "./candidacy.ts";
import type { Told } from "./event.ts";
import { type Announce, onAnnounce, refuse } from "./following.ts";
import { viewSize } from "./leadership.ts";
import { compareRank, type Identity, isSame } from "./member.ts";
import type { Answer } from "./message.ts";
import { close, stepDown } from "./standing-down.ts";
import { and, type Decision, type Leading, type State, selfOf, stay } from "./state.ts";
import { noticeTerm } from "./term.ts";

type Received = Told<"received">;
type Reject = Extract<Answer, { kind: "reject" }>;

/** An announcement of somebody else arrives at a leader. */
export function onRivalAnnounce(
  state: State,
  role: Leading,
  event: Received,
  announce: Announce,
): Decision {
  const { leader, term } = announce;
  if (isSame(leader, selfOf(state))) return stay(state);
  const known = noticeTerm(state, term);
  if (known.config.mode === "available") {
    if (wins(known, role, leader, announce.viewSize)) {
      return and(rejectAsLeader(known, role, event, announce), (next) => rise(next, role, term));
    }
    return and(stepDown(known, "merge"), (next) => onAnnounce(next, event, announce));
  }
  if (term < role.term) return rejectAsLeader(known, role, event, announce);
  if (term > role.term) {
    return and(stepDown(known, "higher-term"), (next) => onAnnounce(next, event, announce));
  }
  const detail = `${leader.member} announces term ${term}, which this member leads`;
  const alarmed = stay(known, { type: "alarm", alarm: "second-leader", detail });
  return and(alarmed, (next) => refuse(next, event, announce));
}

/** The larger view wins; between equal ones the better member, by what both sides know alike. */
function wins(state: State, role: Leading, other: Identity, view: number): boolean {
  const own = viewSize(state, role);
  if (own !== view) return own > view;
  const { members } = state.record.voters;
  const [mine, theirs] = [state.config.self, other.member].map((id) =>
    members.find((member) => member.id === id),
  );
  return mine !== undefined && (theirs === undefined || compareRank(mine, theirs) > 0);
}

function rejectAsLeader(
  state: State,
  role: Leading,
  event: Received,
  { term, seq }: Announce,
): Decision {
  const answer: Answer = {
    kind: "reject",
    forBoot: event.from.boot,
    term,
    seq,
    promised: role.term,
    leader: { ...selfOf(state), term: role.term },
    viewSize: viewSize(state, role),
  };
  return stay(state, { type: "reply", requestId: event.requestId, answer });
}

/** The winner of a merge leads on, under a term above both that is on disk before anybody hears it. */
function rise(state: State, role: Leading, other: number): Decision {
  if (role.term > other) return stay(state);
  const { nowMs } = state;
  const of = { ...selfOf(state), term: role.term };
  const ended = stay(
    {
      ...state,
      role: { at: "follower" },
      loss: { of, heardAtMs: nowMs, viewSize: 0, suspectedAtMs: nowMs, reason: "asked" },
    },
    { type: "step-down", term: role.term, why: "merge" },
  );
  const closed = and(ended, (next) => close(next, role, "merge"));
  return and(closed, (next) => claim(next, "asked"));
}

/** A member refused a heartbeat of this leader, because it has promised a higher term. */
export function onReject(state: State, answer: Reject): Decision {
  const { role } = state;
  if (role.at !== "leader" || answer.term !== role.term) return stay(state);
  if (answer.promised <= role.term) return stay(state);
  const known = noticeTerm(state, answer.promised);
  const { leader, viewSize: view = 0 } = answer;
  if (known.config.mode !== "available") return stepDown(known, "higher-term");
  const isOther = leader !== undefined && !isSame(leader, selfOf(state));
  if (isOther && !wins(known, role, leader, view)) return stepDown(known, "merge");
  return rise(known, role, answer.promised);
}
