/**
 * Requests for which no member is left wait (`holdMs`), because the usual reason is a restart: first in,
 * first out, bounded in number and bytes. `dispatch.ts` gives them to members.
 */

import type { Service } from "../../routing/service.ts";
import { refuseUnavailable } from "../answers/own-answer.ts";
import type { CoreState } from "../state/core-state.ts";
import type { Exchange } from "../state/exchange.ts";

export function hold(core: CoreState, service: Service, exchange: Exchange): void {
  const { limits } = service.rules;
  const bytes = exchange.wire.length + exchange.keptBytes;
  const isFull = service.waiting.length >= limits.heldMax;
  if (isFull || waitingBytes(service) + bytes > limits.heldBytesMax) {
    service.counters.heldRefused.add("full");
    refuseUnavailable(core, exchange, "queue-full");
    return;
  }
  exchange.isHeld = true;
  // One patience for the whole request, however often it comes back to wait.
  if (exchange.heldUntilMs === 0) {
    exchange.heldUntilMs = core.nowMs + limits.holdMs;
    exchange.askFollowersAtMs = core.nowMs + limits.leaderNewsMs;
  }
  service.waiting.push(exchange);
}

function waitingBytes(service: Service): number {
  let sum = 0;
  for (const { wire, keptBytes } of service.waiting) sum += wire.length + keptBytes;
  return sum;
}

export function giveUpWaiting(core: CoreState, service: Service, exchange: Exchange): void {
  exchange.isHeld = false;
  service.counters.heldRefused.add("late");
  refuseUnavailable(core, exchange, "unavailable");
}

/** The service is no longer in the view: whoever waits is told. */
export function refuseAllWaiting(core: CoreState, service: Service): void {
  for (const exchange of service.waiting.splice(0)) {
    exchange.isHeld = false;
    service.counters.heldRefused.add("gone");
    refuseUnavailable(core, exchange, "unavailable");
  }
}
