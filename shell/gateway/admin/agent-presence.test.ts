import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { after, test } from "node:test";
import { AgentPresence } from "./agent-presence.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refuse: RequestListener = (_, response) => {
  response.writeHead(401, { "content-type": "application/json" });
  response.end('{"error":{"code":"TOKEN_REFUSED","message":"","details":{}}}');
};

test("an agent is there as soon as it refuses a call without a token, and gets no token", async () => {
  const headers: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    headers.push(request.headers.authorization);
    refuse(request, response);
  });
  const presence = new AgentPresence(() => url);
  assert.deepEqual(await Promise.all([presence.isThere(), presence.isThere()]), [true, true]);
  assert.deepEqual(headers, [undefined], "two who ask at once share one knock");
  assert.equal(await presence.isThere(), true);
  assert.equal(headers.length, 2, "an answer is not kept");
});

test("a stranger on the agent's port is not the agent", async () => {
  const greeting = await serve((_, response) => response.end("welcome"));
  const refusing = await serve((_, response) => response.writeHead(401).end("who are you?"));
  const endless = await serve((_, response) => {
    response.writeHead(401);
    const more = () => {
      while (!response.destroyed && response.write('"TOKEN_REFUSED"'.repeat(1_000)));
    };
    response.on("drain", more);
    more();
  });
  for (const url of [greeting, refusing]) {
    assert.equal(await new AgentPresence(() => url).isThere(), false, url);
  }
  assert.equal(typeof (await new AgentPresence(() => endless).isThere()), "boolean");
});

test("nobody, silence and a view without a controlUrl mean that the agent is gone", async () => {
  const silent = await serve(() => undefined);
  const closed = createTcpServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  for (const url of [silent, `http://127.0.0.1:${port}`, "", "nonsense", undefined]) {
    assert.equal(await new AgentPresence(() => url).isThere(), false, url);
  }
});
