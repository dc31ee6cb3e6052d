/** Instances as processes of this machine: the process host with the supervisor above it. */
import type { Log } from "@prunella/driver";
import {
  type BeforeLaunch,
  type Copy,
  createSupervisor,
  type Drain,
  type InstanceFact,
  type Runtime,
} from "@prunella/runtime";
import { openProcessHost } from "@prunella/runtime-process";
import type { StateFolder } from "@prunella/store";
import type { Logger } from "pino";

export type LocalRuntime = AsyncDisposable & {
  readonly runtime: Runtime;
  /** Services of which an earlier agent left running copies. */
  readonly leftovers: readonly string[];
};

export type LocalRuntimeOptions = {
  readonly drain: Drain;
  readonly onFact: (fact: InstanceFact) => void;
  readonly onMainExit: (copy: Copy) => void;
  readonly beforeLaunch: BeforeLaunch;
  readonly log: Logger;
};

/** Disposing it ends nothing that runs: the next agent adopts it. */
export async function openRuntime(
  folder: StateFolder,
  options: LocalRuntimeOptions,
): Promise<LocalRuntime> {
  const host = await openProcessHost({ folder: folder.instances });
  const copies = await host.list();
  const running = copies.filter((copy) => copy.running).map(({ service }) => `${service}`);
  const { log, ...hooks } = options;
  const runtime = createSupervisor(host, { ...hooks, log: supervisorLog(log) });
  return {
    runtime,
    leftovers: [...new Set(running)],
    [Symbol.asyncDispose]: async () => {
      await runtime[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

function supervisorLog(log: Logger): Log {
  return {
    error: (message, fields) => log.error(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    debug: (message, fields) => log.debug(fields ?? {}, message),
  };
}
