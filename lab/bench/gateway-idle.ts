/**
 * `npm run bench -- gateway-idle [--connections N] [--rounds N] [--json FILE]`: resident memory of our
 * gateway and of nginx, each freshly started in a process of its own, while clients are connected that
 * have had one answer and say nothing. The idle case of `npm run bench -- gateway`, on its own.
 *
 * Our gateway takes as many clients as the limit of open files leaves beside its members' connections,
 * and closes idle ones under pressure; so 10,000 need a limit of about 13,000. Only a new process can
 * have another limit, so this one starts itself again through `prlimit`, which may need root.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const help = `npm run bench -- gateway-idle [--rounds N] [--json FILE]
  10,000 idle connections to our gateway and to nginx; options as of npm run bench -- gateway`;
const filesWanted = 32_768;
const limit = `--nofile=${filesWanted}:${filesWanted}`;
const marker = "PRUNELLA_BENCH_FILES";

function mayLift(): boolean {
  if (spawnSync("prlimit", [limit, "true"]).status === 0) return true;
  console.log(`The limit of open files cannot be ${filesWanted} here: idle clients may be closed.`);
  return false;
}

export async function run(args: readonly string[]): Promise<void> {
  if (args.includes("--help")) return console.log(help);
  if (process.env[marker] === undefined && mayLift()) {
    const main = fileURLToPath(new URL("./main.ts", import.meta.url));
    const node = [process.execPath, "-C", "@prunella/source", main, "gateway-idle", ...args];
    const again = spawnSync("prlimit", [limit, ...node], {
      stdio: "inherit",
      env: { ...process.env, [marker]: "lifted" },
    });
    process.exitCode = again.status ?? 1;
    return;
  }
  const { run: runGateway } = await import("./gateway.ts");
  await runGateway(["--cases", "idle-10k", "--peers", "nginx", "--rounds", "3", ...args]);
}
