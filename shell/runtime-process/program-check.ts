/**
 * Looks at a program before it is started, because the operating system says `ENOENT` alike for a
 * missing folder, program, script and interpreter, and a script that node cannot find looks like a
 * crash. A restart heals none of these, so the message must say what is missing and what to do.
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { basename, delimiter, isAbsolute, join, resolve } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import type { LaunchOrder } from "@prunella/runtime";
import { systemCode } from "@prunella/store";

const scriptPattern = /\.[cm]?[jt]sx?$/;
const interpreterLengthMax = 256;

/**
 * Returns the absolute path of the program.
 *
 * @throws ClusterError `PROGRAM_MISSING`; `details.path` is what is missing.
 */
export function findProgram(order: LaunchOrder): string {
  demandFolder(order);
  const name = order.command[0];
  if (name === undefined || name === "") {
    throw missing(order, "", "its command is empty. Give it a program to run.");
  }
  const program = name.includes("/") ? resolve(order.folder, name) : searchPath(order, name);
  demandExecutable(order, program);
  const script = isNode(program) ? scriptOf(order) : undefined;
  if (script !== undefined) demandScript(order, script);
  return program;
}

/** Translates what `spawn` says when it fails in spite of the look before. */
export function spawnError(order: LaunchOrder, error: unknown): ClusterError {
  if (ClusterError.is(error)) return error;
  const code = systemCode(error) ?? "unknown";
  if (code === "ENOENT" || code === "EACCES" || code === "ENOEXEC" || code === "ENOTDIR") {
    const why = `the system refuses to run it (${code}). Check that it is a program for this machine.`;
    return missing(order, order.command[0] ?? "", why, error);
  }
  if (code === "E2BIG") {
    return new ClusterError("CONFIG_INVALID", {
      message: `${order.instance} cannot start: its arguments and environment are too long (E2BIG).`,
      details: { instance: order.instance },
      cause: error,
    });
  }
  return new ClusterError("RUNTIME_UNAVAILABLE", {
    message: `${order.instance} cannot start now: the system has no room for another process (${code}). It is tried again; if it stays, look at ulimit -u, ulimit -n and free memory.`,
    details: { instance: order.instance, code },
    cause: error,
  });
}

/** True for a program that understands node's options. */
export function isNode(program: string): boolean {
  return program === process.execPath || /^node(js)?$/.test(basename(program));
}

function demandFolder(order: LaunchOrder): void {
  const found = statSync(order.folder, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  const why = found === undefined ? "does not exist. Create it" : "is not a folder. Correct it";
  throw missing(
    order,
    order.folder,
    `its folder ${why}, or change the folder of ${order.service}.`,
  );
}

function searchPath(order: LaunchOrder, name: string): string {
  const path = order.env["PATH"] ?? "";
  for (const folder of path.split(delimiter)) {
    const candidate = resolve(order.folder, join(folder, name));
    if (isExecutableFile(candidate)) return candidate;
  }
  throw missing(
    order,
    name,
    `"${name}" is in no folder of PATH (${path === "" ? "which is not set" : path}). Install it, or give its full path.`,
  );
}

function demandExecutable(order: LaunchOrder, program: string): void {
  const found = statSync(program, { throwIfNoEntry: false });
  if (found === undefined) throw missing(order, program, "there is no such file. Correct `run`.");
  if (!found.isFile()) throw missing(order, program, "it is not a file. Correct `run`.");
  if (!isExecutableFile(program)) {
    throw missing(order, program, `it is not executable. Run: chmod +x ${program}`);
  }
  const interpreter = interpreterOf(program);
  if (interpreter === undefined || statSync(interpreter, { throwIfNoEntry: false })) return;
  const why = `its first line asks for ${interpreter}, which does not exist. Install it or correct the line.`;
  throw missing(order, program, why);
}

function demandScript(order: LaunchOrder, script: string): void {
  const path = isAbsolute(script) ? script : resolve(order.folder, script);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() === true) return;
  const why = found === undefined ? "there is no such file." : "it is not a file.";
  throw missing(order, path, `${why} Correct \`run\` of ${order.service}.`);
}

/** Options of node whose value is an argument of its own, so that it is not taken for the script. */
const optionsWithValue: ReadonlySet<string> = new Set([
  ...["-r", "--require", "--import", "-C", "--conditions", "--loader", "--experimental-loader"],
  ...["--env-file", "--env-file-if-exists", "--input-type", "--title", "--watch-path"],
]);

/** The file that node is told to run; undefined when it is told something else, as with `-e`. */
function scriptOf(order: LaunchOrder): string | undefined {
  const args = order.command.slice(1);
  for (let index = 0; index < args.length; index++) {
    const argument = args[index] ?? "";
    if (/^(-e|-p|-pe|--eval|--print|-)$/.test(argument)) return undefined;
    // A folder, or a name that node completes itself, is not looked for.
    if (!argument.startsWith("-")) return scriptPattern.test(argument) ? argument : undefined;
    if (optionsWithValue.has(argument)) index += 1;
  }
  return undefined;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The interpreter that the first line of a script names with `#!`. */
function interpreterOf(path: string): string | undefined {
  const head = Buffer.alloc(interpreterLengthMax);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined; // Executable and not readable is allowed.
  }
  try {
    const length = readSync(file, head, 0, head.length, 0);
    return /^#!\s*(\S+)/.exec(head.toString("latin1", 0, length))?.[1];
  } finally {
    closeSync(file);
  }
}

function missing(order: LaunchOrder, path: string, why: string, cause?: unknown): ClusterError {
  const what = path === "" ? "" : ` ${path}`;
  return new ClusterError("PROGRAM_MISSING", {
    message: `${order.instance} cannot start${what}: ${why}`,
    details: { instance: order.instance, path, folder: order.folder },
    cause,
  });
}
