import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openStateFolder, stateFolder } from "./state-folder.ts";

const root = mkdtempSync(join(tmpdir(), "prunella-state-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("a new folder is made with everything in it closed to others, also under a lax umask", async () => {
  const previous = process.umask(0);
  try {
    const folder = await openStateFolder(join(root, "deep", "er", ".prunella"));
    for (const path of [folder.root, folder.journal, folder.instances, folder.gateway]) {
      assert.equal(statSync(path).mode & 0o777, 0o700, path);
    }
    assert.deepEqual(folder, stateFolder(join(root, "deep", "er", ".prunella")));
  } finally {
    process.umask(previous);
  }
});

test("a folder that others can read is closed, and a killed writer's rest is swept", async () => {
  const path = join(root, "open");
  mkdirSync(path);
  chmodSync(path, 0o755);
  writeFileSync(join(path, "state.json.2147483646-3.tmp"), "half");
  await openStateFolder(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(
    statSync(join(path, "state.json.2147483646-3.tmp"), { throwIfNoEntry: false }),
    undefined,
  );
});

test("a file in the way is refused by name", async () => {
  const path = join(root, "file");
  writeFileSync(path, "");
  await assert.rejects(openStateFolder(path), {
    code: "STATE_REFUSED",
    message: /file.*is a file/,
  });
  await assert.rejects(openStateFolder(join(path, "sub")), {
    code: "STATE_REFUSED",
    message: /a part of the path is a file/,
  });
});

const isRoot = process.getuid?.() === 0;

test("a folder of another user is refused", {
  skip: isRoot ? false : "only root can give a folder to another user",
}, async () => {
  const path = join(root, "foreign");
  mkdirSync(path);
  chownSync(path, 4242, 4242);
  await assert.rejects(openStateFolder(path), {
    code: "STATE_REFUSED",
    message: /belongs to user 4242 and this is user 0/,
  });
});
