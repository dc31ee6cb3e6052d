/**
 * `npm run bench -- NAME [options]`: measures one part and prints a table.
 *
 * A bench is a module in this folder with an exported `run(args)`. To add one, add its line below.
 * It is loaded only when asked for, so that a bench may depend on heavy things.
 */
import { ClusterError } from "@prunella/core/kernel";

type Bench = { readonly run: (args: readonly string[]) => Promise<void> };

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  "access-log": () => import("./access-log.ts"),
  election: () => import("./election.ts"),
  gateway: () => import("./gateway.ts"),
  "gateway-idle": () => import("./gateway-idle.ts"),
  "gateway-profile": () => import("./gateway-profile.ts"),
  "gateway-start": () => import("./gateway-start.ts"),
  "gateway-stream": () => import("./gateway-stream.ts"),
  parser: () => import("./parser.ts"),
  ring: () => import("./ring.ts"),
};

await main(process.argv.slice(2));

async function main([name, ...args]: readonly string[]): Promise<void> {
  const load = name === undefined ? undefined : benches[name];
  if (load === undefined) {
    const names = Object.keys(benches).join(", ");
    const usage = `Usage: npm run bench -- NAME [--help]\nBenches: ${names}`;
    if (name === "--help" || name === "-h") return console.log(usage);
    const what = name === undefined ? "" : `There is no bench "${name}".\n`;
    return refuse(`${what}${usage}`);
  }
  const bench = await load();
  try {
    await bench.run(args);
  } catch (error) {
    if (!isUsage(error)) throw error;
    refuse(`${error.message}\nSee: npm run bench -- ${name} --help`);
  }
}

/** A mistake in the command line, which deserves a sentence and not a stack. */
function isUsage(error: unknown): error is Error {
  if (ClusterError.is(error, "CONFIG_INVALID")) return true;
  return (
    error instanceof TypeError && "code" in error && `${error.code}`.startsWith("ERR_PARSE_ARGS")
  );
}

function refuse(message: string): void {
  console.error(message);
  process.exitCode = 2;
}
