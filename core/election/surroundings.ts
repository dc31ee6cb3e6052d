/** What a member learns from beside the protocol: connections, exits, its own application and loop. */
import type { MemberId } from "../kernel/index.ts";
import { unreachable } from "../kernel/index.ts";
import { onSeekingDue } from "./arbitration.ts";
import { remember, save } from "./durability.ts";
import type { AppWord, Told } from "./event.ts";
import { addProof, refOf, suspect } from "./evidence.ts";
import { onAppReady, onDrained } from "./handover.ts";
import { onFenced } from "./leadership.ts";
import type { Identity } from "./member.ts";
import { peerOf, setPeer } from "./peers.ts";
import { stepDown } from "./standing-down.ts";
import { type App, and, type Decision, type State, stay } from "./state.ts";

export function onLink(state: State, member: MemberId, is: Told<"link">["is"]): Decision {
  const { bond, config } = state;
  const isOpen = peerOf(state, member).isOpen;
  const known =
    is === "silent" || isOpen === (is === "open")
      ? state
      : setPeer(state, member, { isOpen: is === "open" });
  const isLeader = bond?.isAnnounced === true && bond.member === member;
  if (!isLeader) return stay(known);
  if (is === "closed") {
    if (config.rules.distrustClosedLinks) return stay(known, { type: "redial", member });
    return addProof(known, { ...refOf(bond), how: "exited" });
  }
  if (is !== "refused") return stay(known);
  const refused: State = { ...known, refused: refOf(bond) };
  const isPlanned = refused.suspicion !== undefined || refused.role.at !== "follower";
  return isPlanned ? stay(refused) : suspect(refused, "refused");
}

/** P3: whoever owns the process says that it is gone. */
export function onExited(state: State, { member, boot }: Identity): Decision {
  const isKnown = peerOf(state, member).boot === boot;
  const known = isKnown ? setPeer(state, member, { isOpen: false }) : state;
  const proven = addProof(known, { member, boot, term: 0, how: "exited" });
  return and(proven, (next) => {
    const { role } = next;
    const waits = role.at === "seeking" && role.ask === undefined;
    return waits ? onSeekingDue(next, role) : stay(next);
  });
}

/** It was late itself, so whatever it did not hear proves nothing for as long again. */
export function onStalled(state: State, lateMs: number): Decision {
  const forMs = Math.min(Math.max(0, lateMs), state.config.timing.stickinessMs);
  const doubtUntilMs = Math.max(state.doubtUntilMs, state.nowMs + forMs);
  return stay({ ...state, doubtUntilMs });
}

export function onApp(state: State, says: AppWord): Decision {
  switch (says.is) {
    case "fenced":
      return onFenced(state, says.term);
    case "ready":
    case "unready":
      return onAppReady(state, says.is, says.term);
    case "drained":
      return onDrained(state, says.term);
    case "exposed":
      return onExposed(state, says.term);
    case "healthy":
    case "unhealthy":
      return onWell(state, { isHealthy: says.is === "healthy" });
    case "stuck":
    case "unstuck":
      return onWell(state, { isStuck: says.is === "stuck" });
    case "busy":
    case "idle":
      return stay({ ...state, app: { ...state.app, isBusy: says.is === "busy" } });
    case "at-version":
      return stay({ ...state, app: { ...state.app, stateVersion: says.stateVersion } });
    default:
      return unreachable(says);
  }
}

function onWell(state: State, change: Partial<App>): Decision {
  const wasWell = state.app.isHealthy && !state.app.isStuck;
  const app = { ...state.app, ...change };
  const isWell = app.isHealthy && !app.isStuck;
  const wellSinceMs = isWell && !wasWell ? state.nowMs : app.wellSinceMs;
  const next: State = { ...state, app: { ...app, wellSinceMs } };
  return isWell ? stay(next) : stepDown(next, app.isStuck ? "stalled" : "unhealthy");
}

/** Requests reach the new leader: the account of the failover is complete. */
function onExposed(state: State, term: number): Decision {
  const { role, nowMs } = state;
  if (role.at !== "leader" || role.term !== term) return stay(state);
  const ended = state.record.history.findLast((row) => row.term < term && row.toMs !== undefined);
  if (ended === undefined || ended.exposeMs !== undefined) return stay(state);
  const row = { ...ended, exposeMs: Math.round(nowMs - role.sinceMs) };
  return and(remember(state, [row]), (next) => save(next, {}));
}
