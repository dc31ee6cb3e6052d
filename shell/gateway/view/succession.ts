/**
 * From one leader of an elected service to the next: when the word of a view is taken over, and what it
 * ends. A crash is taken over at once; a planned handover as soon as the old leader owes no answer.
 */
import { endLowerTerms, owesAnswers } from "../exchange/response/leader-answer.ts";
import type { CoreState } from "../exchange/state/core-state.ts";
import { closeIdle } from "../exchange/upstream/upstream-pool.ts";
import type { Service } from "../routing/service.ts";

/** G11: who leads is taken over only if the term allows it, whatever the view says. */
export function followLeader(core: CoreState, service: Service): void {
  if (mustHearLastWords(core, service)) return;
  const before = service.leader;
  const verdict = service.follow();
  const { leaderRoute, view } = service;
  if (leaderRoute === undefined || verdict === undefined) return;
  const { name } = service;
  const { known, term } = leaderRoute;
  if (verdict === "new-term") {
    if (before !== undefined) closeIdle(before);
    endLowerTerms(core, service, leaderRoute);
  } else if (verdict === "lower") {
    core.report({
      type: "term-lower",
      service: name,
      member: view.leader?.member,
      message: `A view says that ${view.leader?.member} leads ${name} under term ${view.leader?.term}, but term ${term} was seen. ${known?.member} stays; the agent has lost its memory of terms.`,
    });
  } else if (verdict === "conflict") {
    core.report({
      type: "term-conflict",
      service: name,
      member: view.leader?.member,
      message: `TERM_CONFLICT: a view says that ${view.leader?.member} leads ${name} under term ${term}, which belongs to ${known?.member} (incarnation ${known?.incarnation}). It is ignored; two members with one vote file or one name can do that.`,
    });
  }
}

/** The old leader's answers are awaited no longer, or have come: its successor is asked. */
export function succeed(core: CoreState, service: Service): void {
  if ((service.leaderRoute?.lastWordUntilMs ?? 0) > 0) followLeader(core, service);
}

/** Requests that come meanwhile wait, because the old leader takes none any more. */
function mustHearLastWords(core: CoreState, service: Service): boolean {
  const { leaderRoute: route, view } = service;
  if (route === undefined) return false;
  const { term = 0, handedOver = false } = view.leader ?? {};
  if (!handedOver || term <= route.term || !owesAnswers(core, service, route)) {
    route.lastWordUntilMs = 0;
    return false;
  }
  if (route.lastWordUntilMs === 0) route.lastWordUntilMs = core.nowMs + core.limits.lastWordMs;
  if (core.nowMs < route.lastWordUntilMs) return true;
  route.lastWordUntilMs = 0;
  return false;
}
