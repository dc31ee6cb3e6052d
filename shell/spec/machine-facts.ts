/** What doctor needs to know about this machine. The only part of doctor that looks at anything. */
import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import type { ClusterSpec, ServiceSpec } from "./cluster-spec.ts";

export type ProgramFact =
  /** It can be started, as far as one can see without starting it. */
  | { readonly state: "found" }
  | { readonly state: "missing" | "not-executable" | "folder"; readonly path: string };

export type MachineFacts = {
  readonly cores: number;
  readonly diskFreeMiB: number | undefined;
  /** True for a user that may bind ports below 1024. */
  readonly root: boolean;
  /** By service name; one that is absent counts as found. */
  readonly programs: Readonly<Record<string, ProgramFact>>;
  /** Services whose folder is not there. */
  readonly foldersMissing: readonly string[];
};

/**
 * @param searchPath - The PATH in which bare program names are looked up.
 */
export async function machineFacts(
  spec: ClusterSpec,
  folder: string,
  searchPath: string,
): Promise<MachineFacts> {
  const services = Object.entries(spec.services);
  const programs = services.map(async ([name, service]) => {
    return [name, await programFact(service, searchPath)] as const;
  });
  const folders = services.map(async ([name, service]) => {
    return (await isFolder(service.folder)) ? [] : [name];
  });
  return {
    cores: availableParallelism(),
    diskFreeMiB: await diskFreeMiB(folder),
    root: process.getuid?.() === 0,
    programs: Object.fromEntries(await Promise.all(programs)),
    foldersMissing: (await Promise.all(folders)).flat(),
  };
}

async function programFact(service: ServiceSpec, searchPath: string): Promise<ProgramFact> {
  const [program = "", script] = service.command;
  // A script that Node runs needs to be readable only.
  if (script !== undefined && program.startsWith("/") && isScriptPath(script)) {
    return fileFact(script, constants.R_OK);
  }
  if (program.includes("/")) return fileFact(program, constants.X_OK);
  for (const folder of searchPath.split(delimiter)) {
    const found = folder !== "" && (await fileFact(join(folder, program), constants.X_OK));
    if (found && found.state === "found") return found;
  }
  return { state: "missing", path: program };
}

function isScriptPath(path: string): boolean {
  return path.startsWith("/") && /\.[mc]?[jt]s$/.test(path);
}

async function fileFact(path: string, mode: number): Promise<ProgramFact> {
  try {
    if ((await stat(path)).isDirectory()) return { state: "folder", path };
  } catch {
    return { state: "missing", path }; // Handled: not there, or not for us to see.
  }
  const allowed = await access(path, mode).then(
    () => true,
    () => false,
  );
  return allowed ? { state: "found" } : { state: "not-executable", path };
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function diskFreeMiB(folder: string): Promise<number | undefined> {
  return statfs(folder).then(
    ({ bavail, bsize }) => Math.floor((bavail * bsize) / 1_048_576),
    () => undefined,
  );
}
