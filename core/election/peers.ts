/**
 * Who is speaking? Signatures, earlier lives of a process, and two processes under one name.
 *
 * What a process said before it was restarted changes nothing (S6), so the boots of every member are
 * remembered, a few back. An old boot that keeps speaking after a new one has begun is no late
 * message: two processes use one name. Both are told so in every answer and refuse to lead, because
 * nobody can say which of them a vote was meant for.
 */
import type { MemberId } from "../kernel/index.ts";
import type { Effect } from "./effect.ts";
import type { Sender } from "./event.ts";
import { membersMax } from "./member.ts";
import { stepDown } from "./standing-down.ts";
import { and, type Decision, type Peer, type State, stay } from "./state.ts";

const formerBootsMax = 4;

const stranger: Peer = {
  boot: "",
  formerBoots: [],
  doubledSinceMs: undefined,
  doubledUntilMs: 0,
  isOpen: false,
  heardAtMs: Number.MIN_SAFE_INTEGER,
  stateVersion: undefined,
};

export function peerOf(state: State, id: MemberId): Peer {
  return state.peers[id] ?? stranger;
}

/** False for what must not change anything: forged, unsigned, or our own voice. */
export function isTrusted({ config }: State, { trust, member, boot }: Sender): boolean {
  if (member === config.self && boot === config.boot) return false;
  if (trust === "signed" || !config.rules.requireSignature) return true;
  return trust === "compat" && config.compat;
}

export function setPeer(state: State, id: MemberId, change: Partial<Peer>): State {
  if (!(id in state.peers) && Object.keys(state.peers).length >= membersMax) return state;
  return { ...state, peers: { ...state.peers, [id]: { ...peerOf(state, id), ...change } } };
}

/** The member is alive, in this boot. `isOld` when it has since been heard in a later one. */
export function hear(state: State, { member, boot }: Sender): { state: State; isOld: boolean } {
  const { nowMs, config } = state;
  const peer = peerOf(state, member);
  if (peer.boot === boot) {
    if (peer.heardAtMs === nowMs && peer.isOpen) return { state, isOld: false };
    return { state: setPeer(state, member, { heardAtMs: nowMs, isOpen: true }), isOld: false };
  }
  if (!peer.formerBoots.includes(boot)) {
    const formerBoots = peer.boot === "" ? [] : [peer.boot, ...peer.formerBoots];
    const change = { boot, formerBoots: formerBoots.slice(0, formerBootsMax) };
    const next = { ...change, heardAtMs: nowMs, isOpen: true, doubledSinceMs: undefined };
    return { state: setPeer(state, member, next), isOld: false };
  }
  const { stickinessMs } = config.timing;
  const sinceMs = peer.doubledSinceMs ?? nowMs;
  const isLate = nowMs - sinceMs < stickinessMs / 2;
  if (!isLate && peer.heardAtMs < sinceMs)
    return { state: turned(state, member, boot), isOld: false };
  const doubledUntilMs = isLate ? peer.doubledUntilMs : nowMs + 2 * stickinessMs;
  const doubled = { doubledSinceMs: sinceMs, doubledUntilMs };
  return { state: setPeer(state, member, doubled), isOld: true };
}

/**
 * What seemed to be the later life has not been heard since: it was an earlier one, whose last
 * message came late, and the one that keeps speaking is alive.
 */
function turned(state: State, member: MemberId, boot: string): State {
  const { boot: other, formerBoots } = peerOf(state, member);
  return setPeer(state, member, {
    boot,
    formerBoots: [other, ...formerBoots.filter((former) => former !== boot)],
    heardAtMs: state.nowMs,
    isOpen: true,
    doubledSinceMs: undefined,
  });
}

/** True while two processes are known to use that name. */
export function isDoubled(state: State, id: MemberId): boolean {
  return state.nowMs < peerOf(state, id).doubledUntilMs;
}

/** Another process uses our name. Neither may lead until that has been over for a while. */
export function onDouble(state: State, detail: string): Decision {
  const { config, nowMs } = state;
  const untilMs = nowMs + 2 * config.timing.stickinessMs;
  const isNews = nowMs >= state.doubleUntilMs;
  const alarm: Effect = { type: "alarm", alarm: "duplicate-name", detail };
  const known = stay({ ...state, doubleUntilMs: untilMs }, ...(isNews ? [alarm] : []));
  return and(known, (next) => stepDown(next, "duplicate"));
}
