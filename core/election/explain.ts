/** Says in one or two sentences what this member is doing, and why. */

import { isSuppressed } from "./damping.ts";
import { majorityOf } from "./member.ts";
import type { Reason } from "./message.ts";
import { type State, wallMs } from "./state.ts";

const reasons: Readonly<Record<Reason, string>> = {
  "cold-start": "nobody has led since it started",
  silence: "the leader has been silent for too long",
  refused: "the leader's own address refuses connections",
  exited: "the leader's process is proven to have ended",
  resigned: "the leader has resigned",
  asked: "it was asked to lead",
};

export function explain(state: State): string {
  const obstacle = obstacleOf(state);
  return obstacle === undefined ? standing(state) : `${standing(state)} ${obstacle}`;
}

function standing(state: State): string {
  const { role, nowMs, bond, record } = state;
  const inMs = (untilMs: number): string => `${Math.max(0, Math.round(untilMs - nowMs))} ms`;
  switch (role.at) {
    case "leader":
      return `Leads term ${role.term} (${role.phase}); its lease ends in ${inMs(role.leaseUntilMs)} unless renewed.`;
    case "recovering":
      return `Has lost its memory; ${Object.keys(role.answers).length} voters have told it what they promised.`;
    case "inquiring":
      return `Inquires because ${reasons[role.reason]}; ${Object.keys(role.answers).length + 1} agree so far.`;
    case "armed":
      return `Enough others agree; voters will be free to vote in ${inMs(role.voteAtMs)}.`;
    case "deferring":
      return `Waits up to ${inMs(role.untilMs)} for a better member that wants to lead.`;
    case "candidate":
      return `Stands for term ${role.term} because ${reasons[role.reason]}; ${role.grants.length} of ${majorityOf(record.voters.members.length)} votes needed.`;
    case "seeking":
      return `Wants to lead because ${reasons[role.reason]}; asks the record, for ${inMs(role.untilMs)} at most.`;
    default:
      return following(state, bond === undefined ? 0 : Math.round(nowMs - bond.heardAtMs));
  }
}

function following({ bond, suspicion }: State, agoMs: number): string {
  if (suspicion !== undefined) return `Will inquire, because ${reasons[suspicion.reason]}.`;
  if (bond === undefined) return "Follows nobody yet.";
  const what = bond.isAnnounced ? "Follows" : "Has voted for";
  return `${what} ${bond.member} in term ${bond.term}, last heard ${agoMs} ms ago.`;
}

/** Why it would not lead now, if there is a reason. */
function obstacleOf(state: State): string | undefined {
  const { app, nowMs, config, record } = state;
  if (nowMs < state.doubleUntilMs) return "Another process uses its name, so it must not lead.";
  if (!app.isHealthy) return "It is not healthy, so it does not lead.";
  if (app.isStuck) return "Its main thread makes no progress, so it does not lead.";
  if (nowMs < state.quarantineUntilMs) return "It has just started and does not vote yet.";
  if (isSuppressed(record.history, config.self, wallMs(state))) {
    return "It failed too often as leader lately, so others are preferred.";
  }
  return nowMs < state.humbleUntilMs ? "It could not reach enough members lately." : undefined;
}
