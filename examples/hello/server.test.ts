import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("./server.ts", import.meta.url));
const started: ChildProcess[] = [];

after(() => {
  for (const child of started) child.kill("SIGKILL");
});

type Answer = { readonly status: number | undefined; readonly body: string };

test("the server says who it is, proves that it lives, and knows nothing else", async () => {
  const { port } = await start("Server 7");
  assert.deepEqual(await ask(port, "/home"), {
    status: 200,
    body: '{"message":"Hello from Server: Server 7","status":"successful"}',
  });
  assert.deepEqual(await ask(port, "/home?id=123456"), await ask(port, "/home"));
  assert.deepEqual(await ask(port, "/heartbeat"), { status: 200, body: "" });
  assert.deepEqual(await ask(port, "/other"), { status: 404, body: "" });
});

test("on SIGTERM it ends by itself, though a client keeps its connection", async () => {
  const { port, child } = await start("Server 1");
  const agent = new Agent({ keepAlive: true });
  await ask(port, "/home", agent);
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  assert.deepEqual(await exited, [0, null]);
  agent.destroy();
});

async function start(
  name: string,
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const port = await freePort();
  const env = { PORT: String(port), SERVER_ID: name };
  const child = spawn(process.execPath, [file], { env, stdio: "ignore" });
  started.push(child);
  const deadline = Date.now() + 60_000;
  for (;;) {
    const answer = await ask(port, "/heartbeat").catch(() => undefined);
    if (answer?.status === 200) return { port, child };
    assert.ok(Date.now() < deadline, "the server did not start");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const address = probe.address();
  assert.ok(typeof address === "object" && address !== null);
  probe.close();
  return address.port;
}

async function ask(port: number, path: string, agent?: Agent): Promise<Answer> {
  const request = get({ host: "127.0.0.1", port, path, ...(agent ? { agent } : { agent: false }) });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let body = "";
  for await (const part of response) body += String(part);
  return { status: response.statusCode, body };
}
