import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { dechunk, fieldOf, readResponse } from "../../../lab/peers/raw-client.ts";
import {
  type BackendRequest,
  respond,
  type Script,
  ScriptedBackend,
} from "../../../lab/peers/scripted-backend.ts";

const get = (path: string, ...fields: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, "Host: shop.test", ...fields, "", ""].join("\r\n");

const echo = (request: BackendRequest) =>
  respond(`${request.method} ${request.target} ${request.body}`);

test("one client connection and one upstream connection carry many requests", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  for (let n = 1; n <= 20; n++) {
    assert.equal((await client.ask(get(`/page/${n}`))).body, `GET /page/${n} `);
  }
  assert.equal(backend.connections.length, 1);
  assert.equal(fixture.path.snapshot().clientConnections["idle"], 1);
  client.destroy();
});

test("G20: the head that a member sees is the client's, with hop-by-hop lines replaced by ours", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  await client.ask(
    get(
      "/a?b=c",
      "X-Mine: 1",
      "Connection: keep-alive, X-Secret",
      "X-Secret: s",
      "Keep-Alive: timeout=3",
      "X-Forwarded-For: 6.6.6.6",
      "X-Forwarded-Host: evil",
      "X-Request-Id: mine",
      "Prunella-Term: 9",
      "Accept: */*",
    ),
  );
  const [request] = backend.requests;
  assert.equal(request?.line, "GET /a?b=c HTTP/1.1");
  const fields = request?.fields ?? [];
  assert.deepEqual(fields.slice(0, -1), [
    "Host: shop.test",
    "X-Mine: 1",
    "Accept: */*",
    "Via: 1.1 shop",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: shop.test",
  ]);
  assert.match(fields.at(-1) ?? "", /^X-Request-Id: [0-9a-f]{8}[0-9a-z]{8}$/);
  client.destroy();
});

test("a trusted proxy's forwarding fields stay, with its own address behind them", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    trustedProxies: ["127.0.0.1"],
  });
  const client = await fixture.client();
  const before = [
    "X-Forwarded-For: 9.9.9.9",
    "X-Forwarded-For: 8.8.8.8",
    "X-Forwarded-Proto: https",
  ];
  await client.ask(get("/", ...before, "X-Forwarded-Host: public.test", "X-Request-Id: abc-1"));
  const fields = backend.requests[0]?.fields ?? [];
  assert.equal(fieldOf(fields, "x-forwarded-for"), "9.9.9.9, 8.8.8.8, 127.0.0.1");
  assert.equal(fieldOf(fields, "x-forwarded-proto"), "https");
  assert.equal(fieldOf(fields, "x-forwarded-host"), "public.test");
  assert.equal(fieldOf(fields, "x-request-id"), "abc-1");
  client.destroy();
});

test("a network of trusted proxies is believed, and is looked through for the client's address", async () => {
  const script = (request: BackendRequest) =>
    respond(`${fieldOf(request.fields, "x-forwarded-for")}`);
  await using backend = await started(script);
  const addresses: string[] = [];
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    trustedProxies: ["127.0.0.0/8", "10.0.0.0/8"],
    accessLog: ({ client }) => addresses.push(client),
  });
  const client = await fixture.client();
  const answer = await client.ask(get("/", "X-Forwarded-For: 6.6.6.6, 9.9.9.9, 10.1.2.3"));
  assert.equal(answer.body, "6.6.6.6, 9.9.9.9, 10.1.2.3, 127.0.0.1");
  await client.until(() => addresses.length === 1, "the line of the access log");
  assert.deepEqual(addresses, ["9.9.9.9"]);
  client.destroy();
});

test("pipelined requests are answered in order, one after another", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const count = 500;
  const all = Array.from({ length: count }, (_, n) => get(`/n/${n}`)).join("");
  client.send(all);
  await client.untilText(`/n/${count - 1} `);
  const order = [...client.received.matchAll(/\/n\/(\d+)/g)].map((match) => Number(match[1]));
  assert.deepEqual(
    order,
    Array.from({ length: count }, (_, n) => n),
  );
  assert.equal(backend.connections.length, 1, "one at a time needs one connection");
  client.destroy();
});

