import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { test } from "node:test";
import { linuxProcessTable as table } from "./process-table.ts";

test("a process is known by pid and start, with its group and its variables", async () => {
  const child = spawn("sleep", ["30"], { detached: true, env: { ...process.env, MARK: "a=b" } });
  try {
    const pid = child.pid ?? 0;
    const facts = table.read(pid);
    assert.equal(facts?.pid, pid);
    assert.equal(facts?.alive, true);
    assert.equal(facts?.group, pid);
    assert.equal(facts?.session, pid);
    assert.ok((facts?.startTicks ?? 0) > 0);
    assert.equal(table.variable(pid, "MARK"), "a=b");
    assert.equal(table.variable(pid, "MAR"), undefined);
    assert.equal(table.variable(pid, "ARK"), undefined);
    assert.equal(table.program(pid), "sleep 30");
    assert.ok(table.memoryMiB(pid) > 0);
    assert.ok(table.all().some((other) => other.pid === pid));
  } finally {
    child.kill("SIGKILL");
  }
});

test("a name full of parentheses and spaces does not shift the fields", async () => {
  const rename =
    "require('node:fs').writeFileSync('/proc/self/comm', 'a) Z 1 (b'); setInterval(()=>{}, 1e3); console.log(1)";
  const child = spawn(process.execPath, ["-e", rename], { detached: true });
  try {
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const facts = table.read(child.pid ?? 0);
    assert.equal(facts?.alive, true);
    assert.equal(facts?.group, child.pid);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a pid that is not in use is nobody", () => {
  assert.equal(table.read(4_194_303), undefined);
  assert.equal(table.variable(4_194_303, "PATH"), undefined);
  assert.equal(table.memoryMiB(4_194_303), 0);
  assert.equal(table.program(4_194_303), "");
});

for (const host of ["127.0.0.1", "::1", "0.0.0.0"]) {
  test(`a listener on ${host} is seen and belongs to this process`, async (context) => {
    const server = createServer();
    const listening = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(0, host, () => resolve(true));
    });
    if (!listening) return context.skip(`this machine has no ${host}`);
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const inodes = new Set(table.listeningSockets(port).map((socket) => socket.inode));
    assert.equal(inodes.size, 1);
    assert.ok(table.holdsSocket(process.pid, inodes));
    assert.equal(table.holdsSocket(process.ppid, inodes), false);
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(table.listeningSockets(port), []);
  });
}

test("the ephemeral range of this machine is a range", () => {
  const [first, last] = table.ephemeralPorts();
  assert.ok(first > 0 && first <= last && last <= 65_535);
});
