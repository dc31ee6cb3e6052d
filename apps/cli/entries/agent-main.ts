/**
 * The agent as a process: `agent-main --state DIR`. Started by `prunella up`, detached; ends on SIGTERM
 * and leaves what it keeps alive running, or after `prunella down`, when nothing runs any more.
 */
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runAgent, stderrLog } from "@prunella/agent";
import { ClusterError } from "@prunella/core/kernel";
import { exitCodes } from "../exit-code.ts";
import { versionNumber } from "../version-number.ts";

/** What instances inherit from the shell; everything else they get from the cluster file. */
const inherited = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

const { values } = parseArgs({ options: { state: { type: "string" } } });
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
process.on("SIGHUP", () => {}); // The terminal that started it may close.

// Node keeps it in a subfolder of its own version.
const compileCache = getCompileCacheDir();
const isSource = import.meta.url.endsWith(".ts");
const gatewayEntry = new URL(`./gateway-main.${isSource ? "ts" : "js"}`, import.meta.url);

try {
  await runAgent(
    {
      folder: values.state ?? ".prunella",
      version: versionNumber(),
      nodePath: process.execPath,
      compileCache: compileCache === undefined ? undefined : dirname(compileCache),
      gatewayCommand: [process.execPath, ...process.execArgv, fileURLToPath(gatewayEntry)],
      inheritedEnv: Object.fromEntries(
        inherited.flatMap((name) => {
          const value = process.env[name];
          return value === undefined ? [] : [[name, value]];
        }),
      ),
      log: stderrLog(),
    },
    stop.signal,
  );
  process.exit(exitCodes.ok);
} catch (error) {
  if (!ClusterError.is(error)) throw error; // A bug: the stack goes to agent.log, the process ends.
  process.stderr.write(`${error.message}\n`);
  process.exit(error.code === "STATE_LOCKED" ? exitCodes.locked : exitCodes.failed);
}
