/** Clients and members that vanish, stall, trickle and half-close, in every phase of an exchange. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { fieldOf } from "../../../lab/peers/raw-client.ts";
import { respond, type Script, ScriptedBackend } from "../../../lab/peers/scripted-backend.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const silent: Script = { answer: () => undefined };
const healthy: Script = { answer: ({ method, target }) => respond(`${method} ${target}`) };

test("a silent member is given up after the time of the route: 504, and never asked again", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using fixture = await DataPathFixture.start([serviceOf([backend], { timeoutMs: 100 })]);
  const client = await fixture.client();
  const response = await client.ask(get("/"));
  assert.equal(response.status, 504);
  assert.match(response.body, /GATEWAY_TIMEOUT/);
  await client.untilEnd();
  await client.until(() => backend.openCount === 0, "the upstream connection to end");
  assert.equal(backend.requests.length, 1);
});

test("a response body without progress is broken off", async () => {
  await using backend = await ScriptedBackend.start({
    answer: () => "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\nbeginning",
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { responseBodyMs: 100 },
  });
  const client = await fixture.client();
  client.send(get("/"));
  const received = await client.untilEnd();
  assert.ok(received.endsWith("beginning"));
  assert.equal(fixture.service().brokenResponses, 1);
});

test("a head that comes too slowly is answered 408; a new connection without a byte is closed silently", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { headMs: 100, firstByteMs: 100, idleMs: 100 },
  });
  const slow = await fixture.client();
  slow.send("GET / HTTP/1.1\r\nHost: a\r\nX-");
  assert.match(await slow.untilEnd(), /^HTTP\/1\.1 408 .*GATEWAY_HEAD_TIMEOUT/s);
  const silentClient = await fixture.client();
  assert.equal(await silentClient.untilEnd(), "");
  const idle = await fixture.client();
  await idle.ask(get("/"));
  await idle.untilEnd();
  const { clientConnectionsClosed, rejected } = fixture.path.snapshot();
  assert.equal(clientConnectionsClosed["first-byte"], 1);
  assert.equal(clientConnectionsClosed["idle"], 1);
  assert.equal(rejected["head-timeout"], 1);
  assert.equal(backend.requests.length, 1);
});

test("a body that stops coming is answered 408 and the member's connection is destroyed", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { bodyMs: 100 },
  });
  const client = await fixture.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  assert.match(await client.untilEnd(), /^HTTP\/1\.1 408 .*GATEWAY_BODY_TIMEOUT/s);
  await client.until(() => backend.openCount === 0, "the upstream connection to end");
});

test("a body that trickles below the rate is answered 408 although it makes progress", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { bodyRateAfterMs: 200, bodyBytesPerSecondMin: 1_000 },
  });
  const client = await fixture.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  const trickle = setInterval(() => client.send("x"), 5);
  assert.match(await client.untilEnd(), /^HTTP\/1\.1 408 /);
  clearInterval(trickle);
  client.destroy();
});

test("a client that vanishes within its head, body or answer leaves nothing behind", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const inHead = await fixture.client();
  inHead.send("GET / HTTP/1.1\r\nHo");
  const inBody = await fixture.client();
  inBody.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  const waiting = await fixture.client();
  waiting.send(get("/waiting"));
  await waiting.until(() => backend.connections.length === 2, "both to arrive");
  for (const client of [inHead, inBody, waiting]) client.socket.resetAndDestroy();
  await waiting.until(() => backend.openCount === 0, "both upstream connections to end");
  await waiting.until(() => fixture.path.snapshot().services[0]?.clientAborts === 2, "two aborts");
  const { clientConnections } = fixture.path.snapshot();
  assert.deepEqual(clientConnections, { active: 0, idle: 0, tunnel: 0 });
  assert.equal(fixture.service().members[0]?.inFlight, 0);
  const none = { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0, none: 2 };
  assert.deepEqual(fixture.service().requests, none, "the head that broke off was no request yet");
});

test("a client that leaves before a held answer is whole, or before its upgrade, got no status", async () => {
  const held = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
  await using backend = await ScriptedBackend.start({
    bytes: (connection, bytes) => {
      if (!bytes.includes("Upgrade")) connection.write(held);
    },
  });
  const statuses: number[] = [];
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    accessLog: ({ status }) => statuses.push(status),
  });
  const half = await fixture.client();
  half.send(get("/"));
  await half.until(() => fixture.service().upstreamDuration.count === 1, "the head of the answer");
  const upgrade = await fixture.client();
  upgrade.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await upgrade.until(() => backend.connections.length === 2, "the upgrade to arrive");
  for (const client of [half, upgrade]) client.socket.resetAndDestroy();
  await half.until(() => fixture.service().requests["none"] === 2, "both to be counted");
  assert.equal(fixture.service().requests["2xx"], 0);
  assert.deepEqual(statuses, [0, 0]);
});

test("FIN within a request body destroys the upstream connection and gets no answer", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  await client.until(() => backend.connections[0]?.received.endsWith("half") === true, "the half");
  client.end();
  assert.equal(await client.untilEnd(), "");
  await client.until(() => backend.openCount === 0, "the upstream connection to end");
});

test("a member that half-closes instead of answering is treated as gone", async () => {
  await using bad = await ScriptedBackend.start({
    answer: (_, connection) => {
      connection.socket.end();
      return undefined;
    },
  });
  await using good = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([bad, good])]);
  const client = await fixture.client();
  for (let n = 0; n < 10; n++) assert.equal((await client.ask(get(`/${n}`))).status, 200);
  assert.ok(bad.requests.length > 0);
  client.destroy();
});

test("an answer byte by byte arrives whole", async () => {
  const text =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      let at = 0;
      const next = () => {
        connection.write(text.slice(at, at + 1));
        at += 1;
        if (at < text.length) setImmediate(next);
      };
      next();
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  for (let n = 0; n < 3; n++) assert.equal((await client.ask(get("/"))).body, "hello");
  assert.ok(client.received.includes("X-T: 1"), "trailers stay where they are");
  assert.equal(backend.connections.length, 1);
  client.destroy();
});

test("idle upstream connections are closed before the member closes them", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using announcing = await ScriptedBackend.start({
    answer: () => "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n",
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { upstreamIdleMs: 100 },
  });
  const client = await fixture.client();
  await client.ask(get("/"));
  await client.until(() => backend.openCount === 0, "the idle connection to be closed");
  assert.equal(fixture.service().discarded["idle"], 1);
  fixture.show(serviceOf([{ port: announcing.port, incarnation: 2 }]));
  await client.ask(get("/"));
  await client.until(() => announcing.openCount === 0, "one second less our head start is none");
  client.destroy();
});

test("POST takes no connection that was idle for more than a second", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
  await client.ask(get("/"));
  await client.ask(post);
  assert.equal(backend.connections.length, 1, "a fresh one will do");
  const since = performance.now();
  await client.until(() => performance.now() - since > 1_100, "it to be idle for a while");
  await client.ask(post);
  assert.equal(backend.connections.length, 2);
  client.destroy();
});

test("G1: a body in chunks that turns malformed is refused, and the member sees an abort", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  await client.until(() => backend.connections[0]?.received.includes("abc") === true, "a chunk");
  client.send("zz\r\n");
  const received = await client.untilEnd();
  assert.match(received, /^HTTP\/1\.1 400 .*GATEWAY_CHUNK_SIZE/s);
  await client.until(() => backend.openCount === 0, "the upstream connection to end");
  assert.equal(backend.requests.length, 0);
});

test("a body above the bound of the route is refused, by length at once and by chunks when it shows", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend], { bodyBytesMax: 10 })]);
  const byLength = await fixture.client();
  byLength.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
  assert.match(await byLength.untilEnd(), /^HTTP\/1\.1 413 /);
  const byChunks = await fixture.client();
  byChunks.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n");
  assert.match(await byChunks.untilEnd(), /^HTTP\/1\.1 413 /);
  assert.equal(backend.requests.length, 0);
});

test("after a refusal nothing is interpreted, and what came before it was answered", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(`${get("/good")}GET /bad HTTP/1.1\r\n\r\n${get("/after")}`);
  const received = await client.untilEnd();
  assert.ok(received.includes("GET /good"));
  assert.match(received, /HTTP\/1\.1 400 .*GATEWAY_HOST_MISSING/s);
  assert.deepEqual(
    backend.requests.map(({ target }) => target),
    ["/good"],
  );
});

test("G19: too many connections are accepted and closed, and counted", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { clientConnectionsMax: 2 },
  });
  const kept = [await fixture.client(), await fixture.client()];
  const tooMany = await fixture.client();
  assert.equal(await tooMany.untilEnd(), "");
  assert.equal(fixture.path.snapshot().clientConnectionsClosed["connections"], 1);
  for (const client of kept) client.destroy();
});

test("the last request of a long connection says so", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { requestsPerConnectionMax: 3 },
  });
  const client = await fixture.client();
  const closes: (string | undefined)[] = [];
  for (let n = 0; n < 3; n++) {
    closes.push(fieldOf((await client.ask(get("/"))).fields, "connection"));
  }
  assert.deepEqual(closes, [undefined, undefined, "close"]);
  await client.untilEnd();
});

test("a member that fails five times in a row is left alone, which is told with its incarnation", async () => {
  const facts: string[] = [];
  await using bad = await ScriptedBackend.start({
    answer: () => "HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n",
  });
  await using good = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start(
    [serviceOf([{ port: bad.port, incarnation: 7 }, good])],
    {
      report: ({ type, member, incarnation, message }) =>
        facts.push(`${type} ${member} ${incarnation}: ${message}`),
    },
  );
  const client = await fixture.client();
  await client.until(() => {
    if (client.socket.writableLength === 0) client.send(get("/"));
    return fixture.service().members[0]?.ejected === "faults";
  }, "the ejection");
  assert.equal(facts.length, 1);
  assert.match(facts[0] ?? "", /^ejected hello-1 7: hello-1 failed 5 .* it answered 5xx/);
  client.destroy();
});
