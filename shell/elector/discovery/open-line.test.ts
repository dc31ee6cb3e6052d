/** A connection that waits for its word, at a server that gives up those on which nothing is asked. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { eventually } from "../../../lab/peers/eventually.ts";
import { OpenLine } from "./open-line.ts";

type Peer = { readonly url: string; readonly accepted: readonly Socket[] };

async function listen(t: TestContext, onConnection: (socket: Socket) => void): Promise<Peer> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accepted };
}

const farewells: readonly (readonly [string, (socket: Socket) => void])[] = [
  ["a word", (socket) => void socket.write("HTTP/1.1 408 Request Timeout\r\n\r\n")],
  ["a word and the end", (socket) => socket.end("HTTP/1.1 408 Request Timeout\r\n\r\n")],
  ["the end", (socket) => socket.end()],
  ["a reset", (socket) => socket.resetAndDestroy()],
];

for (const [farewell, say] of farewells) {
  test(`a line is not used after ${farewell}`, async (t) => {
    const { url, accepted } = await listen(t, () => undefined);
    using line = new OpenLine();
    line.point(url);
    await eventually("a connection", () => accepted.length === 1);
    const [peer] = accepted;
    assert.ok(peer !== undefined);
    peer.resume();
    say(peer);
    await once(peer, "close");
    assert.equal(line.take(url), undefined);
    await eventually("the next connection", () => accepted.length === 2);
  });
}

test("a line that is taken carries the first word of its user, and the answer is all his", async (t) => {
  const { url } = await listen(t, (socket) => socket.once("data", () => socket.write("yes")));
  using line = new OpenLine();
  line.point(url);
  let socket: Socket | undefined;
  await eventually("an open line", () => {
    socket = line.take(url);
    return socket !== undefined;
  });
  assert.ok(socket !== undefined);
  socket.write("well?");
  const [answer] = await once(socket, "data");
  assert.equal(`${answer}`, "yes");
  socket.destroy();
});
