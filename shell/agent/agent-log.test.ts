import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const module = fileURLToPath(new URL("./agent-log.ts", import.meta.url));

test("a disk without room costs log lines and not the agent", () => {
  const script = `import { stderrLog } from ${JSON.stringify(module)};
const log = stderrLog();
for (let i = 0; i < 1000; i++) log.info({ i }, "line");
console.log("alive");`;
  const { status, stdout } = spawnSync(
    process.execPath,
    ["-C", "@prunella/source", "--input-type=module", "-e", script],
    { stdio: ["ignore", "pipe", openSync("/dev/full", "w")], encoding: "utf8" },
  );
  assert.equal(status, 0);
  assert.equal(stdout.trim(), "alive");
});
