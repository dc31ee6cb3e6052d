/**
 * What holds for copies of which no service is known any more: an earlier agent launched them, and
 * this one was told of them by its host alone.
 */
import type { ServiceName } from "@prunella/core/kernel";
import type { LogSpec, RuntimeService } from "./runtime.ts";

/** As the cluster file has it by default. */
export const leftoverLog: LogSpec = { fileMiB: 16, filesMax: 3 };

/** As the cluster file has it by default, too: nobody knows what was agreed with these copies. */
const stop = { drainMs: 5_000, graceMs: 5_000 };

/** Never probed to a verdict and never launched: its copies are adopted only to be ended. */
const probe = {
  path: undefined,
  intervalMs: 1_000,
  timeoutMs: 500,
  failuresMax: 3,
  successesMin: 2,
  startupMs: 10_000,
};

/** A service without members, for a keeper that is to end one copy by the ordinary way. */
export function leftoverService(name: ServiceName): RuntimeService {
  return {
    name,
    cluster: "",
    command: [], // An order to launch it would be refused by every host.
    folder: "/",
    env: {},
    memberEnv: () => ({}),
    fixedPort: undefined,
    probe,
    stop,
    log: leftoverLog,
    members: [],
  };
}
