/** The keeper of logs over files that make it hard: it must never end the agent, nor stop looking. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, closeSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { instanceName } from "@prunella/core/kernel";
import type { HostEvent } from "@prunella/runtime";
import { eventually } from "../../lab/peers/eventually.ts";
import { InstanceLog } from "./instance-log.ts";
import { LogKeeper } from "./log-keeper.ts";

const root = mkdtempSync(join(tmpdir(), "prunella-keeper-"));
const mounts: string[] = [];
after(() => {
  for (const mount of mounts) execFileSync("umount", ["--lazy", mount]);
  rmSync(root, { recursive: true, force: true });
});

const mebibyte = 1024 * 1024;
const hello1 = instanceName("hello-1");
const hello2 = instanceName("hello-2");

function open(logs: ReadonlyMap<typeof hello1, InstanceLog>): {
  readonly keeper: LogKeeper;
  readonly events: HostEvent[];
} {
  const events: HostEvent[] = [];
  const keeper = new LogKeeper({
    folder: root,
    logs: () => logs,
    emit: (event) => events.push(event),
    onRoom: () => {},
  });
  return { keeper, events };
}

test("a log that cannot be shortened is told once, and the others are kept within bounds", async () => {
  const broken = new InstanceLog(mkdtempSync(join(root, "i-")));
  mkdirSync(broken.folder);
  mkdirSync(join(broken.folder, "current.log")); // A folder in the way: EISDIR for every access.
  for (let count = 0; count < 200; count++) {
    appendFileSync(join(broken.folder, "current.log", `${count}-${"x".repeat(200)}`), "");
  }
  assert.ok(broken.currentSize > 0);
  const good = new InstanceLog(mkdtempSync(join(root, "i-")));
  closeSync(good.open("begins"));
  const logs = new Map([
    [hello1, broken],
    [hello2, good],
  ]);
  const { keeper, events } = open(logs);
  using _ = keeper;
  keeper.start();
  keeper.keep(hello1, broken, { fileMiB: 0.001, filesMax: 1 });
  keeper.keep(hello2, good, { fileMiB: 1, filesMax: 1 });
  const failures = (): HostEvent[] => events.filter(({ type }) => type === "log-failed");
  await eventually("the broken one is told", () => failures().length > 0);
  for (let round = 1; round <= 3; round++) {
    appendFileSync(join(good.folder, "current.log"), "x".repeat(1.5 * mebibyte));
    await eventually(
      `the good one is shortened, round ${round}`,
      () => good.currentSize < mebibyte,
    );
  }
  assert.equal(failures().length, 1);
  assert.match(JSON.stringify(failures()[0]), /hello-1.*EISDIR/);
});

test("a cut on a disk that stays full is a cut, although its mark does not fit", async (context) => {
  const mount = mkdtempSync(join(root, "d-"));
  const options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mount];
  try {
    execFileSync("mount", options, { stdio: "ignore" });
  } catch {
    return context.skip("a tmpfs cannot be mounted here");
  }
  mounts.push(mount);
  const log = new InstanceLog(mount);
  closeSync(log.open("begins"));
  const fill = (path: string): void => {
    assert.throws(() => {
      for (;;) appendFileSync(path, "x".repeat(1_024));
    }, /ENOSPC/);
  };
  appendFileSync(join(log.folder, "current.log"), "x".repeat(8_000));
  fill(join(mount, "ballast"));
  const size = log.currentSize;
  // Whoever floods takes the space that the cut frees before the mark is written.
  const cut = log.cut((count) => {
    fill(join(mount, "ballast"));
    return `${count} bytes cut`;
  });
  assert.equal(cut, size);
  assert.equal(statSync(join(log.folder, "current.log")).size, 0);
});
