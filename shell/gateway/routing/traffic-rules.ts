/**
 * How the requests of one service are treated: what its view says, and defaults for the rest. Made
 * once for each view, so that the hot path reads plain fields.
 */
import { loadBound } from "@prunella/core/ring";
import type { TrafficView } from "@prunella/wire/view";
import { defaultLimits, type Limits } from "../limits.ts";

export type TrafficRules = {
  /** Those of the gateway, with the service's own bounds in place of some. */
  readonly limits: Limits;
  /** 0 is no bound for a single try. */
  readonly tryTimeoutMs: number;
  readonly retriesKeyed: boolean;
  readonly slowStartMs: number;
  readonly loadBound: number;
  /** 0 is never. */
  readonly ejectAfter: number;
};

const slowStartMsDefault = 5_000;
const ejectAfterDefault = 5;

export function trafficRules(limits: Limits, traffic: TrafficView = {}): TrafficRules {
  const { holdMs = limits.holdMs, maxInFlight = limits.maxInFlight } = traffic;
  return {
    limits: { ...limits, holdMs, maxInFlight },
    tryTimeoutMs: traffic.tryTimeoutMs ?? 0,
    retriesKeyed: traffic.retryUnsafe === "idempotency-key",
    slowStartMs: traffic.slowStartMs ?? slowStartMsDefault,
    loadBound: traffic.loadBound ?? loadBound,
    ejectAfter: traffic.ejectAfter ?? ejectAfterDefault,
  };
}

export const defaultRules: TrafficRules = trafficRules(defaultLimits);