test("a pipelined request does not start before the answer in front of it is complete", async () => {
  await using backend = await started((request) =>
    request.target === "/slow" ? undefined : echo(request),
  );
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(get("/slow") + get("/next"));
  await client.until(() => backend.requests.length === 1, "the first to arrive");
  const [connection] = backend.connections;
  assert.equal(backend.requests.length, 1);
  connection?.write(respond("slow"));
  await client.untilText("GET /next");
  assert.ok(client.received.indexOf("slow") < client.received.indexOf("/next"));
  client.destroy();
});

for (const size of [0, 1, 16_384, 16_385, 70_000, 3_000_000]) {
  test(`a body of ${size} bytes passes both ways with a length`, async () => {
    await using backend = await started((request) => respond(request.body));
    await using fixture = await DataPathFixture.start([serviceOf([backend])]);
    const client = await fixture.client();
    const body = "abcdefghij".repeat(size / 10 + 1).slice(0, size);
    const head = `POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`;
    const first = await client.ask(head + body);
    assert.equal(first.body.length, size);
    assert.ok(first.body === body);
    const second = await client.ask(get("/again"));
    assert.equal(second.status, 200, "the connection lives on");
    client.destroy();
  });
}

test("chunked bodies pass both ways, and chunk extensions are left out", async () => {
  await using backend = await started(
    (request) =>
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n${request.body.length.toString(16)}\r\n${request.body}\r\n0\r\n\r\n`,
  );
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const head = "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (let round = 1; round <= 3; round++) {
    const response = await client.ask(`${head}5;a=b\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`);
    assert.equal(response.body, "abchello world");
  }
  assert.ok(!client.received.includes(";x=y"));
  assert.ok(!(backend.connections[0]?.received ?? "").includes(";a=b"));
  assert.equal(backend.connections.length, 1, "chunked connections are used again");
  client.destroy();
});

test("a chunked body that comes in pieces streams through in pieces", async () => {
  await using backend = await started(undefined);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  let seen = "";
  backend.script = {
    bytes: (_, bytes) => {
      seen += bytes.toString("latin1");
    },
  };
  client.send("POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.until(() => seen.endsWith("\r\n\r\n"), "the head");
  for (const word of ["one", "two", "three"]) {
    client.send(`${word.length}\r\n${word}\r\n`);
    await client.until(() => seen.includes(word), word);
  }
  client.send("0\r\n\r\n");
  await client.until(() => seen.endsWith("0\r\n\r\n"), "the last chunk");
  const [connection] = backend.connections;
  connection?.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const word of ["uno", "due", "tre"]) {
    connection?.write(`${word.length}\r\n${word}\r\n`);
    await client.untilText(word);
  }
  connection?.write("0\r\n\r\n");
  await client.until((text) => readResponse(text)?.body === "unoduetre", "the end");
  client.destroy();
});

test("HEAD, 204 and 304 end at the empty line, whatever their fields say", async () => {
  await using backend = await started(({ target }) => {
    if (target === "/204") return "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n";
    if (target === "/304") return "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const head = await client.ask("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(fieldOf(head.fields, "content-length"), "1000");
  const empty = await client.ask(get("/204"));
  assert.equal(empty.status, 204);
  assert.equal(fieldOf(empty.fields, "content-length"), undefined);
  assert.equal((await client.ask(get("/304"))).status, 304);
  assert.equal((await client.ask("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
  assert.equal(backend.connections.length, 1);
  client.destroy();
});

test("a response without framing is chunked for HTTP/1.1, and whole only after a clean end", async () => {
  await using backend = await started((_, connection) => {
    connection.write("HTTP/1.1 200 OK\r\n\r\nto the ");
    connection.socket.end("end");
    return undefined;
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const response = await client.ask(get("/"));
  assert.equal(fieldOf(response.fields, "transfer-encoding"), "chunked");
  assert.equal(response.body, "to the end");
  assert.equal((await client.ask(get("/"))).body, "to the end", "the client connection lives on");
  client.destroy();
});

test("HTTP/1.0: a chunked response becomes plain data that ends with the connection", async () => {
  await using backend = await started(
    () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-T: 1\r\n\r\n",
  );
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const received = await client.untilEnd();
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n/);
  assert.ok(!/transfer-encoding/i.test(received));
  assert.match(received, /Connection: close\r\n/);
  assert.ok(received.endsWith("\r\n\r\nabcdef"));
  assert.equal(backend.requests[0]?.line, "GET / HTTP/1.1");
  assert.ok(backend.requests[0]?.fields.some((field) => field.startsWith("Host: ")));
});

test("HTTP/1.0 keep-alive is honoured where the response has a length", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  for (let n = 1; n <= 2; n++) {
    const response = await client.ask(`GET /${n} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
    assert.equal(fieldOf(response.fields, "connection"), "keep-alive");
  }
  client.send("GET /3 HTTP/1.0\r\n\r\n");
  const received = await client.untilEnd();
  assert.ok(received.endsWith("GET /3 "));
});

