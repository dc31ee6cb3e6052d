/** The command line of papers: mistakes get a sentence, an interruption leaves nothing behind. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chartsInstalled } from "../charts/installation.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const words = ["-C", "@prunella/source", main];

async function refusal(...args: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const child = execFile(process.execPath, [...words, ...args], (_, __, stderr) => resolve(stderr));
  const stderr = await promise;
  assert.equal(child.exitCode, 2, stderr);
  return stderr;
}

test("a mistake is answered with a sentence and exit code 2", async () => {
  assert.match(await refusal(), /^Which paper\? Papers: balancer, fortune\.\n$/);
  assert.match(
    await refusal("webshop"),
    /^There is no paper "webshop"\. Papers: balancer, fortune\.\n$/,
  );
  assert.match(
    await refusal("balancer", "--requests", "many"),
    /^--requests is "many"\. Give a whole number from 100 to 1000000\.\n$/,
  );
  assert.match(
    await refusal("fortune", "--users-max", "1000001"),
    /^--users-max is "1000001"\. Give a whole number from 1 to 1000000\.\n$/,
  );
  assert.match(await refusal("balancer", "--speed", "9"), /^Unknown option '--speed'/);
});

const skip = (await chartsInstalled()) ? false : "vega is not there: npm ci --prefix lab/charts";

test("an interrupted run ends its cluster, and leaves no process and no folder", {
  skip,
}, async () => {
  const place = mkdtempSync(join(tmpdir(), "prunella-paper-"));
  const run = spawn(process.execPath, [...words, "balancer", "--requests", "1000000"], {
    env: { ...process.env, TMPDIR: place },
    stdio: ["ignore", "ignore", "pipe"],
  });
  try {
    const exited = once(run, "exit");
    const { value: first } = await run.stderr.setEncoding("utf8")[Symbol.asyncIterator]().next();
    assert.match(first, /starting a cluster of 2/);
    run.kill("SIGINT");
    assert.deepEqual(await exited, [130, null]);
    assert.deepEqual(processesOf(place), []);
    assert.deepEqual(
      readdirSync(place).filter((name) => name.startsWith("prunella-lab-")),
      [],
    );
  } finally {
    run.kill("SIGKILL");
    rmSync(place, { recursive: true, force: true });
  }
});

/** Everything that runs with our folder for temporary files. */
function processesOf(place: string): readonly string[] {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/environ`, "utf8").includes(place);
    } catch {
      return false; // Gone, or not ours.
    }
  });
}
