/**
 * Goal: everything that the suites of the data path promise holds with `pipelining: "safe"` too.
 * Method: they run once more, with that in each view that does not say otherwise.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const suites = [
  "exchange/exchanges",
  "exchange/faults",
  "exchange/exchange-core",
  "exchange/exchange-core-chaos",
  "exchange/response/responses",
  "exchange/dispatch/retries",
  "exchange/ending/upgrades",
  "conformance/requests",
  "conformance/responses",
].map((name) => `shell/gateway/${name}.test.ts`);

for (const suite of suites) {
  test(`${suite} holds with pipelining`, async () => {
    const args = ["-C", "@prunella/source", "--test", "--test-reporter=tap", suite];
    const child = spawn(process.execPath, args, {
      cwd: root,
      // A run inside a run would report to its parent instead of to us.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, LAB_PIPELINING: "safe" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (text: Buffer) => {
      output += text;
    });
    await once(child, "close");
    const count = (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(output)?.[1]);
    assert.ok(count("pass") > 0, "nothing ran");
    assert.equal(count("fail") + count("cancelled"), 0, output.slice(0, 4_000));
  });
}
