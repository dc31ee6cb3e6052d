/** `prunella add` and `prunella rm`: the same wish with two signs. */
import { ClusterError } from "@prunella/core/kernel";
import { nearestName } from "@prunella/spec/nearest-name";
import type { ClusterStatus, InstanceStatus, ServiceStatus } from "@prunella/wire/control";
import type { Client } from "../client.ts";
import { converge, instancesOf } from "../convergence.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import {
  findInstance,
  findService,
  onlyService,
  replicaUnknown,
  serviceUnknown,
} from "../names.ts";
import { UsageError } from "../usage-error.ts";
import type { Action, Options } from "../verb.ts";

type Wish = {
  readonly service: ServiceStatus;
  /** Host names of new instances, or names of those to remove. */
  readonly names: readonly string[];
  readonly count: number;
};

export const add: Action = async (call, words, options) => {
  const client = await call.connect();
  const status = await client.status();
  const wish = wishOf(status, words, options, (name) => {
    const service = onlyService(status);
    // With one service the first word may be a host name, unless it looks like a slip for the service.
    const isSlip = name !== undefined && nearestName(name, [service?.name ?? ""]) !== undefined;
    if (service !== undefined && !isSlip) return service;
    throw noService(call, status, name, "add");
  });
  return resize(call, client, "add", wish);
};

export const remove: Action = async (call, words, options) => {
  const client = await call.connect();
  const status = await client.status();
  const wish = wishOf(status, words, options, (name) => {
    const owner = name === undefined ? onlyService(status) : ownerOf(status, name);
    if (owner !== undefined) return owner;
    const known = status.services.map((service) => service.name);
    const isService = name === undefined || nearestName(name, known) !== undefined;
    if (isService) throw noService(call, status, name, "rm");
    throw notRemovable(call, status, name, undefined);
  });
  for (const name of wish.names) {
    if (ownerOf(status, name) === wish.service) continue;
    throw notRemovable(call, status, name, wish.service);
  }
  return resize(call, client, "rm", wish);
};

function wishOf(
  status: ClusterStatus,
  words: readonly string[],
  options: Options,
  otherwise: (name: string | undefined) => ServiceStatus,
): Wish {
  const [first, ...rest] = words;
  const named = first === undefined ? undefined : findService(status, first);
  const service = named ?? otherwise(first);
  const names = named === undefined ? words : rest;
  const count = options.count("count") ?? Math.max(1, names.length);
  return { service, names, count };
}

async function resize(
  call: Invocation,
  client: Client,
  verb: "add" | "rm",
  wish: Wish,
): Promise<typeof exitCodes.ok> {
  const { service, names, count } = wish;
  const before = new Set(service.instances.map((instance) => instance.name));
  const desired = service.desired + (verb === "add" ? count : -count);
  // The call answers when the change is visible; what happens until then is shown meanwhile.
  let answer: "none" | "done" | Error = "none";
  void client.resize(service.name, verb, count, names).then(
    () => {
      answer = "done";
    },
    (error: Error) => {
      answer = error;
    },
  );
  const status = await converge(call, {
    title: `${verb === "add" ? "Adding" : "Removing"} ${count} of ${service.name}`,
    isReached: (now) => {
      const found = findService(now, service.name);
      if (answer instanceof Error) assertTaken(call, answer, found?.desired === desired);
      if (found === undefined) throw noService(call, now, service.name, verb);
      return answer !== "none" && now.converged && found.instances.length === found.desired;
    },
    instances: (now) => instancesOf(now, service.name),
  });
  const after = instancesOf(status, service.name);
  const kept = new Set(after.map((instance) => instance.name));
  if (call.json) call.printJson(findService(status, service.name));
  else if (verb === "add")
    sayAdded(
      call,
      after.filter(({ name }) => !before.has(name)),
    );
  else
    sayRemoved(
      call,
      service,
      [...before].filter((name) => !kept.has(name)),
    );
  return exitCodes.ok;
}

function sayAdded(call: Invocation, added: readonly InstanceStatus[]): void {
  for (const { name, hostname, address } of added) {
    const alias = hostname === name ? "" : ` ("${hostname}")`;
    call.sayDone(`${name}${alias} serves at ${address ?? "no address"}`);
  }
}

function sayRemoved(call: Invocation, service: ServiceStatus, removed: readonly string[]): void {
  call.sayDone(
    `${removed.join(", ")} ended; ${service.name} keeps ${service.desired - removed.length}`,
  );
}

/** A refusal is final. When the agent died meanwhile, what its successor wants tells if it was taken. */
function assertTaken(call: Invocation, error: Error, isWanted: boolean): void {
  if (!ClusterError.is(error, "AGENT_UNREACHABLE")) throw error;
  if (isWanted) return;
  throw new ClusterError("NOT_CONVERGED", {
    message: "The agent was replaced before it took this change, so nothing was changed.",
    details: { fix: "repeat the command", next: call.hint("status") },
  });
}

/** Why this word names nothing that can be removed, from this service if one was said. */
function notRemovable(
  call: Invocation,
  status: ClusterStatus,
  name: string,
  service: ServiceStatus | undefined,
): Error {
  const owner = ownerOf(status, name);
  if (owner !== undefined) {
    const own = `${name} is an instance of ${owner.name}, not of ${service?.name ?? "this service"}.`;
    return new UsageError(own, call.hint(`rm ${owner.name} ${name}`));
  }
  const isGateway = status.gateways.some((gateway) => gateway.name === name);
  if (!isGateway) return replicaUnknown(call, status, name);
  return new UsageError(
    `${name} is a gateway and no replica of a service; gateway.count in the cluster file says how many there are.`,
    call.hint("up"),
  );
}

function ownerOf(status: ClusterStatus, name: string): ServiceStatus | undefined {
  const instance = findInstance(status, name);
  return status.services.find((service) => service.instances.some((each) => each === instance));
}

function noService(
  call: Invocation,
  status: ClusterStatus,
  name: string | undefined,
  verb: string,
): Error {
  if (name !== undefined) return serviceUnknown(call, status, name);
  const names = status.services.map((service) => service.name);
  const example = call.hint(`${verb} ${names[0] ?? "<service>"}`);
  return new UsageError(`Say which service: ${names.join(", ") || "there is none yet"}.`, example);
}
