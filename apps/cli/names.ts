/** Finds the service or the instance that a person named, or says which ones there are. */
import { ClusterError } from "@prunella/core/kernel";
import { nearestName } from "@prunella/spec/nearest-name";
import type { ClusterStatus, InstanceStatus, ServiceStatus } from "@prunella/wire/control";
import type { Invocation } from "./invocation.ts";

const namesShownMax = 30;

/** Every instance of the cluster, gateways last. */
export function everyInstance(status: ClusterStatus): readonly InstanceStatus[] {
  return [...status.services.flatMap((service) => service.instances), ...status.gateways];
}

export function findService(status: ClusterStatus, name: string): ServiceStatus | undefined {
  return status.services.find((service) => service.name === name);
}

/** By its name or, in compatibility mode, by its host name. */
export function findInstance(status: ClusterStatus, name: string): InstanceStatus | undefined {
  const all = everyInstance(status);
  return (
    all.find((instance) => instance.name === name) ??
    all.find((instance) => instance.hostname === name)
  );
}

/** The service that is meant when none is named: the only one. */
export function onlyService(status: ClusterStatus): ServiceStatus | undefined {
  return status.services.length === 1 ? status.services[0] : undefined;
}

export function serviceUnknown(
  call: Invocation,
  status: ClusterStatus,
  name: string,
): ClusterError {
  const known = status.services.map((service) => service.name);
  return unknown(call, "SERVICE_UNKNOWN", "service", name, known);
}

export function instanceUnknown(
  call: Invocation,
  status: ClusterStatus,
  name: string,
): ClusterError {
  const known = everyInstance(status).map((instance) => instance.name);
  return unknown(call, "INSTANCE_UNKNOWN", "instance", name, known);
}

/** The same where a gateway cannot be meant. */
export function replicaUnknown(
  call: Invocation,
  status: ClusterStatus,
  name: string,
): ClusterError {
  const known = status.services.flatMap((service) => service.instances.map((each) => each.name));
  return unknown(call, "INSTANCE_UNKNOWN", "instance", name, known);
}

/** The agent's own refusal, which knows the past of a name, with the guess that it does not make. */
export function withGuess(
  call: Invocation,
  error: unknown,
  status: ClusterStatus,
  name: string,
): Error {
  const ours = instanceUnknown(call, status, name);
  if (!ClusterError.is(error, "INSTANCE_UNKNOWN")) return ours;
  const guess = nearestName(
    name,
    everyInstance(status).map((instance) => instance.name),
  );
  return new ClusterError("INSTANCE_UNKNOWN", {
    message: `${error.message}${guess === undefined ? "" : ` Did you mean ${guess}?`}`,
    details: { ...error.details, next: call.hint("status") },
  });
}

function unknown(
  call: Invocation,
  code: "SERVICE_UNKNOWN" | "INSTANCE_UNKNOWN",
  noun: string,
  name: string,
  known: readonly string[],
): ClusterError {
  const guess = nearestName(name, known);
  const shown = known.slice(0, namesShownMax).join(", ");
  const more = known.length > namesShownMax ? ` and ${known.length - namesShownMax} more` : "";
  return new ClusterError(code, {
    message: `There is no ${noun} "${name}".${guess === undefined ? "" : ` Did you mean ${guess}?`}`,
    details: {
      name,
      known,
      fix: known.length === 0 ? `no ${noun} exists yet` : `one of: ${shown}${more}`,
      next: call.hint("status"),
    },
  });
}
