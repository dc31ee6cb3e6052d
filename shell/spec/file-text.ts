/** The text of a cluster file, read with a bound, and mistakes that concern the file as a whole. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { type Problem, problemError } from "./problem.ts";
import type { Position } from "./source-positions.ts";

const bytesMax = 1_048_576;

/** Something wrong with a file as a text or as a program, before any field can be judged. */
export type FileFault = {
  readonly position?: Position;
  /** Continues a sentence that begins with the file: `is empty`. */
  readonly message: string;
  readonly fix: string;
};

/**
 * @param subject - Begins each message: `the cluster file`, unless it is another one.
 */
export function fileError(
  file: string,
  text: string,
  faults: readonly FileFault[],
  subject = "the cluster file",
): ClusterError {
  const lines = text.split(/\r\n|\n|\r/);
  const problems = faults.map(({ position, message, fix }): Problem => {
    const { line, column } = position ?? { line: 1, column: 1 };
    const sourceLine = position === undefined ? "" : (lines[line - 1] ?? "");
    const what = `${subject} ${message}`;
    return { file, line, column, code: "CONFIG_INVALID", message: what, fix, sourceLine };
  });
  return problemError(problems);
}

/**
 * @returns The text without a byte order mark, or undefined when there is nothing of that name.
 * @throws ClusterError `CONFIG_INVALID` when it is no regular file of at most 1 MiB of UTF-8.
 */
export async function readText(file: string): Promise<string | undefined> {
  const bytes = await readBounded(file);
  if (bytes === undefined) return undefined;
  if (bytes.length > bytesMax) {
    const fix = "a cluster file is short: is this the right file?";
    throw fileError(file, "", [{ message: `is larger than ${bytesMax} bytes`, fix }]);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw fileError(file, "", [{ message: "is not UTF-8 text", fix: "save it as UTF-8" }]);
  }
}

async function readBounded(file: string): Promise<Uint8Array | undefined> {
  try {
    await using handle = await open(file, "r");
    const stat = await handle.stat();
    if (stat.isDirectory()) {
      const fix = `name a file in it, for example ${join(file, "cluster.ts")}`;
      throw fileError(file, "", [{ message: "is a folder", fix }]);
    }
    if (!stat.isFile()) {
      throw fileError(file, "", [{ message: "is no regular file", fix: "name a file" }]);
    }
    // One byte more than allowed tells that it is too large, whatever its size says.
    const bytes = new Uint8Array(Math.min(stat.size, bytesMax) + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } catch (error) {
    if (ClusterError.is(error)) throw error;
    const code = error instanceof Error && "code" in error ? error.code : error;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const fix = "check its permissions";
    throw fileError(file, "", [{ message: `cannot be read (${String(code)})`, fix }]);
  }
}
