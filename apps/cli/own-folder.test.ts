/**
 * What README tells people who try Prunella from a clone: one `npm install` of a path in a folder of
 * their own makes `npx prunella` work there, with whatever Node the machine has.
 */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "./testing/free-port.ts";

const clone = fileURLToPath(new URL(".", import.meta.url));

const server = `import { createServer } from "node:http";
createServer((_, answer) => answer.end("mine")).listen(Number(process.env.PORT), "127.0.0.1");
`;

test("a folder of one's own runs the clone after the install that README tells", async (context) => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  assert.match(readme, /npm install --save-dev \/path\/to\/clone\/apps\/cli/);
  const folder = mkdtempSync(join(tmpdir(), "prunella-own-"));
  // What npm and the repository put on the path for this test is not there for a person.
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const PATH = folders.filter((each) => !each.endsWith("node_modules/.bin")).join(delimiter);
  const run = async (program: string, ...args: readonly string[]): Promise<string> => {
    const env = { PATH, HOME: process.env["HOME"] };
    return (await promisify(execFile)(program, args, { cwd: folder, env })).stdout;
  };
  const hasNpm = spawnSync("npm", ["--version"], { env: { ...process.env, PATH } }).status === 0;
  if (!hasNpm) return context.skip("npm is not on the path of this machine");
  try {
    writeFileSync(join(folder, "server.mjs"), server);
    await run("npm", "install", "--offline", "--no-audit", "--no-fund", "--save-dev", clone);
    const { node } = JSON.parse(await run("npx", "prunella", "version", "--json"));
    assert.equal(node, process.versions.node);
    const port = `${await freePort()}`;
    const flags = ["--run", "./server.mjs", "--name", "own", "--count", "1", "--port", port];
    await run("npx", "prunella", "init", ...flags);
    await run("npx", "prunella", "doctor");
    await run("npx", "prunella", "up");
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "mine");
  } finally {
    await run("npx", "prunella", "down", "--purge").catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
});
