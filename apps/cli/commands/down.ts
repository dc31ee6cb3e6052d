/**
 * `prunella down`: ends all that runs. When the agent is dead, what it kept alive still runs, so one is
 * started for no other purpose than to end it.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import { isLeftBehind } from "../agent-presence.ts";
import { agentGone, awaitStartingAgent, findAgent, startAgent } from "../agent-process.ts";
import type { Client } from "../client.ts";
import { hasEnded } from "../connection.ts";
import { spanText } from "../duration.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import type { Action } from "../verb.ts";

/** An agent that dies on the way is replaced by another one, and so is one that was given new work. */
const triesMax = 3;
const exitMsMax = 10_000;

export const down: Action = async (call, _words, options) => {
  const { stateFolder } = call.place;
  const ended = await endAll(call);
  if (options.flag("purge")) await purge(stateFolder);
  if (call.json) call.printJson({ ended, purged: options.flag("purge") });
  return exitCodes.ok;
};

/** @returns The names of what was ended; none when nothing ran. */
export async function endAll(call: Invocation): Promise<readonly string[]> {
  const startedMs = performance.now();
  const ended = new Set<string>();
  for (let tries = 1; ; tries++) {
    const client = await agentFor(call);
    if (client === undefined) {
      if (tries === 1) call.say(`Nothing runs in ${call.place.stateFolder}.`);
      return [...ended];
    }
    try {
      await endWith(call, client, ended);
      if (tries === triesMax || !(await isLeftBehind(call.place.stateFolder))) break;
    } catch (error) {
      if (!ClusterError.is(error, "AGENT_UNREACHABLE") || tries === triesMax) throw error;
      await sleep(100, undefined, { signal: call.signal });
    }
  }
  const span = spanText(performance.now() - startedMs);
  call.sayDone(
    ended.size === 0 ? "nothing ran any more" : `${ended.size} ended in ${span}, nothing is left`,
  );
  return [...ended];
}

async function agentFor(call: Invocation): Promise<Client | undefined> {
  const { stateFolder } = call.place;
  const agent = (await findAgent(call)) ?? (await awaitStartingAgent(call));
  if (agent !== undefined) return agent;
  if (!existsSync(stateFolder) || (await hasEnded(stateFolder))) return undefined;
  call.say("The agent is gone; starting one to end what it left.");
  return startAgent(call).catch((error: unknown) => {
    if (ClusterError.is(error, "CLUSTER_ENDED")) return undefined; // Somebody else was as fast.
    throw error;
  });
}

async function endWith(call: Invocation, client: Client, ended: Set<string>): Promise<void> {
  using progress = call.progress("Ending the cluster");
  const phases = new Map<string, string>();
  for await (const { instance, phase } of client.down()) {
    phases.set(instance, phase);
    if (phase === "ended") ended.add(instance);
    progress.show([...phases].map(([key, now]) => ({ key, text: `${key}  ${now}` })));
  }
  if (await agentGone(call, client.pid, exitMsMax)) return;
  throw new ClusterError("NOT_CONVERGED", {
    message: `All instances have ended, and the agent (pid ${client.pid}) still runs after ${spanText(exitMsMax)}.`,
    details: { pid: client.pid, next: `kill -9 ${client.pid}` },
  });
}

/** Removes the folder, and nothing that is not one of ours. */
async function purge(stateFolder: string): Promise<void> {
  const ours = ["token", "state.json", "journal", "agent.log"];
  if (!existsSync(stateFolder)) return;
  if (!ours.some((name) => existsSync(`${stateFolder}/${name}`))) {
    throw new ClusterError("STATE_REFUSED", {
      message: `${stateFolder} does not look like a state folder, so it was not removed.`,
      details: { stateFolder, fix: "remove it by hand if it is not needed" },
    });
  }
  await rm(stateFolder, { recursive: true, force: true });
}
