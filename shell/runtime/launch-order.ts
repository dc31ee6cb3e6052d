/** From a service and one of its members to what the host is told to launch. */
import { createHash } from "node:crypto";
import type { LaunchOrder } from "./host.ts";
import type { MemberSpec, RuntimeService } from "./runtime.ts";

/**
 * Calls `memberEnv` exactly once: its author may give names away at that moment. What identifies an
 * instance cannot be overridden by a cluster file.
 */
export function launchOrder(
  service: RuntimeService,
  member: MemberSpec,
  incarnation: number,
): LaunchOrder {
  const { command, folder, fixedPort, sharesPort, elects, members, log } = service;
  return {
    service: service.name,
    instance: member.name,
    incarnation,
    revision: revisionOf(service),
    command,
    folder,
    fixedPort,
    ...(sharesPort === undefined ? {} : { sharesPort }),
    ...(elects === true ? { electors: members.map(({ name }) => name) } : {}),
    log,
    env: {
      ...service.env,
      SERVER_ID: member.name,
      ...service.memberEnv(member),
      PRUNELLA_CLUSTER: service.cluster,
      PRUNELLA_SERVICE: service.name,
      PRUNELLA_INSTANCE: member.name,
      PRUNELLA_INCARNATION: `${incarnation}`,
    },
  };
}

/**
 * Changes exactly when a running copy is not what its service asks for any more. Variables of one
 * member are left out: they may differ from launch to launch.
 */
export function revisionOf(service: RuntimeService): string {
  const { command, folder, env, fixedPort } = service;
  const sorted = Object.entries(env).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const text = JSON.stringify([command, folder, sorted, fixedPort ?? null]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
