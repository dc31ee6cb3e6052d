/**
 * Starts the agent as a process of its own: it outlives this command, its output goes to `agent.log`
 * in the state folder, and it is there as soon as it answers an authorised call.
 *
 * Two commands may start one at the same moment. The lock of the folder lets one agent live; the
 * other exits, and whoever started it goes on with the one that answers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ClusterError } from "@prunella/core/kernel";
import { AgentLog } from "./agent-log.ts";
import { endedMeanwhile, isOver, noteLaunch, silentAgent } from "./agent-presence.ts";
import type { Client } from "./client.ts";
import { isAlive, readConnection } from "./connection.ts";
import { exitCodes } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";

const lookMs = 15;
const answerMs = 2_000;
/** How long an agent may take from its launch to its first answer; it adopts what runs on the way. */
const startMsMax = 20_000;
/** How long the agent that won the folder may take to answer after ours had to go. */
const rivalMsMax = 5_000;

/** The agent of this folder if it answers; undefined when there is none or its process is gone. */
export async function findAgent(call: Invocation): Promise<Client | undefined> {
  const connection = await readConnection(call.place.stateFolder);
  if (connection === undefined) return undefined;
  try {
    const client = await call.connect();
    await client.status(answerMs);
    return client;
  } catch (error) {
    if (!ClusterError.is(error, "AGENT_UNREACHABLE")) throw error;
    return undefined;
  }
}

/** Waits for an agent that is just starting; undefined when there is none, or it has gone again. */
export async function awaitStartingAgent(call: Invocation): Promise<Client | undefined> {
  const { stateFolder } = call.place;
  if ((await silentAgent(stateFolder)) === undefined) return undefined;
  using progress = call.progress("Waiting for the agent that is starting");
  while (progress.elapsedMs < startMsMax && (await silentAgent(stateFolder)) !== undefined) {
    await sleep(lookMs, undefined, { signal: call.signal });
  }
  return findAgent(call);
}

/**
 * Starts an agent for this folder, which must exist, and waits until it answers.
 *
 * @throws ClusterError `CLUSTER_ENDED` when somebody said `down` meanwhile, `STATE_LOCKED`,
 *   `AGENT_UNREACHABLE`.
 */
export async function startAgent(call: Invocation): Promise<Client> {
  const { stateFolder } = call.place;
  const log = new AgentLog(stateFolder);
  const agent = launch(call, log);
  using _launch = noteLaunch(stateFolder, agent.pid);
  using progress = call.progress("Starting the agent");
  let endedAtMs: number | undefined;
  while (progress.elapsedMs < startMsMax) {
    const client = await findAgent(call);
    if (client !== undefined) return client;
    if (hasEnded(agent)) {
      endedAtMs ??= progress.elapsedMs;
      const hasRival = agent.exitCode === exitCodes.locked;
      if (!hasRival || progress.elapsedMs - endedAtMs > rivalMsMax) break;
    }
    await sleep(lookMs, undefined, { signal: call.signal });
  }
  if (agent.exitCode === exitCodes.ok && (await isOver(stateFolder))) {
    throw endedMeanwhile(call.hint("up"));
  }
  throw startFailed(call, log, agent);
}

/** Waits until the process of the agent has gone, so that its folder is free again. */
export async function agentGone(call: Invocation, pid: number, withinMs: number): Promise<boolean> {
  const untilMs = performance.now() + withinMs;
  while (isAlive(pid)) {
    if (performance.now() > untilMs) return false;
    await sleep(lookMs, undefined, { signal: call.signal });
  }
  return true;
}

function launch(call: Invocation, log: AgentLog): ChildProcess {
  const isSource = import.meta.url.endsWith(".ts");
  const entry = new URL(`${isSource ? "." : ".."}/bin/agent.js`, import.meta.url);
  const args = [...process.execArgv, fileURLToPath(entry), "--state", call.place.stateFolder];
  const output = log.open();
  const agent = spawn(process.execPath, args, {
    cwd: call.place.stateFolder,
    detached: true,
    stdio: ["ignore", output.fd, output.fd],
  });
  output.close();
  agent.on("error", () => undefined); // Seen as a process that never lived.
  agent.unref();
  return agent;
}

function hasEnded(agent: ChildProcess): boolean {
  return agent.pid === undefined || agent.exitCode !== null || agent.signalCode !== null;
}

function startFailed(call: Invocation, log: AgentLog, agent: ChildProcess): ClusterError {
  const { stateFolder } = call.place;
  const said = log.newLines();
  const sentences = said.filter((line) => !line.startsWith("{")); // The rest is its journal.
  if (agent.exitCode === exitCodes.locked) {
    return new ClusterError("STATE_LOCKED", {
      message: sentences.join("\n"),
      details: { stateFolder, why: "that agent runs and does not answer" },
    });
  }
  const code = agent.exitCode === null ? "" : ` with exit code ${agent.exitCode}`;
  const head = hasEnded(agent)
    ? `The agent ended at once${code}.`
    : `The agent (pid ${agent.pid}) runs and does not answer.`;
  return new ClusterError("AGENT_UNREACHABLE", {
    message: [head, ...(sentences.length > 0 ? sentences : said)].join("\n"),
    details: { stateFolder, fix: `read its log: ${log.path}` },
  });
}
