/**
 * Takes a view over: services come, change and go, and no client connection is closed by it.
 * Exchanges under way keep their member; what waits looks again.
 */
import { ClusterError, type ServiceName } from "@prunella/core/kernel";
import type { ServiceView, View } from "@prunella/wire/view";
import { refuseAllWaiting } from "../exchange/dispatch/waiting.ts";
import type { CoreState } from "../exchange/state/core-state.ts";
import { closeIdle } from "../exchange/upstream/upstream-pool.ts";
import { createRequestLimits } from "../parser/index.ts";
import { RouteTable } from "../routing/route.ts";
import { Service } from "../routing/service.ts";
import { followLeader } from "./succession.ts";

export function applyServices(core: CoreState, view: View): readonly ServiceName[] {
  const rebuilt: ServiceName[] = [];
  const names = new Set(view.services.map(({ name }) => name));
  for (const [name, service] of core.services) {
    if (names.has(service.name)) continue;
    core.services.delete(name);
    for (const member of service.retireAll()) closeIdle(member);
    refuseAllWaiting(core, service);
  }
  for (const serviceView of view.services) {
    const service = core.services.get(serviceView.name) ?? new Service(serviceView, core.nowMs);
    if (applyOne(core, service, serviceView)) rebuilt.push(service.name);
    core.services.set(service.name, service);
  }
  core.routes = new RouteTable(core.services.values());
  renewLimits(core, view);
  return rebuilt;
}

function applyOne(core: CoreState, service: Service, view: ServiceView): boolean {
  const served = service.servingCount > 0;
  try {
    const { rebuilt, retired } = service.apply(view, core.nowMs, core.limits);
    for (const member of retired) closeIdle(member);
    for (const member of service.members) if (!member.serving) closeIdle(member);
    followLeader(core, service);
    if (served && service.servingCount === 0) {
      core.report({
        type: "emptied",
        service: service.name,
        member: undefined,
        message: `${service.name} has no serving member any more; its requests wait, then fail.`,
      });
    }
    return rebuilt;
  } catch (error) {
    // One service that cannot be placed must not take the others down.
    if (!ClusterError.is(error)) throw error;
    core.report({
      type: "view-invalid",
      service: service.name,
      member: undefined,
      message: `${service.name} keeps its last members: ${error.message}`,
    });
    return false;
  }
}

/** Dot segments can make the gateway and an instance disagree as soon as there are two routes. */
function renewLimits(core: CoreState, view: View): void {
  const shape = {
    viaName: core.options.cluster,
    refuseDotSegments: core.routes.size > 1,
    hashSeed: view.services[0]?.seed ?? 0,
  };
  core.requestLimits = createRequestLimits(shape);
  core.trustedRequestLimits = createRequestLimits({ ...shape, trustPeer: true });
}
