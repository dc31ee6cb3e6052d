import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { lockFolder, lockHolder } from "./folder-lock.ts";

const root = mkdtempSync(join(tmpdir(), "prunella-lock-"));
const owners = new Set<ChildProcess>();
after(() => {
  for (const owner of owners) owner.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

/** Starts another process that owns the folder. Resolves once it does, with what it printed. */
async function startOwner(folder: string): Promise<{ owner: ChildProcess; output: () => string }> {
  const fixture = join(import.meta.dirname, "fixtures", "lock-owner.ts");
  const owner = spawn(process.execPath, ["-C", "@prunella/source", fixture, folder]);
  owners.add(owner);
  let output = "";
  owner.stderr.on("data", (bytes: Buffer) => {
    output += bytes.toString();
  });
  await new Promise<void>((resolve) => {
    owner.stdout.on("data", (bytes: Buffer) => {
      output += bytes.toString();
      resolve();
    });
    owner.once("exit", () => resolve());
  });
  return { owner, output: () => output };
}

async function kill(owner: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => owner.once("exit", resolve));
  owner.kill("SIGKILL");
  await ended;
  owners.delete(owner);
}

test("a second owner is refused with the pid of the first, and comes in right after its kill -9", async () => {
  const folder = mkdtempSync(join(root, "a-"));
  const { owner, output } = await startOwner(folder);
  assert.equal(output(), "locked true\n", "no warning is printed");

  assert.throws(
    () => lockFolder(folder),
    (error: unknown) => {
      assert.ok(ClusterError.is(error, "STATE_LOCKED"));
      assert.equal(error.details["pid"], owner.pid);
      assert.match(error.message, new RegExp(`pid ${owner.pid}.*prunella down.*--state`));
      return true;
    },
  );

  await kill(owner);
  using lock = lockFolder(folder);
  assert.ok(lock.isIntact());
  assert.equal(lockHolder(folder)?.pid, process.pid);
});

test("one process cannot take a folder twice, and gives it back when it is done", () => {
  const folder = mkdtempSync(join(root, "b-"));
  const lock = lockFolder(folder);
  assert.throws(() => lockFolder(folder), { code: "STATE_LOCKED" });
  lock[Symbol.dispose]();
  lock[Symbol.dispose]();
  assert.equal(lockHolder(folder), undefined);
  using _again = lockFolder(folder);
});

test("an owner of which nothing is known is still respected", async () => {
  const folder = mkdtempSync(join(root, "c-"));
  const { owner } = await startOwner(folder);
  writeFileSync(join(folder, "lock.json"), "{torn");
  assert.throws(() => lockFolder(folder), { code: "STATE_LOCKED", message: /Another agent owns/ });
  await kill(owner);
});

test("an owner notices that its folder was removed", () => {
  const folder = mkdtempSync(join(root, "d-"));
  using lock = lockFolder(folder);
  rmSync(join(folder, "lock.db"));
  assert.equal(lock.isIntact(), false);
  using _successor = lockFolder(folder);
  assert.equal(lock.isIntact(), false);
});

test("a lock file that is none is named, and a folder that is missing as well", () => {
  const folder = mkdtempSync(join(root, "e-"));
  writeFileSync(join(folder, "lock.db"), "this is no database".repeat(100));
  assert.throws(() => lockFolder(folder), {
    code: "STATE_CORRUPT",
    message: /lock\.db is damaged/,
  });
  assert.throws(() => lockFolder(join(folder, "missing")), { code: "STATE_REFUSED" });
});

test("a full disk does not keep an owner out", (context) => {
  const folder = mkdtempSync(join(root, "f-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return context.skip("a tmpfs cannot be mounted here");
  }
  try {
    const ballast = join(folder, "ballast");
    assert.throws(() => writeFileSync(ballast, Buffer.alloc(128 * 1024)), { code: "ENOSPC" });
    using lock = lockFolder(folder);
    assert.ok(lock.isIntact());
    assert.throws(() => lockFolder(folder), { code: "STATE_LOCKED" });
  } finally {
    execFileSync("umount", ["--lazy", folder]);
  }
});
