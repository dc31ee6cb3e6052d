import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ClusterError, instanceName, serviceName } from "@prunella/core/kernel";
import type { LaunchOrder } from "@prunella/runtime";
import { order } from "@prunella/runtime/host-conformance";
import { ProcessBench } from "./fixtures/process-bench.ts";
import { findProgram } from "./program-check.ts";

const folder = mkdtempSync(join(tmpdir(), "prunella-program-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string, mode = 0o755): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function ask(command: readonly string[], over: Partial<LaunchOrder> = {}): LaunchOrder {
  return {
    service: serviceName("hello"),
    instance: instanceName("hello-1"),
    incarnation: 1,
    revision: "1",
    command,
    folder,
    env: { PATH: process.env["PATH"] ?? "" },
    fixedPort: undefined,
    log: { fileMiB: 1, filesMax: 1 },
    ...over,
  };
}

test("programs are found by path, relative to the folder, and in PATH", () => {
  const path = file("program", "#!/bin/sh\n");
  assert.equal(findProgram(ask([path])), path);
  assert.equal(findProgram(ask(["./program", "-x"])), path);
  assert.equal(findProgram(ask(["program"], { env: { PATH: `/nowhere:${folder}` } })), path);
  file("server.ts", "");
  assert.equal(findProgram(ask([process.execPath, "server.ts"])), process.execPath);
  for (const rest of [["-e", "run('x.ts')"], ["--version"], ["-C", "cond", "./server.ts"], ["."]]) {
    assert.equal(findProgram(ask([process.execPath, ...rest])), process.execPath);
  }
});

mkdirSync(join(folder, "a-folder"));
const wrong: readonly [string, LaunchOrder, RegExp][] = [
  ["an empty command", ask([]), /its command is empty/],
  ["a program that is missing", ask(["./nothing"]), /nothing: there is no such file/],
  ["a program that is in no PATH", ask(["no-such-program-4711"]), /is in no folder of PATH/],
  ["no PATH at all", ask(["sh"], { env: {} }), /PATH \(which is not set\)/],
  ["a folder as program", ask(["./a-folder"]), /it is not a file/],
  ["a file that may not be executed", ask([file("plain", "", 0o644)]), /chmod \+x .*plain/],
  [
    "an interpreter that is missing",
    ask([file("odd", "#!/no/such/shell -x\n")]),
    /asks for \/no\/such\/shell/,
  ],
  [
    "a script that is missing",
    ask([process.execPath, "no.ts"]),
    /no\.ts: there is no such file\. Correct `run` of hello/,
  ],
  ["a script behind options", ask([process.execPath, "-C", "x", "no.mjs"]), /no\.mjs: there is no/],
  [
    "a folder that is missing",
    ask(["sh"], { folder: "/no/such/folder" }),
    /its folder does not exist/,
  ],
  ["a folder that is a file", ask(["sh"], { folder: file("flat", "") }), /is not a folder/],
];

for (const [what, wish, expected] of wrong) {
  test(`${what} is refused before anything is started`, () => {
    assert.throws(
      () => findProgram(wish),
      (error: unknown) => {
        assert.ok(ClusterError.is(error, "PROGRAM_MISSING"));
        assert.match(error.message, /^hello-1 cannot start/);
        assert.match(error.message, expected);
        return true;
      },
    );
  });
}

test("what the system alone refuses is translated, and no record of it stays", async () => {
  await using bench = await ProcessBench.make();
  await using host = await bench.open();
  const nonsense = file("nonsense", `#!${file("no-interpreter", "", 0o644)}\n`);
  await assert.rejects(
    host.launch({ ...order(bench, "hello-1", 1, "serve"), command: [nonsense] }),
    {
      code: "PROGRAM_MISSING",
    },
  );
  const long = "x".repeat(3_000_000);
  await assert.rejects(
    host.launch({ ...order(bench, "hello-1", 1, "serve"), command: ["/bin/true", long] }),
    { code: "CONFIG_INVALID", message: /too long/ },
  );
  assert.deepEqual(await host.list(), []);
  await using next = await bench.open();
  assert.deepEqual(await next.list(), []);
});
