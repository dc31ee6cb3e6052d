/**
 * Who leads an elected service, as far as this gateway knows, and who gets a request for it.
 *
 *   G11  A service's term never falls in a gateway, across restarts too: a leader is taken over only
 *        with a higher term, or again with the same term, member and incarnation. Another leader of
 *        the same term is a conflict of those who elect; it is told, and changes nothing.
 *   G12  A response head is forwarded only if its exchange's term is the highest seen at that moment
 *        (`exchange/response/leader-answer.ts` holds it to that).
 *
 * Terms make one gateway consistent with itself. A second gateway that has not heard of the new term
 * can still ask the old leader; that it refuses then is the work of the lease, and that a stale write
 * has no effect is the work of the fence.
 *
 * A leader that hands over finishes what it has accepted before its term ends. So its successor is
 * taken over as soon as no answer of the old term is outstanding, or after `lastWordMs`
 * (`view/succession.ts`): what was done under a term is answered under that term, and G12 stands.
 *
 * Without a leader requests wait. When there is no news for a moment (the agent may be dead) and the
 * followers of the service pass requests on, they are asked instead, without a term: whoever they
 * pass it to answers with a term of its own, and only an answer that names one counts.
 */
import type { LeaderView } from "@prunella/wire/view";
import type { Limits } from "../limits.ts";
import type { Member } from "./member.ts";
import type { RoutedRequest } from "./routed-request.ts";
import type { Service } from "./service.ts";

/** A leader that says it is none is asked again after that, if nobody else leads by then. */
const doubtMs = 100;

export type LeaderVerdict =
  | "new-term"
  | "known"
  | "nobody" // Nobody leads now; the term stays.
  | "lower" // A term that was overtaken.
  | "conflict"; // The same term, another leader.

export class LeaderRoute {
  #known: LeaderView | undefined;
  /** The highest term that an answer by way of a follower named. */
  #heardTerm = 0;
  #doubtedUntilMs = 0;
  /** A successor is known, and taken over then at the latest; nobody is asked before. Else 0. */
  lastWordUntilMs = 0;

  /** The highest term seen; 0 before the first leader. */
  get term(): number {
    return this.#known?.term ?? 0;
  }

  /** The leader of the highest term. `handing-over` also when nobody leads any more. */
  get known(): LeaderView | undefined {
    return this.#known;
  }

  /** True when a follower's answer has named a leader that no view has told of yet. */
  get isBehind(): boolean {
    return this.#heardTerm > this.term;
  }

  take(offered: LeaderView | undefined): LeaderVerdict {
    const known = this.#known;
    if (offered === undefined) {
      if (known !== undefined) this.#known = { ...known, state: "handing-over" };
      return "nobody";
    }
    if (known !== undefined) {
      if (offered.term < known.term) return "lower";
      const isSame = offered.member === known.member && offered.incarnation === known.incarnation;
      if (offered.term === known.term && !isSame) return "conflict";
    }
    this.#known = offered;
    if (known !== undefined && offered.term === known.term) return "known";
    this.#doubtedUntilMs = 0;
    return "new-term";
  }

  /** The leader declared that it is none. */
  doubt(nowMs: number): void {
    this.#doubtedUntilMs = nowMs + doubtMs;
  }

  isDoubted(nowMs: number): boolean {
    return nowMs < this.#doubtedUntilMs;
  }

  /** A follower passed on the answer of a leader of this term. */
  heard(term: number): void {
    this.#heardTerm = Math.max(this.#heardTerm, term);
  }
}

/** The member that is the known leader, in the very incarnation that was elected. */
export function leaderOf(service: Service): Member | undefined {
  const known = service.leaderRoute?.known;
  if (known?.state !== "leading") return undefined;
  return service.members.find(
    ({ view }) => view.id === known.member && view.incarnation === known.incarnation,
  );
}

/** Undefined means that the request has to wait. */
export function chooseLeader(
  service: Service,
  route: LeaderRoute,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): Member | undefined {
  if (route.term < request.termMin || route.lastWordUntilMs > 0) return undefined;
  const { leader } = service;
  const { askFollowersAtMs } = request;
  const maySpread = service.view.followers === "proxy";
  const isTold = leader?.serving === true && !route.isBehind;
  if (isTold && !leader.isOut(nowMs) && !route.isDoubted(nowMs)) {
    const isInVain = maySpread && request.hasTried(leader) && nowMs >= askFollowersAtMs;
    if (!isInVain) {
      request.asksFollower = false;
      return leader.isFull(limits) ? undefined : leader;
    }
  }
  if (!maySpread) return undefined;
  if (nowMs < askFollowersAtMs || (askFollowersAtMs === 0 && !route.isBehind)) return undefined;
  const follower = nextFollower(service, request, limits, nowMs);
  if (follower !== undefined) {
    request.asksFollower = true;
    return follower;
  }
  // All were asked: once more after a while, because they may know a leader by then.
  request.clearTried();
  request.askFollowersAtMs = nowMs + limits.leaderNewsMs;
  return undefined;
}

/** Anybody who serves and was not asked yet; each request begins somewhere else. */
function nextFollower(
  service: Service,
  request: RoutedRequest,
  limits: Limits,
  nowMs: number,
): Member | undefined {
  const { members } = service;
  const first = request.hash >>> 0;
  for (let step = 0; step < members.length; step++) {
    const member = members[(first + step) % members.length];
    if (member?.serving !== true || member.isOut(nowMs)) continue;
    if (!request.hasTried(member) && !member.isFull(limits)) return member;
  }
  return undefined;
}
