/**
 * The agent process: takes a state folder over, adopts what runs, keeps it, and answers the control
 * API until it is told to end. Its own death changes no answer to a client; the next agent goes on.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { ClusterError } from "@prunella/core/kernel";
import type { Drain } from "@prunella/runtime";
import {
  type FolderLock,
  lockFolder,
  openStateFolder,
  type StateFolder,
  writeFileAtomicSync,
  writeJsonSync,
} from "@prunella/store";
import { newToken } from "@prunella/wire/token";
import type { Logger } from "pino";
import { AgentControl } from "./agent-control.ts";
import { Chronicle } from "./chronicle.ts";
import { ClusterKeeper } from "./cluster-keeper.ts";
import { controlServer } from "./control-server.ts";
import { GatewayFleet, gatewayViewFiles } from "./gateway-fleet.ts";
import { openRuntime } from "./local-runtime.ts";
import { readState, termOfViews, writeState } from "./state-file.ts";

const folderCheckMs = 1_000;

export type AgentOptions = {
  /** The state folder; created when it is not there. */
  readonly folder: string;
  readonly version: string;
  /** Program that runs `.ts` and `.js` services. */
  readonly nodePath: string;
  /** Program and arguments of a gateway process, without its configuration. */
  readonly gatewayCommand: readonly string[];
  /** Where Node keeps compiled code of our own processes, so that a killed gateway is back sooner. */
  readonly compileCache: string | undefined;
  /** What instances inherit from the shell of the first `up`. */
  readonly inheritedEnv: Readonly<Record<string, string>>;
  readonly log: Logger;
};

/**
 * Runs until `signal` aborts or somebody asks for `down`. On abort instances and gateways go on
 * without an agent; on `down` they have ended before this resolves.
 *
 * @throws ClusterError `STATE_LOCKED` when another agent owns the folder, `STATE_REFUSED`,
 *   `STATE_CORRUPT`, `DISK_FULL`.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal): Promise<void> {
  const { log, version } = options;
  const folder = await openStateFolder(options.folder);
  using lock = lockFolder(folder.root);
  const token = readToken(folder);
  const before = readState(folder.state);
  const seenTerm = termOfViews(gatewayViewFiles(folder));
  const state = { ...before, agentTerm: Math.max(before.agentTerm, seenTerm) + 1 };
  writeState(folder.state, state, true);
  await using chronicle = await Chronicle.open(folder.journal, log);
  let keeper: ClusterKeeper | undefined;
  const drain: Drain = async (instance, incarnation, _signal, boundMs) =>
    keeper?.drain(instance, incarnation, boundMs);
  await using opened = await openRuntime(folder, drain, log);
  const { runtime, leftovers } = opened;
  const gateways = new GatewayFleet({
    folder,
    token,
    command: options.gatewayCommand,
    compileCache: options.compileCache,
  });
  let controlUrl = "";
  keeper = new ClusterKeeper(state, {
    runtime,
    gateways,
    chronicle,
    controlUrl: () => controlUrl,
    persist: (next, durable) => {
      if (lock.isIntact()) writeState(folder.state, next, durable);
    },
    leftovers,
  });
  const startedAt = new Date().toISOString();
  const stopped = new AbortController();
  const control = new AgentControl({
    keeper,
    runtime,
    chronicle,
    agent: () => ({ pid: process.pid, url: controlUrl, term: state.agentTerm, startedAt }),
    nodePath: options.nodePath,
    inheritedEnv: options.inheritedEnv,
    onDown: () => stopped.abort(),
  });
  const onError = (error: Error): void => log.error({ error }, "a control call failed");
  const server = await controlServer({ control, token, version, onError });
  controlUrl = await server.listen({ host: "127.0.0.1", port: 0 });
  chronicle.agentStarted(state.agentTerm);
  await keeper.start();
  writeJsonSync(
    folder.agent,
    { pid: process.pid, url: controlUrl, version, startedAt },
    { durable: false },
  );
  log.info({ url: controlUrl, term: state.agentTerm }, "agent serves");
  await untilStopped(AbortSignal.any([signal, stopped.signal]), lock, log);
  if (!lock.isIntact()) await keeper.end(() => undefined);
  keeper.stop();
  await server.close();
  forgetAnnouncement(folder, lock);
}

/** Resolves when asked to stop, or when the state folder was taken away from under the agent. */
async function untilStopped(signal: AbortSignal, lock: FolderLock, log: Logger): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (lock.isIntact()) return;
      log.error("the state folder was removed: nobody could adopt what runs, so all of it ends");
      resolve();
    }, folderCheckMs);
    signal.addEventListener("abort", () => resolve(), { once: true });
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  });
}

function readToken(folder: StateFolder): string {
  if (!existsSync(folder.token)) writeFileAtomicSync(folder.token, `${newToken()}\n`);
  const token = readFileSync(folder.token, "utf8").trim();
  if (token.length >= 32) return token;
  throw new ClusterError("STATE_CORRUPT", {
    message: `${folder.token} is damaged: it holds no token. Remove it; the next agent makes a new one.`,
    details: { path: folder.token },
  });
}

function forgetAnnouncement(folder: StateFolder, lock: FolderLock): void {
  if (lock.isIntact()) rmSync(folder.agent, { force: true });
}
