import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missingProgram } from "./gateway/subject-table.ts";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

function bench(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = ["-C", "@prunella/source", main, "gateway", ...args];
  const environment = { ...process.env, ...env };
  const result = spawnSync(process.execPath, options, { encoding: "utf8", env: environment });
  return { code: result.status, output: result.stdout, error: result.stderr };
}

test("a wrong case, peer or number is refused with the ones that exist", () => {
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [["--cases", "get-64,get-65"], /There is no case "get-65"\. Cases: get-1 /],
    [["--rounds", "0"], /--rounds is "0"\. Use an integer from 1 to 100/],
    [["--seconds", "two"], /--seconds is "two"/],
    [["--compare", "/nowhere.json"], /--compare \/nowhere\.json: ENOENT/],
  ];
  for (const [args, message] of table) {
    const { code, error } = bench(args);
    assert.equal(code, 2, error);
    assert.match(error, message);
    assert.match(error, /bench -- gateway --help/);
  }
});

test("without nginx and wrk it says what to install", () => {
  const { code, error } = bench(["--cases", "get-64"], { PATH: "/nowhere" });
  assert.equal(code, 2, error);
  assert.match(error, /nginx is not installed, wrk is not installed, .*install-peers\.sh/);
});

const missing = missingProgram("nginx") ?? missingProgram("wrk");
test("one short round measures ours and nginx and leaves nothing behind", {
  skip: missing ?? false,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), "bench-test-"));
  try {
    const json = join(folder, "out.json");
    const quick = ["--rounds", "1", "--seconds", "1", "--patience", "0", "--json", json];
    const temporary = { TMPDIR: folder };
    const { output, error } = bench([...quick, "--cases", "get-1", "--peers", "nginx"], temporary);
    assert.match(output, /get-1: small GET, 1 connection/, error);
    assert.doesNotMatch(output, /PROBLEM/, output);
    const { measurements } = JSON.parse(readFileSync(json, "utf8"));
    assert.deepEqual(
      measurements.map(({ subject }: { subject: string }) => subject),
      ["prunella", "nginx"],
    );
    for (const { requests, errors, cpuUsPerRequest } of measurements) {
      assert.ok(requests > 0 && errors === 0 && cpuUsPerRequest > 0, output);
    }
    assert.deepEqual(readdirSync(folder), ["out.json"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
