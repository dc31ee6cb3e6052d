/** What may not be signalled, or does not die of it, never ends the agent, nor the next one. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { nextLookMs } from "./family.ts";
import { ProcessBench } from "./fixtures/process-bench.ts";

type Heard = { readonly type: string; readonly message?: string; readonly data?: unknown };

const withoutKill = ["--bounding-set", "-kill", "--inh-caps", "-kill"];
const canDrop =
  process.getuid?.() === 0 && spawnSync("setpriv", [...withoutKill, "true"]).status === 0;

/** An agent as root without the capability to signal whom it likes. */
class WeakAgent implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly heard: Heard[] = [];

  constructor(bench: ProcessBench, mode: string) {
    const file = join(import.meta.dirname, "fixtures", "weak-agent.ts");
    const node = [process.execPath, "-C", "@prunella/source", file, bench.folder, mode];
    const child = spawn("setpriv", [...withoutKill, ...node], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async hears(type: string): Promise<Heard> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      assert.ok(done !== true, `the agent ended without "${type}": ${JSON.stringify(this.heard)}`);
      const event: Heard = JSON.parse(value);
      this.heard.push(event);
      if (event.type === type) return event;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}

test("a rest of another user is told once by each agent, ends none of them, and its end is told", async (context) => {
  if (!canDrop) return context.skip("needs root and setpriv");
  await using bench = await ProcessBench.make();
  {
    await using first = new WeakAgent(bench, "");
    const { message, data } = await first.hears("stuck");
    const [foreign] = bench.living();
    assert.equal(bench.living().length, 1);
    assert.deepEqual(data, { incarnation: 1, pids: [foreign?.pid] });
    assert.match(message ?? "", new RegExp(`hello-1 cannot .*pid ${foreign?.pid}, sleep 1000`));
  }
  const folder = join(bench.folder, "hello-1");
  renameSync(folder, join(bench.folder, ".aside"));
  {
    // Without a record the rest is nobody's, and the agent that may not end it opens all the same.
    await using second = new WeakAgent(bench, "again");
    await second.hears("open");
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(join(bench.folder, ".aside"), folder);
  await using third = new WeakAgent(bench, "again");
  await third.hears("stuck");
  process.kill(bench.living()[0]?.pid ?? 0, "SIGKILL");
  await third.hears("exited");
  assert.deepEqual(
    third.heard.map(({ type }) => type),
    ["open", "main-exited", "stuck", "exited"],
  );
});

test("looks at what does not die become rare: a hundred in a minute, then one a second", () => {
  let count = 0;
  for (let atMs = 0; atMs < 60_000; atMs += nextLookMs(atMs)) count += 1;
  assert.ok(count > 60 && count < 150, `${count} looks`);
  assert.equal(nextLookMs(0), 10);
  assert.equal(nextLookMs(86_400_000), 1_000);
});
