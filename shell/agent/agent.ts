/**
 * The agent process: takes a state folder over, adopts what runs, keeps it, and answers the control
 * API until it is told to end. Its own death changes no answer to a client; the next agent goes on.
 */
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { ClusterError } from "@prunella/core/kernel";
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
import { type ClusterState, emptyState } from "./cluster-state.ts";
import { controlServer } from "./control-server.ts";
import { Elections } from "./elections.ts";
import { GatewayFleet, gatewayViewFiles } from "./gateway-fleet.ts";
import { handOver } from "./hand-over.ts";
import { type LocalRuntimeOptions, openRuntime } from "./local-runtime.ts";
import { readState, StateFile, termOfViews } from "./state-file.ts";
import { TroubleRecord } from "./trouble-record.ts";

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
  const { log } = options;
  const folder = await openStateFolder(options.folder);
  using lock = lockFolder(folder.root);
  using file = new StateFile(folder.state, () => lock.isIntact());
  const remembered = readState(folder.state);
  const state = takeOver(remembered ?? emptyState, folder, file);
  await using chronicle = await Chronicle.open(folder.journal, log);
  const token = readToken(folder);
  const links: Links = { keeper: undefined, elections: undefined, controlUrl: "" };
  await using opened = await openRuntime(folder, {
    ...runtimeHooks(links),
    log,
  });
  const { runtime, leftovers } = opened;
  const troubles = new TroubleRecord(chronicle, Date.now);
  const gateways = gatewayFleet(folder, token, options, { chronicle, troubles }, links);
  const elections = new Elections({
    folder: folder.elections,
    chronicle,
    onChange: () => links.keeper?.leaderChanged(),
  });
  links.elections = elections;
  const keeper = new ClusterKeeper(state, {
    ...{ runtime, gateways, chronicle, elections, handOver, file, leftovers },
    ...{ agentFile: folder.agent, dataFolder: folder.data },
    controlUrl: () => links.controlUrl,
    hasMemory: remembered !== undefined,
  });
  links.keeper = keeper;
  const startedAt = new Date().toISOString();
  const stopped = new AbortController();
  const control = new AgentControl({
    keeper,
    runtime,
    chronicle,
    troubles: () => troubles.recent,
    elections,
    agent: () => ({ pid: process.pid, url: links.controlUrl, term: state.agentTerm, startedAt }),
    nodePath: options.nodePath,
    inheritedEnv: options.inheritedEnv,
    onDown: () => stopped.abort(),
  });
  const server = await controlServer({
    control,
    token,
    opens: (service, header) => elections.opens(service, header),
    version: options.version,
    onError: (error) => crashOnBug(error, log),
  });
  links.controlUrl = await server.listen({ host: "127.0.0.1", port: 0 });
  chronicle.agentStarted(state.agentTerm);
  await keeper.start();
  const announcement = {
    pid: process.pid,
    url: links.controlUrl,
    version: options.version,
    startedAt,
  };
  announce(folder.agent, announcement);
  log.info({ url: links.controlUrl, term: state.agentTerm }, "agent serves");
  await untilStopped(AbortSignal.any([signal, stopped.signal]), lock, log);
  if (!lock.isIntact()) await keeper.end(() => undefined);
  keeper.stop();
  await server.close();
  if (lock.isIntact()) rmSync(folder.agent, { force: true });
}

/** What the runtime tells and asks, for parts that are made after it. */
function runtimeHooks(links: Links): Omit<LocalRuntimeOptions, "log"> {
  return {
    drain: async (instance, incarnation, _signal, boundMs) =>
      links.keeper?.drain(instance, incarnation, boundMs),
    onFact: (fact) => links.keeper?.heard(fact),
    beforeLaunch: (service) => links.keeper?.beforeLaunch(service),
    onMainExit: (copy) => links.elections?.mainExited(copy),
  };
}

/** What the parts need of each other although one of them is made first. */
type Links = {
  keeper: ClusterKeeper | undefined;
  elections: Elections | undefined;
  controlUrl: string;
};

/** The state of the last agent under a new term. */
function takeOver(before: ClusterState, folder: StateFolder, file: StateFile): ClusterState {
  const seenTerm = termOfViews(gatewayViewFiles(folder));
  const state = { ...before, agentTerm: Math.max(before.agentTerm, seenTerm) + 1 };
  // Also on a full disk: the views that gateways keep are the second memory of the term.
  file.saveSoon(state);
  return state;
}

/** Says where the agent listens. On a full disk the old file is written over, which takes no room. */
function announce(path: string, announcement: object): void {
  try {
    writeJsonSync(path, announcement, { durable: false });
  } catch (error) {
    if (!ClusterError.is(error, "DISK_FULL") || !existsSync(path)) throw error;
    const file = openSync(path, "r+");
    try {
      const text = `${JSON.stringify(announcement)}\n`;
      ftruncateSync(file, writeSync(file, text, 0));
    } finally {
      closeSync(file);
    }
  }
}

function gatewayFleet(
  folder: StateFolder,
  token: string,
  { gatewayCommand, compileCache }: AgentOptions,
  { chronicle, troubles }: { readonly chronicle: Chronicle; readonly troubles: TroubleRecord },
  links: Links,
): GatewayFleet {
  return new GatewayFleet({
    folder,
    token,
    command: gatewayCommand,
    compileCache,
    onChange: () => links.keeper?.wake(),
    onRefused: (instance, why) =>
      chronicle.record({
        type: "gateway.view-refused",
        severity: "warning",
        instance,
        message: `${instance} refused the newest view and goes on with its last one: ${why}`,
      }),
    onTroubles: (instance, page) => troubles.took(instance, page),
  });
}

/** A bug ends the process; the next agent goes on from what is on disk. */
function crashOnBug(error: Error, log: Logger): void {
  log.error({ err: error }, "a control call failed");
  if (error.name !== "InvariantError") return;
  setImmediate(() => {
    throw error;
  });
}

/** Resolves when asked to stop, or when the state folder was taken away from under the agent. */
async function untilStopped(signal: AbortSignal, lock: FolderLock, log: Logger): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(() => {
      if (lock.isIntact()) return;
      log.error("the state folder was removed: nobody could adopt what runs, so all of it ends");
      done();
    }, folderCheckMs);
    signal.addEventListener("abort", done, { once: true });
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
