/**
 * Finds and reads a cluster file. Whatever is wrong with it - missing, unreadable, broken code, wrong
 * fields - ends as one `ClusterError` whose message names file, line, column, fault and cure.
 */
import { basename, dirname, extname, join, resolve } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { checkCluster } from "./cluster-check.ts";
import type { ClusterSpec } from "./cluster-spec.ts";
import type { Complaint, Path } from "./complaint.ts";
import { fileError, readText } from "./file-text.ts";
import { problemError, problemsOf } from "./problem.ts";
import { runScript } from "./script-cluster.ts";
import type { Positions } from "./source-positions.ts";
import { readYaml } from "./yaml-cluster.ts";

/** Names that are looked for, in this order. */
export const clusterFileNames = ["cluster.ts", "cluster.yaml", "cluster.yml"] as const;

const yamlExtensions = [".yaml", ".yml", ".json"]; // JSON is YAML.
const extensions = [".ts", ".mts", ".js", ".mjs", ...yamlExtensions];
const defaultDeadlineMs = 10_000;

export type LoadOptions = {
  /** File, relative to `folder`. Undefined: the first of `clusterFileNames` that exists. */
  readonly file?: string | undefined;
  /** Absolute folder to look in. */
  readonly folder: string;
  /** The Node executable that is to run `.ts` and `.js` programs. */
  readonly execPath: string;
  /** URL of the SDK: what `prunella` means where it is not installed beside the cluster file. */
  readonly sdkUrl: string;
  /** How long a TypeScript file may take to run. Default 10,000. */
  readonly deadlineMs?: number;
};

export type ClusterFile = {
  /** Absolute, as are all paths in `spec`. */
  readonly file: string;
  readonly folder: string;
  readonly text: string;
  /** What the file says, as plain data: the `cluster` of `POST /v1/apply`. */
  readonly definition: unknown;
  readonly spec: ClusterSpec;
  /** Where its parts stand, for findings about them. */
  readonly positions: Positions;
};

/**
 * Reads, runs and checks a cluster file. A TypeScript file runs anew each time, with its imports.
 *
 * @throws ClusterError `CLUSTER_FILE_MISSING` when there is none; `NOT_YET` when all that is wrong is
 *   that it asks for what a later release brings; `CONFIG_INVALID` otherwise. The message is ready to
 *   be shown; `details.problems` lists every `Problem`.
 */
export async function loadCluster(options: LoadOptions): Promise<ClusterFile> {
  const { file, text } = await findFile(options);
  const folder = dirname(file);
  const { definition, notData, positions } = await readDefinition(file, text, options);
  const check = checkCluster(definition, { folder, execPath: options.execPath });
  if (check.ok && notData.length === 0) {
    return { file, folder, text, definition, spec: check.spec, positions };
  }
  // What is no data was left out of the definition, so the check misses it: that is no second fault.
  const wrong = check.ok ? [] : check.complaints;
  const others = wrong.filter(({ path }) => !notData.some((known) => startsWith(path, known.path)));
  throw problemError(problemsOf([...notData, ...others], file, text, positions));
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((part, index) => path[index] === part);
}

type Definition = {
  readonly definition: unknown;
  /** What a program exported beside plain data. */
  readonly notData: readonly Complaint[];
  readonly positions: Positions;
};

async function readDefinition(
  file: string,
  text: string,
  options: LoadOptions,
): Promise<Definition> {
  const yaml = yamlExtensions.includes(extname(file));
  if (text.trim() === "") {
    const start = yaml ? '"name: ..." and "services:"' : "export default defineCluster({ ... })";
    const fix = `begin with ${start}, or write one with prunella init`;
    throw fileError(file, text, [{ message: "is empty", fix }]);
  }
  if (yaml) {
    const read = readYaml(text);
    if (!read.ok) throw fileError(file, text, read.faults);
    return { definition: read.value, notData: [], positions: read.positions };
  }
  const { sdkUrl, deadlineMs = defaultDeadlineMs } = options;
  const answer = await runScript(file, text, { sdkUrl, deadlineMs });
  return { definition: answer.value, notData: answer.complaints, positions: answer.places };
}

async function findFile({ file, folder }: LoadOptions) {
  if (file === undefined) {
    for (const name of clusterFileNames) {
      const path = join(folder, name);
      const text = await readText(path);
      if (text !== undefined) return { file: path, text };
    }
    const what = `There is no ${clusterFileNames.join(", ")} in ${folder}`;
    throw missing(what, "write one with prunella init, or name one with -f");
  }
  const path = resolve(folder, file);
  const text = await readText(path);
  if (text === undefined) {
    throw missing(`There is no file ${path}`, "correct -f, or write the file with prunella init");
  }
  if (!extensions.includes(extname(path))) {
    const message = `has a name that tells nothing (${basename(path)})`;
    throw fileError(path, text, [{ message, fix: `use one of ${extensions.join(", ")}` }]);
  }
  return { file: path, text };
}

function missing(what: string, fix: string): ClusterError {
  return new ClusterError("CLUSTER_FILE_MISSING", { message: `${what}; ${fix}.` });
}
