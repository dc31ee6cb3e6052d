/**
 * Runs one cluster file in a thread of its own and sends back plain data.
 *
 * A cluster file is a program. Here it may loop for ever, exit, print or fill the memory: the thread
 * ends and the caller goes on. A new thread also means that nothing is cached, not even what the file
 * imports, and that the host's own imports stay untouched. It is no sandbox: the file runs with the
 * rights of the person who wrote it.
 */
import { registerHooks } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { Program } from "acorn";
import type { Complaint } from "./complaint.ts";
import { plainData } from "./plain-data.ts";
import { scriptFault } from "./script-errors.ts";
import { scriptPlaces } from "./script-positions.ts";
import { readScript, type ScriptFault } from "./script-source.ts";
import type { Place } from "./source-positions.ts";

export type WorkerOrder = {
  /** URL of the cluster file. */
  readonly url: string;
  readonly text: string;
  /** What `import ... from "prunella"` means where it is not installed beside the file. */
  readonly sdkUrl: string;
};

export type WorkerAnswer =
  | {
      readonly type: "value";
      readonly value: unknown;
      /** What the file exports beside plain data. */
      readonly complaints: readonly Complaint[];
      readonly places: ReadonlyMap<string, Place>;
    }
  | { readonly type: "fault"; readonly fault: ScriptFault }
  | { readonly type: "stuck" };

const loadedMax = 200;

async function run({ url, text, sdkUrl }: WorkerOrder): Promise<WorkerAnswer> {
  const source = readScript(text, url.endsWith("ts"));
  if (!source.ok) return { type: "fault", fault: source.fault };
  const loaded = hookModules(url, source.code, sdkUrl);
  try {
    const module: unknown = await import(url);
    return await exported(module, source.program, text);
  } catch (error) {
    const sdkNames = await exportNames(sdkUrl);
    const fault = scriptFault(error, { url, text, program: source.program, loaded, sdkNames });
    return { type: "fault", fault };
  }
}

/** @returns The sources of local modules, which fills up while the file is imported. */
function hookModules(url: string, code: string, sdkUrl: string): ReadonlyMap<string, string> {
  const loaded = new Map<string, string>();
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === url) return { url, shortCircuit: true };
      if (specifier !== "prunella") return next(specifier, context);
      try {
        return next(specifier, context);
      } catch {
        // Handled: not installed there, so the copy that runs this command stands in.
        return { url: sdkUrl, shortCircuit: true };
      }
    },
    load(moduleUrl, context, next) {
      // A module whatever package.json says, and the very text that positions were taken from.
      if (moduleUrl === url) return { format: "module", source: code, shortCircuit: true };
      const result = next(moduleUrl, context);
      const local = moduleUrl.startsWith("file:") && !moduleUrl.includes("/node_modules/");
      if (local && result.source !== undefined && loaded.size < loadedMax) {
        loaded.set(moduleUrl, String(result.source));
      }
      return result;
    },
  });
  return loaded;
}

async function exported(module: unknown, program: Program, text: string): Promise<WorkerAnswer> {
  const namespace = module as { readonly default?: unknown };
  if (!("default" in namespace)) {
    return {
      type: "fault",
      fault: {
        ...{ file: undefined, position: { line: 1, column: 1 } },
        message: "exports no cluster: it has no default export",
        fix: "write export default defineCluster({ ... })",
      },
    };
  }
  const { value, complaints } = plainData(await namespace.default);
  return { type: "value", value, complaints, places: scriptPlaces(program, text) };
}

async function exportNames(url: string): Promise<readonly string[]> {
  try {
    return Object.keys((await import(url)) as object);
  } catch {
    return []; // Handled: a hint less.
  }
}

// The thread's warnings concern the way we read the file (type stripping), never what it says.
process.removeAllListeners("warning");
// Nothing is left to run, and still no answer: an await that nothing will ever settle.
process.on("beforeExit", () => parentPort?.postMessage({ type: "stuck" } satisfies WorkerAnswer));
void run(workerData as WorkerOrder).then((answer) => parentPort?.postMessage(answer));
