/** Completion as a shell does it: the script is loaded, and Tab is pressed. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { prunella } from "./testing/command-run.ts";
import { ControlFixture, instanceOf } from "./testing/control-fixture.ts";
import { shells, verbs } from "./verbs.ts";

const launcher = fileURLToPath(new URL("./bin/prunella.js", import.meta.url));

test("bash completes commands, flags, and the names that live now", async () => {
  await using agent = await new ControlFixture([instanceOf("hello-1")]).start();
  const programs = join(agent.folder, "programs");
  mkdirSync(programs);
  symlinkSync(launcher, join(programs, "prunella"));
  const { stdout } = await prunella(agent, "completion", "bash");
  const script = join(agent.folder, "completion.bash");
  writeFileSync(script, stdout);
  const line = `. '${script}'; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _prunella; echo "\${COMPREPLY[*]}"`;
  const path = [programs, dirname(process.execPath), process.env["PATH"]].join(delimiter);
  const options = { cwd: agent.folder, env: { ...process.env, PATH: path } };
  const press = async (...words: readonly string[]) => {
    // Not the synchronous form: the agent that is asked lives in this very process.
    const pressed = await promisify(execFile)("bash", ["-c", line, "bash", ...words], options);
    return pressed.stdout.trim();
  };

  assert.equal(await press("prunella", "sta"), "status");
  assert.equal(await press("prunella", "why", ""), "hello-1 gateway");
  assert.equal(await press("prunella", "scale", ""), "hello");
  assert.equal(await press("prunella", "scale", "hello", ""), "");
  assert.equal(await press("prunella", "logs", "-f", "h"), "hello hello-1");
  assert.equal(await press("prunella", "completion", ""), shells.join(" "));
  assert.match(await press("prunella", "plan", "--"), /--exit-code .*--json/);
});

test("each script names every command and is accepted by its shell, where that is installed", async () => {
  await using agent = new ControlFixture([]);
  for (const shell of shells) {
    const { code, stdout } = await prunella(agent, "completion", shell);
    assert.equal(code, 0);
    for (const { name } of verbs)
      assert.match(stdout, new RegExp(`\\b${name}\\b`), `${shell} ${name}`);
    const isInstalled = spawnSync(shell, ["-c", ":"]).error === undefined;
    const script = join(agent.folder, `completion.${shell}`);
    writeFileSync(script, stdout);
    if (isInstalled) execFileSync(shell, ["-n", script]);
  }
});
