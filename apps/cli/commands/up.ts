/** `prunella up`: from a file to a cluster that serves, and a screen that says what to do with it. */
import { mkdir } from "node:fs/promises";
import type { PlannedChange } from "@prunella/spec";
import type { ClusterStatus } from "@prunella/wire/control";
import { findAgent, startAgent } from "../agent-process.ts";
import { loadFile } from "../cluster-file.ts";
import { converge, instancesOf } from "../convergence.ts";
import { spanText } from "../duration.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { drawFinding, findingsOf } from "../findings.ts";
import type { Invocation } from "../invocation.ts";
import { printable } from "../printable.ts";
import { drawTour } from "../tour.ts";
import type { Action } from "../verb.ts";

const stateFolderMode = 0o700;

export const up: Action = async (call, _words, options): Promise<ExitCode> => {
  const startedMs = performance.now();
  const file = await loadFile(call);
  const { definition, folder, spec } = file;
  for (const finding of await findingsOf(call, file)) {
    // Only what cannot work; the rest is for `doctor`, which is asked when one has time.
    if (finding.severity === "error") call.say(drawFinding(call, finding, call.talk));
  }
  await mkdir(call.place.stateFolder, { recursive: true, mode: stateFolderMode });
  const client = (await findAgent(call)) ?? (await startAgent(call));
  const changes = await client.apply({ cluster: definition, folder });
  const leave = () => call.say(`The cluster goes on starting. End it with: ${call.hint("down")}`);
  call.signal.addEventListener("abort", leave, { once: true });
  const status = await converge(call, {
    title: `Starting ${spec.name}`,
    isReached: (now) => isWhole(now, Object.keys(spec.services).length),
    instances: (now) => [...now.gateways, ...instancesOf(now)],
  });
  call.signal.removeEventListener("abort", leave);
  sayChanges(call, changes);
  call.sayDone(`${spec.name} is up, in ${spanText(performance.now() - startedMs)}`);
  if (call.json) call.printJson(status);
  else if (!call.quiet) call.out.write(drawTour(call, spec, status));
  if (!options.flag("foreground")) return exitCodes.ok;
  const { stay } = await import("../foreground.ts");
  return stay(call);
};

function isWhole(status: ClusterStatus, serviceCount: number): boolean {
  return (
    status.converged &&
    status.services.length === serviceCount &&
    status.gateways.length > 0 &&
    status.services.every((service) => service.ready === service.desired)
  );
}

/** What was changed in a cluster that ran before. The first `up` creates all, which is no news. */
function sayChanges(call: Invocation, changes: readonly PlannedChange[]): void {
  for (const { action, service, detail } of changes) {
    if (action === "keep" || action === "create") continue;
    call.say(`${call.talk.style("yellow", action)} ${service}: ${printable(detail)}`);
  }
}
