/**
 * `prunella paper`: runs the experiments of a paper again, in the lab of the repository.
 *
 * The lab is started as a program of its own and not imported: it may use anything, the packages of
 * the command line may not know it (ARCHITECTURE.md, import law), and it is not published with them.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { UsageError } from "../usage-error.ts";
import type { Action, Options } from "../verb.ts";
import { papers } from "../verbs.ts";

export const paper: Action = async (call, [name = ""], options) => {
  if (!papers.some((known) => known === name)) {
    const next = `prunella paper ${papers[0]}`;
    throw new UsageError(`There is no paper "${name}". Papers: ${papers.join(", ")}.`, next);
  }
  const program = labProgram();
  if (program === undefined) {
    throw new UsageError(
      "Papers run from Prunella's repository, where the lab is. This is an installed package, which has none: clone the repository, run `npm ci` in it, and give the command there.",
    );
  }
  return await carryOut(call, [program, name, ...labFlags(call, options)]);
};

/** `lab/papers/main.ts` of the repository that this file belongs to, as source or as `dist`. */
function labProgram(): string | undefined {
  const here = dirname(fileURLToPath(import.meta.url));
  const root = ["../../..", "../../../.."].map((up) => join(here, up)).find(isRepository);
  return root === undefined ? undefined : join(root, "lab/papers/main.ts");
}

/** Not any folder that happens to lie above an installed package. */
function isRepository(folder: string): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return name === "prunella-workspace";
  } catch {
    return false; // No package at all.
  }
}

function labFlags(call: Invocation, options: Options): readonly string[] {
  const json = options.flag("json") ? "-" : options.text("json");
  const given = [
    ["--requests", options.count("requests")],
    ["--kills", options.count("kills")],
    ["--users-max", options.count("usersMax")],
    ["--seed", options.count("seed")],
    ["--out", options.text("out")],
    ["--json", json],
  ] as const;
  const flags = given.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`]));
  return call.quiet ? [...flags, "--quiet"] : flags;
}

/** The lab writes to our terminal, and ends its clusters before it ends, also when interrupted. */
async function carryOut(call: Invocation, words: readonly string[]): Promise<ExitCode> {
  const child = spawn(process.execPath, ["-C", "@prunella/source", ...words], { stdio: "inherit" });
  // A Ctrl-C at the terminal has reached it already, and once more does no harm.
  const interrupt = (): void => void child.kill("SIGTERM");
  call.signal.addEventListener("abort", interrupt);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("error", reject);
  child.once("exit", (code, signal) =>
    resolve(code ?? 128 + constants.signals[signal ?? "SIGKILL"]),
  );
  try {
    const ended = await promise;
    return Object.values(exitCodes).find((code) => code === ended) ?? exitCodes.failed;
  } finally {
    call.signal.removeEventListener("abort", interrupt);
  }
}
