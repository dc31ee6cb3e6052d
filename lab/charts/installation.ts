/**
 * Installs the drawing libraries when the first chart is wanted.
 *
 * The packages are fetched into a folder of their own and moved into place at the end, so that an
 * interrupted installation leaves nothing half-done and two that run at once do not meet. Versions
 * and checksums are those of the lockfile; no install script runs.
 */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = fileURLToPath(new URL(".", import.meta.url));
/** On the same disk as the target, so that a rename suffices; ignored by git. */
const workshop = fileURLToPath(new URL("../../node_modules", import.meta.url));
const installMsMax = 300_000;

/** True when the libraries are there in the versions that `package.json` pins. */
export async function chartsInstalled(): Promise<boolean> {
  const { dependencies } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const checks = Object.entries(dependencies).map(async ([name, wanted]) => {
    const path = join(folder, "node_modules", name, "package.json");
    const text = await readFile(path, "utf8").catch(() => "{}");
    return JSON.parse(text).version === wanted;
  });
  return (await Promise.all(checks)).every(Boolean);
}

/**
 * Makes `renderChart` work. Takes some seconds the first time, and nothing after.
 *
 * @param say - Gets one line when something has to be installed.
 * @throws Error that says what npm said and what can be done.
 */
export async function installCharts(say: (line: string) => void): Promise<void> {
  if (await chartsInstalled()) return;
  say("installing vega and vega-lite for the charts (once, some 10 s) ...");
  mkdirSync(workshop, { recursive: true });
  const place = mkdtempSync(join(workshop, ".prunella-charts-"));
  try {
    for (const file of ["package.json", "package-lock.json"]) {
      copyFileSync(join(folder, file), join(place, file));
    }
    await npmCi(place);
    await moveIntoPlace(join(place, "node_modules"));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function npmCi(place: string): Promise<void> {
  const words = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  try {
    await promisify(execFile)("npm", words, { cwd: place, timeout: installMsMax });
  } catch (cause) {
    const said =
      cause instanceof Error && "stderr" in cause ? `${cause.stderr}`.trim() : `${cause}`;
    throw new Error(
      `The charts need vega and vega-lite, and npm could not install them:\n${said}\nCheck the connection to the registry, then try again; or try by hand: npm ci --prefix lab/charts`,
      { cause },
    );
  }
}

async function moveIntoPlace(installed: string): Promise<void> {
  const target = join(folder, "node_modules");
  if (existsSync(target)) rmSync(target, { recursive: true, force: true });
  try {
    renameSync(installed, target);
  } catch (error) {
    // Another run was faster with the same packages.
    if (!(await chartsInstalled())) throw error;
  }
}
