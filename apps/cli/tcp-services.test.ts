/** A service that does not speak HTTP, run by `prunella up`: ports by instance and for all, and a kill. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../lab/peers/eventually.ts";
import { freePort, freePorts } from "../../lab/peers/free-port.ts";
import { Workshop } from "./testing/workshop.ts";

/** Says who it is, then sends back what it gets. */
const program = `import { createServer } from "node:net";
const name = process.env.PRUNELLA_INSTANCE;
createServer((socket) => {
  socket.on("error", () => {});
  socket.write(name + " " + process.pid + "\\n");
  socket.pipe(socket);
}).listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`;

class Line {
  readonly socket: Socket;
  text = "";
  closed = false;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port });
    this.socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString();
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
    });
  }

  /** The instance that has it, or nothing when the connection was closed instead. */
  async greeting(): Promise<string> {
    await eventually("a greeting", () => this.closed || this.text.includes("\n"));
    return this.text.split("\n")[0] ?? "";
  }
}

/** Connects until the port answers with a greeting that fits. */
async function lineTo(port: number, wanted: RegExp): Promise<Line> {
  const untilMs = performance.now() + 60_000;
  for (;;) {
    const line = new Line(port);
    if (wanted.test(await line.greeting())) return line;
    line.socket.destroy();
    if (performance.now() > untilMs) throw new Error(`nobody like ${wanted} on port ${port}`);
  }
}

test("a port for each instance: kill -9 of one ends its connections only, and its port finds it again", async () => {
  await using shop = await Workshop.open();
  const first = await freePorts(3);
  writeFileSync(join(shop.folder, "server.mjs"), program);
  const tcp = { port: first, by: "member" };
  shop.write({ run: "./server.mjs", count: 3, scale: { max: 3 }, route: [], tcp });
  const up = await shop.run("up");
  assert.equal(up.code, 0, up.stderr);
  const status = await shop.status();
  const lines = await Promise.all(
    [1, 2, 3].map((n) => lineTo(first + n - 1, new RegExp(`^echo-${n} `))),
  );
  const victim = status.services[0]?.instances.find(({ name }) => name === "echo-2");
  assert.ok(victim?.pid);
  process.kill(victim.pid, "SIGKILL");
  const [one, two, three] = lines;
  await eventually("the connection to the killed one to end", () => two?.closed === true);
  for (const line of [one, three]) {
    line?.socket.write("still there");
    await eventually("an echo", () => line?.text.endsWith("still there") === true);
  }
  const again = await lineTo(first + 1, /^echo-2 /);
  assert.notEqual(await again.greeting(), `echo-2 ${victim.pid}`);
  await shop.status(); // Learns the pid of the new one, so that nothing is left behind unseen.
  for (const line of [...lines, again]) line.socket.destroy();
});

test("one port for all: connections spread, and the death of one instance ends only its own connections", async () => {
  await using shop = await Workshop.open();
  const port = await freePort();
  writeFileSync(join(shop.folder, "server.mjs"), program);
  shop.write({ run: "./server.mjs", count: 2, route: [], tcp: port });
  const up = await shop.run("up");
  assert.equal(up.code, 0, up.stderr);
  const lines = [await lineTo(port, /^echo-/), await lineTo(port, /^echo-/)];
  const names = await Promise.all(lines.map((line) => line.greeting()));
  assert.deepEqual(names.map((name) => name.split(" ")[0]).toSorted(), ["echo-1", "echo-2"]);
  const pids = names.map((name) => Number(name.split(" ")[1]));
  const status = await shop.status();
  const known = status.services[0]?.instances.map(({ pid }) => pid) ?? [];
  const [pid = 0] = pids;
  assert.ok(known.includes(pid));
  process.kill(pid, "SIGKILL");
  await eventually("its connection to end", () => lines[0]?.closed === true);
  // Whoever connects is served, by the sibling or by the new copy.
  for (let n = 0; n < 20; n++) (await lineTo(port, /^echo-[12] \d+$/)).socket.destroy();
  assert.equal(lines[1]?.closed, false);
  await shop.status();
  for (const line of lines) line.socket.destroy();
});
