/** The web port of a leader that leaves: what it began it answers, what it did not begin it says so. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Leaderships } from "../leadership.ts";
import { leaderRoute } from "./leader-route.ts";

type Seen = { readonly status: number; readonly headers: IncomingMessage["headers"] };

/** A web port whose requests stay open until the test answers them. */
async function open() {
  const leaderships = new Leaderships(() => true);
  const accepted: ServerResponse[] = [];
  const route = leaderRoute(
    {
      followers: "refuse",
      leadership: () => leaderships.current,
      leader: () => ({ id: "b", term: 2, web: undefined }),
    },
    (_request, response) => accepted.push(response),
  );
  const server = createServer(route).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = async (): Promise<Seen> => {
    const headers = { "prunella-term": "1", "content-length": "0" };
    const outgoing = request({ agent, port, host: "127.0.0.1", method: "POST", headers }).end();
    const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
    incoming.resume();
    await once(incoming, "end");
    return { status: incoming.statusCode ?? 0, headers: incoming.headers };
  };
  const answerNext = async (): Promise<void> => {
    while (accepted.length === 0) await new Promise(setImmediate);
    accepted.shift()?.end("done");
  };
  const close = (): void => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  };
  return { leaderships, post, answerNext, accepted, [Symbol.dispose]: close };
}

test("a drain waits for what was begun, and refuses the rest as not started", async () => {
  using web = await open();
  web.leaderships.begin(1, "1");
  const begun = web.post();
  while (web.accepted.length === 0) await new Promise(setImmediate);
  let isDrained = false;
  const drained = web.leaderships.drain(10_000).then(() => {
    isDrained = true;
  });
  await new Promise(setImmediate);
  assert.equal(isDrained, false);
  await web.answerNext();
  assert.equal((await begun).status, 200);
  await drained;
  const refused = await web.post();
  assert.equal(refused.status, 503);
  assert.equal(refused.headers["prunella-refused"], "not-started");
});

test("a connection lives on after the leadership: its next request is told that nothing was done", async () => {
  using web = await open();
  web.leaderships.begin(1, "1");
  const first = web.post();
  await web.answerNext();
  assert.equal((await first).headers.connection, "keep-alive");
  web.leaderships.end("resign");
  const late = await web.post(); // On the same connection: a closed one would lose it.
  assert.equal(late.status, 421);
  assert.equal(late.headers["prunella-refused"], "not-started");
  assert.equal(late.headers.connection, "close");
});
