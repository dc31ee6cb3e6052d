/** `prunella restart`: one instance, or a whole service one after the other so that it goes on. */
import { ClusterError } from "@prunella/core/kernel";
import type { InstanceStatus } from "@prunella/wire/control";
import type { Client } from "../client.ts";
import { converge } from "../convergence.ts";
import { spanText } from "../duration.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { everyInstance, findInstance, findService, withGuess } from "../names.ts";
import type { Action } from "../verb.ts";

export const restart: Action = async (call, [name = ""]) => {
  const client = await call.connect();
  const status = await client.status();
  const service = findService(status, name);
  const instance = findInstance(status, name);
  const chosen = instance !== undefined ? [instance] : (service?.instances ?? []);
  if (instance === undefined && service === undefined)
    throw withGuess(call, undefined, status, name);
  const done: InstanceStatus[] = [];
  for (const each of chosen) {
    const now = await restartOne(call, client, each);
    if (now !== undefined) done.push(now);
  }
  if (call.json) call.printJson(done);
  return exitCodes.ok;
};

/** Undefined when it was removed meanwhile. */
async function restartOne(
  call: Invocation,
  client: Client,
  before: InstanceStatus,
): Promise<InstanceStatus | undefined> {
  const startedMs = performance.now();
  try {
    await client.restart(before.name);
  } catch (error) {
    if (ClusterError.is(error, "INSTANCE_UNKNOWN")) return undefined;
    throw error;
  }
  const find = (all: readonly InstanceStatus[]) => all.find((each) => each.name === before.name);
  const status = await converge(call, {
    title: `Restarting ${before.name}`,
    isReached: (now) => {
      const instance = find(everyInstance(now));
      if (instance === undefined) return true;
      return instance.ready && instance.incarnation > before.incarnation;
    },
    instances: (now) => everyInstance(now).filter((each) => each.name === before.name),
  });
  const after = find(everyInstance(status));
  if (after === undefined) return undefined;
  const span = spanText(performance.now() - startedMs);
  call.sayDone(
    `${after.name} serves again in ${span}, incarnation ${before.incarnation} ${call.talk.marks.arrow} ${after.incarnation}, pid ${after.pid ?? "-"}`,
  );
  return after;
}
