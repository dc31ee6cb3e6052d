/** Who may be asked twice: the retry table, with counts of what each member received. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { freePort } from "../../../../lab/peers/free-port.ts";
import {
  type BackendConnection,
  respond,
  type Script,
  ScriptedBackend,
} from "../../../../lab/peers/scripted-backend.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const healthy: Script = { answer: () => respond("ok") };

function dying(connection: BackendConnection): undefined {
  connection.socket.resetAndDestroy();
  return undefined;
}

test("a refused connect costs nobody anything: GET and POST go to the next member", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  const dead = { port: await freePort() };
  await using fixture = await DataPathFixture.start([serviceOf([dead, backend])]);
  const client = await fixture.client();
  for (let n = 0; n < 20; n++) {
    assert.equal((await client.ask(get(`/${n}`))).status, 200);
    assert.equal((await client.ask(post(`/${n}`, "x"))).status, 200);
  }
  assert.equal(backend.requests.length, 40);
  const { retries, retryTokens, members } = fixture.service();
  assert.ok((retries["free"] ?? 0) >= 1);
  assert.equal(retries["spent"], 0);
  assert.ok(retryTokens >= 10);
  assert.ok((members[0]?.ejections["refused"] ?? 0) >= 1);
  client.destroy();
});

test("GET is repeated once on a sibling when a member dies before it answers, and is paid for", async () => {
  await using bad = await ScriptedBackend.start({ answer: (_, connection) => dying(connection) });
  await using good = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([bad, good])]);
  const client = await fixture.client();
  for (let n = 0; n < 12; n++) assert.equal((await client.ask(get(`/${n}`))).status, 200);
  assert.ok(bad.requests.length > 1, "a member that failed one request gets others");
  assert.equal(good.requests.length, 12);
  assert.equal(fixture.service().retries["spent"], bad.requests.length);
  client.destroy();
});

test("G8: POST is never sent to a second member after a byte of it was sent to a first", async () => {
  await using bad = await ScriptedBackend.start({ answer: (_, connection) => dying(connection) });
  await using good = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([bad, good])]);
  const seen: number[] = [];
  for (let n = 0; n < 20; n++) {
    const client = await fixture.client();
    seen.push((await client.ask(post(`/${n}`, "pay"))).status);
    client.destroy();
  }
  const targets = [...bad.requests, ...good.requests].map(({ target }) => target);
  assert.equal(new Set(targets).size, targets.length, "some POST was sent twice");
  assert.equal(seen.filter((status) => status === 502).length, bad.requests.length);
  assert.ok(bad.requests.length > 0 && good.requests.length > 0);
});

test("G9: a small answer that breaks in its middle is repeated; one that was begun is broken off", async () => {
  for (const [length, status] of [
    [1_000, "200"],
    [100_000, "broken"],
  ] as const) {
    await using bad = await ScriptedBackend.start({
      answer: (_, connection) => {
        const half = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length / 2)}`;
        connection.socket.end(half);
        return undefined;
      },
    });
    await using good = await ScriptedBackend.start(healthy);
    await using fixture = await DataPathFixture.start([serviceOf([bad, good])]);
    let broken = 0;
    for (let n = 0; n < 10; n++) {
      const client = await fixture.client();
      client.send(get(`/${n}`));
      await client.until(
        (text) => text.endsWith("\r\n\r\nok") || client.ended || client.closed,
        "an answer",
      );
      if (!client.received.endsWith("ok")) broken += 1;
      client.destroy();
    }
    assert.ok(bad.requests.length > 0);
    assert.equal(broken, status === "200" ? 0 : bad.requests.length);
  }
});

test("a member that declares that it did nothing lets even a POST go on", async () => {
  const refused = "HTTP/1.1 503 Busy\r\nPrunella-Refused: draining\r\nContent-Length: 0\r\n\r\n";
  await using bad = await ScriptedBackend.start({ answer: () => refused });
  await using good = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([bad, good])]);
  const client = await fixture.client();
  for (let n = 0; n < 10; n++) assert.equal((await client.ask(post(`/${n}`, "x"))).status, 200);
  assert.ok(bad.requests.length > 0);
  client.destroy();
});

test("G10: the budget bounds what a total outage can cost", async () => {
  const script: Script = { answer: (_, connection) => dying(connection) };
  await using a = await ScriptedBackend.start(script);
  await using b = await ScriptedBackend.start(script);
  await using c = await ScriptedBackend.start(script);
  await using fixture = await DataPathFixture.start([serviceOf([a, b, c])]);
  const count = 300;
  for (let n = 0; n < count; n++) {
    const client = await fixture.client();
    assert.equal((await client.ask(get(`/${n}`))).status, 502);
    client.destroy();
  }
  const received = a.requests.length + b.requests.length + c.requests.length;
  const { retries } = fixture.service();
  // Ten tokens at first, a tenth a request, one a second.
  assert.ok(received - count <= 10 + count / 10 + 10, `${received - count} retries`);
  assert.ok((retries["exhausted"] ?? 0) > 0);
});

test("a body up to 64 KiB is kept for a retry, a larger one is sent once", async () => {
  for (const [size, status] of [
    [60_000, 200],
    [200_000, 502],
  ] as const) {
    await using bad = await ScriptedBackend.start({ answer: (_, connection) => dying(connection) });
    await using fixture = await DataPathFixture.start([serviceOf([bad])]);
    const client = await fixture.client();
    client.send(`PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    const half = "y".repeat(size / 2);
    client.send(half);
    await client.until(() => (bad.connections[0]?.received.length ?? 0) > size / 2, "half of it");
    await using good = await ScriptedBackend.start({ answer: (request) => respond(request.body) });
    fixture.show(serviceOf([bad, good]));
    client.send(half);
    await client.until((text) => text.includes("\r\n\r\n"), "an answer");
    assert.ok(client.received.startsWith(`HTTP/1.1 ${status} `), client.received.slice(0, 60));
    if (status === 200) assert.equal(good.requests[0]?.body.length, size);
    else assert.equal(good.connections.length, 0);
    client.destroy();
  }
});

test("a pooled connection that was closed at the moment of reuse costs no GET", async () => {
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      // Every second request on a connection finds it closed.
      if (connection.requests.length % 2 === 0) return dying(connection);
      return respond("ok");
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  for (let n = 0; n < 10; n++) assert.equal((await client.ask(get(`/${n}`))).status, 200);
  assert.ok((fixture.service().retries["spent"] ?? 0) > 0);
  client.destroy();
});

test("requests wait while nobody serves, in order, and are answered when somebody comes", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  const starting = { port: backend.port, state: "starting" } as const;
  await using fixture = await DataPathFixture.start([serviceOf([starting])]);
  const clients = await Promise.all(Array.from({ length: 5 }, () => fixture.client()));
  const answers = clients.map((client, n) => client.ask(get(`/${n}`)));
  await clients[0]?.until(() => fixture.service().held === 5, "five to wait");
  fixture.show(serviceOf([{ port: backend.port }]));
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
  assert.equal(fixture.service().held, 0);
  for (const client of clients) client.destroy();
});

test("G19: waiting ends with 503 and Retry-After; a full queue says so at once", async () => {
  await using fixture = await DataPathFixture.start([serviceOf([])], {
    limits: { holdMs: 100, heldMax: 2 },
  });
  const clients = await Promise.all(Array.from({ length: 3 }, () => fixture.client()));
  const answers = await Promise.all(clients.map((client) => client.ask(get("/"))));
  const codes = answers.map(({ status, body, fields }) => {
    assert.equal(status, 503);
    assert.ok(fields.includes("Retry-After: 1"));
    return /GATEWAY_\w+/.exec(body)?.[0];
  });
  assert.deepEqual(codes.sort(), [
    "GATEWAY_QUEUE_FULL",
    "GATEWAY_UNAVAILABLE",
    "GATEWAY_UNAVAILABLE",
  ]);
  assert.deepEqual(fixture.service().heldRefused, { late: 2, full: 1, gone: 0 });
});

test("a client that goes away takes its waiting request with it", async () => {
  await using fixture = await DataPathFixture.start([serviceOf([])]);
  const client = await fixture.client();
  client.send(get("/"));
  await client.until(() => fixture.service().held === 1, "it to wait");
  client.socket.resetAndDestroy(); // A mere FIN would still want its answer.
  await client.until(() => fixture.service().held === 0, "the queue to be empty");
  assert.equal(fixture.service().clientAborts, 1);
});

test("an idempotent request survives the restart of the only member", async () => {
  const backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  assert.equal((await client.ask(get("/before"))).status, 200);
  backend.kill();
  const answer = client.ask(get("/during"));
  await client.until(() => fixture.service().held === 1, "it to wait");
  await using next = await ScriptedBackend.start(healthy);
  fixture.show(serviceOf([{ port: next.port, incarnation: 2 }]));
  assert.equal((await answer).status, 200);
  assert.equal(next.requests.length, 1);
  client.destroy();
});
