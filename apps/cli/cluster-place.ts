/**
 * Which cluster is meant, and where its state lives. The cluster file is the first of: `--file`,
 * `PRUNELLA_FILE`, `cluster.ts` and `cluster.yaml` in the current folder, and the path that
 * `"prunella": {"file": ...}` names in the `package.json` of the current folder.
 *
 * The state folder is `--state`, else `.prunella` beside the cluster file. A cluster can be asked,
 * changed and ended when its file is gone, so a missing file is not an error here.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Environment } from "./screen.ts";

export const fileNames = ["cluster.ts", "cluster.yaml", "cluster.yml"] as const;

const stateFolderName = ".prunella";

export type ClusterPlace = {
  /** Absolute path of the cluster file; it may not exist. Undefined when none is named or found. */
  readonly file: string | undefined;
  /** Absolute. */
  readonly stateFolder: string;
  /** The flags that name the same cluster again; empty where the current folder is enough. */
  readonly flags: string;
};

export type PlaceOptions = {
  readonly file: string | undefined;
  readonly state: string | undefined;
};

export function findPlace(options: PlaceOptions, env: Environment, folder: string): ClusterPlace {
  const byEnvironment = env.PRUNELLA_FILE === "" ? undefined : env.PRUNELLA_FILE;
  const found = byEnvironment ?? byCustom(folder) ?? byManifest(folder);
  const chosen = options.file ?? found;
  const file = chosen === undefined ? undefined : resolve(folder, chosen);
  const beside = file === undefined ? folder : dirname(file);
  const usual = join(beside, stateFolderName);
  const stateFolder = options.state === undefined ? usual : resolve(folder, options.state);
  const implied = found === undefined ? undefined : resolve(folder, found);
  const flags = [
    ...(file === undefined || file === implied ? [] : ["--file", shellWord(near(folder, file))]),
    ...(stateFolder === usual ? [] : ["--state", shellWord(near(folder, stateFolder))]),
  ];
  return { file, stateFolder, flags: flags.join(" ") };
}

/** The path as a person would type it. */
export function near(folder: string, path: string): string {
  const short = relative(folder, path);
  return short === "" ? "." : short.startsWith("../..") ? path : short;
}

export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function byCustom(folder: string): string | undefined {
  return fileNames.find((name) => existsSync(join(folder, name)));
}

function byManifest(folder: string): string | undefined {
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  } catch {
    return undefined; // No package here, or one that npm will complain about.
  }
  const file = (manifest as { prunella?: { file?: unknown } } | null)?.prunella?.file;
  return typeof file === "string" ? file : undefined;
}