test("Connection: close from a client is answered, then closed; from a member it ends its connection only", async () => {
  await using backend = await started((request) =>
    request.target === "/last"
      ? "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
      : echo(request),
  );
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  const last = await client.ask(get("/last"));
  assert.equal(fieldOf(last.fields, "connection"), undefined);
  assert.equal((await client.ask(get("/next"))).status, 200);
  assert.equal(backend.connections.length, 2);
  const closing = await client.ask(get("/bye", "Connection: close"));
  assert.equal(fieldOf(closing.fields, "connection"), "close");
  await client.untilEnd();
});

test("a client that half-closes after its requests still gets all answers, then our FIN", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(get("/1") + get("/2") + get("/3")).end();
  const received = await client.untilEnd();
  assert.ok(received.includes("GET /1 ") && received.includes("GET /2 "));
  assert.ok(received.endsWith("GET /3 "));
});

test("Expect: 100-continue is answered by the member, and the body follows", async () => {
  await using backend = await started(echo);
  backend.script = {
    ...backend.script,
    bytes: (connection, bytes) => {
      if (bytes.includes("100-continue")) connection.write("HTTP/1.1 100 Continue\r\n\r\n");
    },
  };
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send("POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  await client.untilText("100 Continue\r\n\r\n");
  client.send("hello");
  await client.untilText("POST /e hello");
  assert.equal((await client.ask(get("/next"))).status, 200);
  client.destroy();
});

test("G4: a final answer before the body came ends both connections, and the body is no request", async () => {
  await using backend = await started(echo);
  backend.script = {
    bytes: (connection, bytes) => {
      if (bytes.includes("POST /early")) connection.write(respond("no thanks"));
    },
  };
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(
    "POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n",
  );
  const received = await client.untilText("no thanks");
  assert.match(received, /Connection: close\r\n/);
  client.send(get("/smuggled"));
  await client.untilEnd();
  assert.ok(!client.received.includes("smuggled"));
  await client.until(() => backend.connections.every(({ closed }) => closed), "upstream to end");
  assert.equal(fixture.service().discarded["early"], 1);
  client.destroy();
});

test("OPTIONS * is answered by the gateway, an unknown route with 404", async () => {
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([
    serviceOf([backend], { routes: [{ prefix: "/app" }] }),
  ]);
  const client = await fixture.client();
  const options = await client.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(options.status, 204);
  assert.match(fieldOf(options.fields, "allow") ?? "", /GET/);
  const second = await fixture.client();
  const missing = await second.ask(get("/other"));
  assert.equal(missing.status, 404);
  assert.match(missing.body, /GATEWAY_NO_ROUTE/);
  const third = await fixture.client();
  assert.equal((await third.ask(get("/app/x"))).status, 200);
  assert.equal(backend.requests.length, 1);
  for (const each of [client, second, third]) each.destroy();
});

test("one log entry tells each exchange, refused ones too", async () => {
  const entries: string[] = [];
  await using backend = await started(echo);
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    accessLog: ({ method, target, status, service, member, attempts, reason, bytesIn }) =>
      entries.push([method, target, status, service, member, attempts, reason, bytesIn].join(" ")),
  });
  const client = await fixture.client();
  await client.ask("POST /x?a=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  client.send("BROKEN\r\n\r\n");
  await client.untilEnd();
  assert.deepEqual(entries, ["POST /x?a=1 200 hello hello-1 1  3", "  400   0 request-line 0"]);
  client.destroy();
});

test("dechunk, which these tests rely on, reads chunks", () => {
  assert.equal(dechunk("3\r\nabc\r\n0\r\n\r\n"), "abc");
  assert.equal(dechunk("3\r\nab"), undefined);
});

async function started(answer: Script["answer"]): Promise<ScriptedBackend> {
  return await ScriptedBackend.start(answer === undefined ? {} : { answer });
}
