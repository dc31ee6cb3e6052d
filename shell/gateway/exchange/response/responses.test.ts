/** What becomes of every kind of answer that a member can give: the response table, row by row. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { fieldOf, readResponse } from "../../../../lab/peers/raw-client.ts";
import { respond, ScriptedBackend } from "../../../../lab/peers/scripted-backend.ts";

const ok = "HTTP/1.1 200 OK\r\n";
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`;

const malformed: Readonly<Record<string, string>> = {
  "no HTTP at all": "hello\r\n\r\n",
  "another version": "HTTP/2.0 200 OK\r\n\r\n",
  "a status of two digits": "HTTP/1.1 99 x\r\n\r\n",
  "a status above 599": "HTTP/1.1 600 x\r\n\r\n",
  "a folded field": `${ok}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`,
  "a space before the colon": `${ok}X : a\r\nContent-Length: 0\r\n\r\n`,
  "a bare LF": `${ok}X: a\nContent-Length: 0\r\n\r\n`,
  "a length that is no number": `${ok}Content-Length: +5\r\n\r\nhello`,
  "two lengths": `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  "a list of lengths": `${ok}Content-Length: 5, 5\r\n\r\nhello`,
  "length and chunks": `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "another coding": `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  "chunks in HTTP/1.0": "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "chunks in 204": "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "a switch that nobody asked for":
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
  "nine interim answers": `${"HTTP/1.1 103 x\r\n\r\n".repeat(9)}${ok}Content-Length: 0\r\n\r\n`,
  "a head above 64 KiB": `${ok}X: ${"a".repeat(70_000)}\r\n\r\n`,
};

for (const [what, answer] of Object.entries(malformed)) {
  test(`${what} is answered 502, once, and the connection is destroyed`, async () => {
    await using backend = await ScriptedBackend.start({ answer: () => answer });
    await using fixture = await DataPathFixture.start([serviceOf([backend])]);
    const client = await fixture.client();
    client.send(get("/"));
    const received = await client.untilEnd();
    const interim = received.split("HTTP/1.1 103").length - 1;
    const final = received.slice(received.lastIndexOf("HTTP/1.1 502"));
    assert.equal(readResponse(final)?.status, 502);
    assert.match(final, /GATEWAY_BAD_RESPONSE/);
    assert.equal(interim, what.startsWith("nine") ? 8 : 0);
    assert.equal(backend.requests.length, 1, "a member that talks nonsense is not asked twice");
    await client.until(() => backend.openCount === 0, "the connection to end");
  });
}

test("broken chunks in the middle of a body break the answer off", async () => {
  await using backend = await ScriptedBackend.start({
    answer: () => `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`,
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(get("/"));
  const received = await client.untilEnd();
  assert.ok(!received.includes("0\r\n\r\n"), "no last chunk after a fault");
  assert.equal(fixture.service().brokenResponses, 1);
  await client.until(() => backend.openCount === 0, "the connection to end");
});

test("G4: bytes behind a response are dropped with their connection; the response stands", async () => {
  await using backend = await ScriptedBackend.start({
    answer: () => respond("one") + respond("surplus"),
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  for (let n = 1; n <= 3; n++) assert.equal((await client.ask(get(`/${n}`))).body, "one");
  assert.ok(!client.received.includes("surplus"));
  assert.equal(backend.connections.length, 3);
  assert.equal(fixture.service().discarded["surplus"], 3);
  client.destroy();
});

test("G3: bytes without a request never become an answer, and twice in a minute is reported", async () => {
  const facts: string[] = [];
  await using backend = await ScriptedBackend.start({ answer: () => respond("mine") });
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    report: ({ type, member }) => facts.push(`${type} ${member}`),
  });
  const client = await fixture.client();
  for (let n = 1; n <= 2; n++) {
    await client.ask(get("/"));
    backend.connections.at(-1)?.write(respond("poison"));
    await client.until(() => backend.openCount === 0, "the connection to end");
  }
  assert.equal((await client.ask(get("/"))).body, "mine");
  assert.ok(!client.received.includes("poison"));
  assert.equal(fixture.service().discarded["unsolicited"], 2);
  assert.deepEqual(facts, ["framing-fault hello-1"]);
  client.destroy();
});

test("interim answers pass to HTTP/1.1 clients and are kept from HTTP/1.0 clients", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
  await using backend = await ScriptedBackend.start({ answer: () => early + early + respond("x") });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  assert.equal((await client.ask(get("/"))).body, "x");
  assert.equal(client.received.split("103 Early Hints").length - 1, 2);
  const old = await fixture.client();
  old.send("GET / HTTP/1.0\r\n\r\n");
  assert.ok(!(await old.untilEnd()).includes("103"));
  assert.equal(backend.connections.length, 1);
  client.destroy();
});

test("an HTTP/1.0 response becomes HTTP/1.1, and its connection lives only if it says so", async () => {
  await using backend = await ScriptedBackend.start({
    answer: ({ target }) =>
      `HTTP/1.0 200 OK\r\nContent-Length: 2\r\n${target === "/keep" ? "Connection: keep-alive\r\n" : ""}\r\nok`,
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  await client.ask(get("/keep"));
  await client.ask(get("/close"));
  assert.equal(backend.connections.length, 1);
  await client.ask(get("/keep"));
  assert.equal(backend.connections.length, 2);
  assert.ok(client.received.startsWith("HTTP/1.1 200 OK\r\n"));
  client.destroy();
});

test("Date is added where it is missing and kept where it is not; hop-by-hop lines are removed", async () => {
  const theirs = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  await using backend = await ScriptedBackend.start({
    answer: ({ target }) =>
      `${ok}${target === "/dated" ? theirs : ""}Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nPrunella-Term: 4\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n`,
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const dated = await client.ask(get("/dated"));
  assert.deepEqual(dated.fields, [theirs.trim(), "X-End: 2", "Content-Length: 0"]);
  const undated = await client.ask(get("/undated"));
  assert.match(fieldOf(undated.fields, "date") ?? "", /^\w{3}, \d\d \w{3} \d{4} .* GMT$/);
  client.destroy();
});

test("an ordinary error of the application is passed on and never retried", async () => {
  await using a = await ScriptedBackend.start({
    answer: () => "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
  });
  await using b = await ScriptedBackend.start({
    answer: () => "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n",
  });
  await using fixture = await DataPathFixture.start([serviceOf([a, b])]);
  const client = await fixture.client();
  for (let n = 0; n < 20; n++) assert.ok((await client.ask(get(`/${n}`))).status >= 500);
  assert.equal(a.requests.length + b.requests.length, 20);
  client.destroy();
});

test("G7: a member that dies within a large answer breaks it visibly, with a length and with chunks", async () => {
  const bodies = [
    `${ok}Content-Length: 100000\r\n\r\n${"x".repeat(50_000)}`,
    `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  ];
  for (const body of bodies) {
    await using backend = await ScriptedBackend.start({
      answer: (_, connection) => {
        connection.socket.write(body, () => connection.socket.resetAndDestroy());
        return undefined;
      },
    });
    await using fixture = await DataPathFixture.start([serviceOf([backend])]);
    const client = await fixture.client();
    client.send(get("/"));
    const received = await client.untilEnd();
    // The reset may overtake data in the kernel; whatever arrives must not look complete.
    assert.equal(received.includes("0\r\n\r\n"), false);
    assert.ok(received === "" || received.includes("502") || readResponse(received) === undefined);
    client.destroy();
  }
});

test("G7: where the end of the connection ends the answer, a broken one ends with a reset", async () => {
  let kill = () => undefined as unknown;
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      connection.write(`${ok}\r\nhalf of it`);
      kill = () => connection.socket.resetAndDestroy();
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send("GET / HTTP/1.0\r\n\r\n");
  await client.untilText("half of it");
  kill();
  await client.until(() => client.closed, "the end");
  assert.ok(client.wasReset, "a FIN would look like the end of a whole answer");
});

test("G7: an answer until the close that is reset gets no last chunk", async () => {
  let kill = () => undefined as unknown;
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      connection.write(`${ok}\r\nhalf of it`);
      kill = () => connection.socket.resetAndDestroy();
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(get("/"));
  await client.untilText("half of it");
  kill();
  await client.until(() => client.closed || client.ended, "the end");
  assert.ok(!client.received.includes("0\r\n\r\n"), client.received);
  assert.equal(fixture.service().brokenResponses, 1);
  client.destroy();
});

test("POST gets 502 with the cure when the member dies, and says that the outcome is unknown", async () => {
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      connection.socket.resetAndDestroy();
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const response = await client.ask(post("/pay"));
  assert.equal(response.status, 502);
  assert.match(response.body, /GATEWAY_OUTCOME_UNKNOWN/);
  assert.equal(fieldOf(response.fields, "connection"), "close");
  await client.untilEnd();
});
