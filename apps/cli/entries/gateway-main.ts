/**
 * A gateway as a process: `gateway-main --config FILE`, or `gateway-main --config-folder FOLDER` for
 * the file that bears the name of this instance (`PRUNELLA_INSTANCE`), because all gateways of a
 * cluster have one command. Started and kept alive by the agent; ends on SIGTERM when its last request
 * is answered.
 *
 * How it ends: 0 drained, 64 called wrongly, 69 something that it needs is missing, 78 the
 * configuration is wrong, 98 the port is taken.
 *
 * Nothing is imported at the top but what is needed to start: a gateway that was killed must serve
 * again within 300 ms, so compiled modules come from a cache beside the configuration.
 */
import { readFileSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { dirname, join } from "node:path";

const exitCodes = { usage: 64, unavailable: 69, configuration: 78, portTaken: 98 } as const;

/** The cache is written when the process is idle, because a killed process cannot write it. */
const flushCacheMs = 2_000;

const configFile = findConfig(process.argv.slice(2));
if (configFile === undefined) {
  fail(exitCodes.usage, "Usage: gateway-main --config FILE | --config-folder FOLDER");
}
enableCompileCache(join(dirname(configFile), "compile-cache"));

const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
process.on("SIGHUP", () => {}); // The terminal that started the agent may close.

const [{ ClusterError }, { runGateway }, { parseGatewayConfig }] = await Promise.all([
  import("@prunella/core/kernel"),
  import("@prunella/gateway/process"),
  import("@prunella/gateway/config"),
]);
try {
  const config = parseGatewayConfig(readConfig(configFile));
  setTimeout(flushCompileCache, flushCacheMs).unref();
  await runGateway(config, stop.signal);
  process.exit(0);
} catch (error) {
  if (!ClusterError.is(error)) throw error; // A bug: the stack goes to the log, the process ends.
  if (error.code === "PORT_TAKEN") fail(exitCodes.portTaken, error.message);
  const isConfiguration = error.code === "CONFIG_INVALID";
  fail(isConfiguration ? exitCodes.configuration : exitCodes.unavailable, error.message);
}

function findConfig([option, path, ...more]: readonly string[]): string | undefined {
  if (path === undefined || more.length > 0) return undefined;
  if (option === "--config") return path;
  const instance = process.env["PRUNELLA_INSTANCE"];
  if (option !== "--config-folder" || instance === undefined) return undefined;
  return join(path, `${instance}.config.json`);
}

function readConfig(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(exitCodes.configuration, `Cannot read the configuration ${file}: ${reason}`);
  }
}

function fail(code: number, message: string): never {
  process.stderr.write(`gateway: ${message}\n`);
  process.exit(code);
}
