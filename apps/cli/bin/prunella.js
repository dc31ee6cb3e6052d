#!/usr/bin/env node
/**
 * Finds a Node that can run Prunella, and becomes it.
 *
 * Plain JavaScript on purpose: the Node that starts this file is the machine's own and may be years
 * old. In the repository the TypeScript sources run as they are; an installed package runs `dist`.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const versionMin = [24, 12];
const self = fileURLToPath(import.meta.url);
const home = dirname(dirname(self));
const source = join(home, "main.ts");
const isSource = existsSync(source);
// Packages of the workspace are found as sources under this condition, which only a new process has.
const flags = isSource ? ["-C", "@prunella/source"] : [];

const isRightNode = isRecent(process.versions.node);
if (isRightNode && flags.every((flag) => process.execArgv.includes(flag))) {
  // Before anything else is loaded: a command line is judged by how fast it answers.
  await import("./compile-cache.js");
  const { main } = await import(
    pathToFileURL(isSource ? source : join(home, "dist", "main.js")).href
  );
  await main(process.argv.slice(2));
} else {
  const program = isRightNode ? process.execPath : pinnedNode();
  if (program === undefined) refuse();
  become(program, [...flags, self, ...process.argv.slice(2)]);
}

function refuse() {
  process.stderr.write(
    `✗ Prunella needs Node ${versionMin.join(".")} or later; this is Node ${process.versions.node}.\n` +
      "  fix   install Node 24, or pin one for this project alone:\n" +
      "  next  npm install --save-dev node@24\n",
  );
  process.exit(1);
}

function isRecent(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
}

/** The `node` package is a Node binary from npm: first the one beside Prunella, then the project's. */
function pinnedNode() {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      const manifest = createRequire(from).resolve("node/package.json");
      const { version } = createRequire(from)(manifest);
      const binary = join(dirname(manifest), "bin", "node");
      if (isRecent(version) && existsSync(binary)) return binary;
    } catch {
      // Not installed here: the next place may have it.
    }
  }
  return undefined;
}

function become(binary, args) {
  if (typeof process.execve === "function" && process.platform !== "win32") {
    process.execve(binary, [binary, ...args], process.env);
  }
  const child = spawn(binary, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    process.stderr.write(`✗ ${binary} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}
