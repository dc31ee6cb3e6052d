import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { fieldOf } from "../../../../lab/peers/raw-client.ts";
import { respond, type Script, ScriptedBackend } from "../../../../lab/peers/scripted-backend.ts";

const upgrade =
  "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n";
const switched =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";

/** Switches, then sends back in capitals whatever comes. */
function shouting(): Script {
  return {
    bytes: (connection, bytes) => {
      const text = bytes.toString("latin1");
      if (text.startsWith("GET /chat")) {
        connection.received = text;
        connection.write(switched);
        const rest = text.slice(text.indexOf("\r\n\r\n") + 4);
        if (rest !== "") connection.write(rest.toUpperCase());
      } else connection.write(text.toUpperCase());
    },
  };
}

test("a tunnel carries bytes both ways after 101, those that came early too", async () => {
  await using backend = await ScriptedBackend.start(shouting());
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(`${upgrade}early`);
  await client.untilText("EARLY");
  client.send("hello");
  await client.untilText("HELLO");
  assert.match(client.received, /^HTTP\/1\.1 101 .*\r\nConnection: Upgrade\r\n/s);
  assert.match(client.received, /\r\nSec-WebSocket-Accept: x\r\n/);
  const head = backend.connections[0]?.received.split("\r\n") ?? [];
  assert.equal(fieldOf(head, "upgrade"), "websocket");
  assert.equal(fieldOf(head, "connection"), "Upgrade");
  assert.equal(fixture.service().members[0]?.inFlight, 1, "a tunnel counts as in flight");
  assert.equal(fixture.path.snapshot().clientConnections["tunnel"], 1);
  client.end();
  await client.untilEnd();
  await client.until(() => fixture.service().members[0]?.inFlight === 0, "the tunnel to end");
});

test("bytes behind the request wait until the answer is known", async () => {
  await using backend = await ScriptedBackend.start({});
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  let seen = "";
  backend.script = {
    bytes: (_, bytes) => {
      seen += bytes.toString("latin1");
    },
  };
  client.send(upgrade);
  await client.until(() => seen.endsWith("\r\n\r\n"), "the head");
  client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  backend.connections[0]?.write(respond("no upgrade today"));
  // The second request is an ordinary one now; it arrives as a request with our lines.
  await client.until(() => seen.includes("/smuggled"), "the next request");
  assert.match(seen, /GET \/smuggled HTTP\/1\.1\r\nHost: a\r\nVia: /);
  client.destroy();
});

test("a half-close passes through a tunnel in each direction", async () => {
  await using backend = await ScriptedBackend.start(shouting());
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(upgrade);
  await client.untilText("\r\n\r\n");
  const [connection] = backend.connections;
  connection?.socket.removeAllListeners("end");
  client.end();
  await client.until(() => connection?.socket.readableEnded === true, "FIN to arrive");
  connection?.write("still talking");
  await client.untilText("still talking");
  connection?.socket.end();
  await client.untilEnd();
});

test("h2c, an upgrade with a body and an upgrade by POST are ordinary requests", async () => {
  await using backend = await ScriptedBackend.start({ answer: () => respond("plain") });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const fields = "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n";
  await client.ask(`GET / HTTP/1.1\r\n${fields}Upgrade: h2c\r\n\r\n`);
  const websocket = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  await client.ask(`GET / HTTP/1.1\r\n${websocket}Content-Length: 1\r\n\r\nx`);
  await client.ask(`POST / HTTP/1.1\r\n${websocket}Content-Length: 1\r\n\r\nx`);
  assert.equal(backend.requests.length, 3);
  for (const request of backend.requests) {
    assert.equal(fieldOf(request.fields, "upgrade"), undefined);
    assert.equal(fieldOf(request.fields, "connection"), undefined);
    assert.equal(fieldOf(request.fields, "http2-settings"), undefined);
  }
  client.destroy();
});

test("a member that dies ends its tunnels; a draining member ends them in good time", async () => {
  await using backend = await ScriptedBackend.start(shouting());
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { tunnelDrainMs: 100 },
  });
  const first = await fixture.client();
  first.send(upgrade);
  await first.untilText("\r\n\r\n");
  backend.connections[0]?.socket.resetAndDestroy();
  await first.untilEnd();
  const second = await fixture.client();
  second.send(upgrade);
  await second.untilText("\r\n\r\n");
  fixture.show(serviceOf([{ port: backend.port, state: "draining" }]));
  second.send("hello");
  await second.untilText("HELLO");
  await second.untilEnd();
  assert.equal(fixture.path.snapshot().clientConnectionsClosed["tunnel-drain"], 1);
});

test("a tunnel has back-pressure: a client that does not read stops the member", async () => {
  let sent = 0;
  await using backend = await ScriptedBackend.start({
    bytes: (connection, bytes) => {
      if (!bytes.includes("GET /chat")) return;
      connection.write(switched);
      const pump = () => {
        while (sent < 200 && connection.socket.write(Buffer.alloc(65_536))) sent += 1;
        if (sent < 200) connection.socket.once("drain", pump);
      };
      pump();
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client(false);
  client.socket.pause();
  client.send(upgrade);
  let last = -1;
  const still = () => {
    const stands = sent === last && sent > 0;
    last = sent;
    return stands;
  };
  const pollMs = 100;
  let looked = 0;
  await client.until(() => {
    if (performance.now() - looked < pollMs) return false;
    looked = performance.now();
    return still();
  }, "the member to be stopped");
  assert.ok(sent < 200, "13 MB would have been taken");
  client.socket.resume();
  await client.until(() => client.byteCount > 200 * 65_536 - 65_536, "the rest");
  client.destroy();
});
