/** `bin/prunella.js` under the Node of the machine, which may be too old to run anything else here. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ControlFixture, instanceOf } from "./testing/control-fixture.ts";

const launcher = fileURLToPath(new URL("./bin/prunella.js", import.meta.url));

/** A Node on this machine that is older than ours, if there is one. */
const oldNode = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "node"))
  .find((path) => existsSync(path) && Number(versionOf(path).split(".")[0]) < 24);

const skip = oldNode === undefined ? "this machine has no Node older than 24" : false;

function versionOf(node: string): string {
  return execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }).trim();
}

test("an old Node hands over to the pinned one", { skip }, () => {
  const text = execFileSync(oldNode ?? "", [launcher, "version", "--json"], { encoding: "utf8" });
  const { node } = JSON.parse(text) as { node: string };
  assert.equal(node, process.versions.node);
});

test("an old Node passes signals on and ends with the same code", { skip }, async () => {
  await using agent = await new ControlFixture([instanceOf("hello-1")]).start();
  const child = spawn(oldNode ?? "", [launcher, "status", "--watch"], {
    cwd: agent.folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data"); // The first table: the command is under way.
  child.kill("SIGINT");
  const [code] = (await once(child, "exit")) as [number | null];
  assert.equal(code, 130);
});

test("without any Node that will do the launcher says which one to install", {
  skip,
}, (context) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-launcher-"));
  context.after(() => rmSync(folder, { recursive: true }));
  cpSync(launcher, join(folder, "bin", "prunella.mjs"), { recursive: true });
  const run = () =>
    execFileSync(oldNode ?? "", [join(folder, "bin", "prunella.mjs")], {
      cwd: folder,
      stdio: "pipe",
    });
  assert.throws(run, (error: { status: number; stderr: Buffer }) => {
    assert.equal(error.status, 1);
    assert.match(`${error.stderr}`, /needs Node 24\.12 or later/);
    assert.match(`${error.stderr}`, /npm install --save-dev node@24/);
    return true;
  });
});
