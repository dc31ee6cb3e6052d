/** `prunella elect why|history|resign [service]`: who leads, how it came to that, and a handover. */
import type { ClusterStatus, ServiceStatus } from "@prunella/wire/control";
import type { ElectionStatus } from "@prunella/wire/election";
import { spanText } from "../duration.ts";
import { drawElection, drawHistory } from "../election-text.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { findService, serviceUnknown } from "../names.ts";
import { UsageError } from "../usage-error.ts";
import type { Action, Options } from "../verb.ts";
import { electWords } from "../verbs.ts";

export const elect: Action = async (call, [what = "", name], options) => {
  if (what === "why") return why(call, name);
  if (what === "history") return history(call, name);
  if (what === "resign") return resign(call, name, options);
  throw new UsageError(
    `There is nothing called "${what}" to ask an election. Say one of: ${electWords.join(", ")}.`,
    call.hint("elect why"),
  );
};

async function why(call: Invocation, name: string | undefined) {
  const election = await ask(call, name, "why");
  if (call.json) call.printJson(election);
  else call.out.write(drawElection(election, call.out, Date.now()));
  return exitCodes.ok;
}

async function history(call: Invocation, name: string | undefined) {
  const election = await ask(call, name, "history");
  if (call.json) call.printJson(election.history);
  else call.out.write(drawHistory(election, call.out, Date.now()));
  return exitCodes.ok;
}

async function resign(call: Invocation, name: string | undefined, options: Options) {
  const startedMs = performance.now();
  const client = await call.connect();
  const service = chosen(call, await client.status(), name, "resign");
  const before = (await client.election(service.name)).leader;
  const after = await client.resign(service.name, options.text("to"));
  if (call.json) call.printJson(after);
  else {
    const span = spanText(performance.now() - startedMs);
    const { arrow } = call.talk.marks;
    call.sayDone(
      `${service.name}: ${before ?? "nobody"} ${arrow} ${after.leader ?? "nobody"} in ${span}, term ${after.term}`,
    );
  }
  return exitCodes.ok;
}

async function ask(
  call: Invocation,
  name: string | undefined,
  what: string,
): Promise<ElectionStatus> {
  const client = await call.connect();
  return client.election(chosen(call, await client.status(), name, what).name);
}

/** The elected service that is meant: the one that is named, or the only one. */
function chosen(
  call: Invocation,
  status: ClusterStatus,
  name: string | undefined,
  what: string,
): ServiceStatus {
  const elected = status.services.filter(({ kind }) => kind === "elected");
  const names = elected.map((service) => service.name).join(", ");
  if (name !== undefined) {
    const found = findService(status, name);
    if (found === undefined) throw serviceUnknown(call, status, name);
    if (found.kind === "elected") return found;
    const others = names === "" ? "No service of this cluster does." : `Elected: ${names}.`;
    throw new UsageError(`${name} elects no leader. ${others}`, call.hint("status"));
  }
  const [only] = elected;
  if (only !== undefined && elected.length === 1) return only;
  if (only !== undefined) {
    throw new UsageError(`Say which service: ${names}.`, call.hint(`elect ${what} ${only.name}`));
  }
  throw new UsageError(
    "No service of this cluster elects a leader. In the cluster file, elected({ run, count: 3 }) makes one.",
    call.hint("status"),
  );
}
