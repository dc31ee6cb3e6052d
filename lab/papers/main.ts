/**
 * `prunella paper NAME [options]`, or `node -C @prunella/source lab/papers/main.ts NAME [options]`:
 * runs the experiments of a source again, on real processes, and writes a report.
 *
 * A paper is a module with an exported `run`. To add one, add its line below.
 */
import { PaperOptionError } from "./paper-option-error.ts";

type Paper = {
  readonly run: (args: readonly string[], signal: AbortSignal) => Promise<boolean>;
};

const papers: Readonly<Record<string, () => Promise<Paper>>> = {
  balancer: () => import("./balancer/command.ts"),
  fortune: () => import("./fortune/command.ts"),
};

const exitCodes = { failed: 1, usage: 2, SIGINT: 130, SIGTERM: 143 } as const;

process.exit(await main(process.argv.slice(2)));

/** 0 when the run is complete and found what had to be found. */
async function main([name, ...args]: readonly string[]): Promise<number> {
  const load = name === undefined ? undefined : papers[name];
  if (load === undefined) {
    const what = name === undefined ? "Which paper?" : `There is no paper "${name}".`;
    return refuse(`${what} Papers: ${Object.keys(papers).join(", ")}.`);
  }
  const interruption = new AbortController();
  let interruptedBy: "SIGINT" | "SIGTERM" | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // For good, not once: clusters have to be ended before this process may end.
    process.on(signal, () => {
      interruptedBy ??= signal;
      interruption.abort(new Error(`interrupted by ${signal}`));
    });
  }
  try {
    const { run } = await load();
    return (await run(args, interruption.signal)) ? 0 : exitCodes.failed;
  } catch (error) {
    if (interruptedBy !== undefined) return exitCodes[interruptedBy];
    if (isUsage(error)) return refuse(error.message);
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : error}\n`);
    return exitCodes.failed;
  }
}

/** A mistake in the command line, which deserves a sentence and not a stack. */
function isUsage(error: unknown): error is Error {
  if (error instanceof PaperOptionError) return true;
  const code = error instanceof TypeError && "code" in error ? `${error.code}` : "";
  return code.startsWith("ERR_PARSE_ARGS");
}

function refuse(message: string): number {
  process.stderr.write(`${message}\n`);
  return exitCodes.usage;
}
