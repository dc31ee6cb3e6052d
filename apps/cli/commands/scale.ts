/** `prunella scale SERVICE COUNT`, or `scale COUNT` where there is one service only. */
import type { ClusterStatus, ServiceStatus } from "@prunella/wire/control";
import { converge, instancesOf } from "../convergence.ts";
import { spanText } from "../duration.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { findService, onlyService, serviceUnknown } from "../names.ts";
import { UsageError } from "../usage-error.ts";
import type { Action } from "../verb.ts";

export const scale: Action = async (call, words) => {
  const startedMs = performance.now();
  const client = await call.connect();
  const { service, count } = wish(call, await client.status(), words);
  const before = service.desired;
  await client.scale(service.name, count);
  const status = await converge(call, {
    title: `Scaling ${service.name} from ${before} to ${count}`,
    isReached: (now) => isAt(findService(now, service.name), count) && now.converged,
    instances: (now) => instancesOf(now, service.name),
  });
  if (call.json) call.printJson(findService(status, service.name));
  else {
    const span = spanText(performance.now() - startedMs);
    const change =
      before === count ? `has ${count}` : `${before} ${call.talk.marks.arrow} ${count}`;
    const outcome = count === 0 ? "all ended" : "all ready";
    call.sayDone(`${service.name} ${change}, ${outcome} in ${span}`);
  }
  return exitCodes.ok;
};

function wish(
  call: Invocation,
  status: ClusterStatus,
  words: readonly string[],
): { readonly service: ServiceStatus; readonly count: number } {
  const [first, second] = words;
  if (first === undefined)
    throw new UsageError("Say how many.", call.hint("scale <service> <count>"));
  const names = status.services.map((service) => service.name);
  if (second !== undefined) {
    const service = findService(status, first);
    if (service === undefined) throw serviceUnknown(call, status, first);
    return { service, count: countOf(call, second, first) };
  }
  const service = onlyService(status);
  if (service === undefined) {
    const example = call.hint(`scale ${names[0] ?? "<service>"} ${first}`);
    throw new UsageError(`Say which service: ${names.join(", ") || "there is none yet"}.`, example);
  }
  if (findService(status, first) !== undefined) {
    throw new UsageError("Say how many.", call.hint(`scale ${first} ${service.desired + 1}`));
  }
  return { service, count: countOf(call, first, service.name) };
}

function countOf(call: Invocation, text: string, service: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw new UsageError(
    `"${text}" is not a count; give a whole number.`,
    call.hint(`scale ${service} 3`),
  );
}

/** Those that were removed have left as well. */
function isAt(service: ServiceStatus | undefined, count: number): boolean {
  return (
    service?.desired === count && service.ready === count && service.instances.length === count
  );
}
