import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { fieldOf } from "../../../../lab/peers/raw-client.ts";
import { respond, type Script, ScriptedBackend } from "../../../../lab/peers/scripted-backend.ts";
import type {
  LocalAnswer,
  LocalEndpoints,
  LocalRequest,
} from "../../load-balancer/local-endpoint.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const compat = { compat: "load-balancer", placement: "seed-512" } as const;

class Endpoints implements LocalEndpoints {
  readonly paths = ["/rep", "/add"];
  readonly requests: LocalRequest[] = [];
  reply: (answer: LocalAnswer) => void = () => undefined;

  answer(request: LocalRequest): Promise<LocalAnswer> {
    this.requests.push(request);
    if (request.method === "DELETE") {
      return new Promise((resolve) => {
        this.reply = resolve;
      });
    }
    const body = request.body === undefined ? "too large" : Buffer.from(request.body).toString();
    return Promise.resolve({ status: 200, headers: [["Allow", "GET"]], body: `[${body}]` });
  }

  notFound(_service: unknown, path: string): LocalAnswer {
    return { status: 400, body: `no ${path}` };
  }

  unavailable(): LocalAnswer {
    return { status: 503, body: "nobody" };
  }
}

const notFound =
  "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntheir\r\n0\r\n\r\n";
const replica: Script = {
  answer: ({ target }) => (target.startsWith("/home") ? respond("home") : notFound),
};

test("local paths are answered by the gateway, with their whole body, and the connection goes on", async () => {
  await using backend = await ScriptedBackend.start(replica);
  const localEndpoints = new Endpoints();
  await using fixture = await DataPathFixture.start([serviceOf([backend], compat)], {
    localEndpoints,
  });
  const client = await fixture.client();
  const rep = await client.ask(get("/rep?x=1"));
  assert.equal(rep.body, "[]");
  assert.equal(fieldOf(rep.fields, "content-type"), "application/json");
  assert.equal(fieldOf(rep.fields, "allow"), "GET");
  const add = await client.ask(
    "POST /add HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{n:\r\n2\r\n4}\r\n0\r\n\r\n",
  );
  assert.equal(add.body, "[{n:4}]");
  assert.equal((await client.ask(get("/home"))).body, "home");
  assert.deepEqual(
    localEndpoints.requests.map(({ method, path }) => `${method} ${path}`),
    ["GET /rep", "POST /add"],
  );
  assert.equal(backend.requests.length, 1);
  client.destroy();
});

test("without compatibility mode the same paths belong to the service", async () => {
  await using backend = await ScriptedBackend.start({ answer: ({ target }) => respond(target) });
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    localEndpoints: new Endpoints(),
  });
  const client = await fixture.client();
  assert.equal((await client.ask(get("/rep"))).body, "/rep");
  client.destroy();
});

test("an answer may take its time, and one that comes after its client is dropped", async () => {
  await using backend = await ScriptedBackend.start(replica);
  const localEndpoints = new Endpoints();
  await using fixture = await DataPathFixture.start([serviceOf([backend], compat)], {
    localEndpoints,
  });
  const client = await fixture.client();
  const pending = client.ask("DELETE /rep HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(() => localEndpoints.requests.length === 1, "the call");
  localEndpoints.reply({ status: 405, body: "slow" });
  assert.equal((await pending).status, 405);
  client.send("DELETE /rep HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(() => localEndpoints.requests.length === 2, "the next call");
  client.socket.resetAndDestroy();
  await client.until(() => fixture.path.snapshot().clientConnections["active"] === 0, "it to go");
  localEndpoints.reply({ status: 200, body: "too late" });
  const next = await fixture.client();
  assert.equal((await next.ask(get("/home"))).body, "home");
  next.destroy();
});

test("a body above 64 KiB is handed over as too large, and the rest is no request", async () => {
  await using backend = await ScriptedBackend.start(replica);
  await using fixture = await DataPathFixture.start([serviceOf([backend], compat)], {
    localEndpoints: new Endpoints(),
  });
  for (const framing of [
    "Content-Length: 100000\r\n\r\n",
    `Transfer-Encoding: chunked\r\n\r\n186a0\r\n${"x".repeat(80_000)}`,
  ]) {
    const client = await fixture.client();
    client.send(`POST /add HTTP/1.1\r\nHost: a\r\n${framing}`);
    await client.untilText("[too large]");
    assert.match(client.received, /Connection: close\r\n/);
    client.send(get("/home"));
    await client.untilEnd();
    client.destroy();
  }
  assert.equal(backend.requests.length, 0);
});

test("a replica's 404 to GET becomes the answer of the source; its connection is used again", async () => {
  await using backend = await ScriptedBackend.start(replica);
  await using fixture = await DataPathFixture.start([serviceOf([backend], compat)], {
    localEndpoints: new Endpoints(),
  });
  const client = await fixture.client();
  for (let n = 0; n < 3; n++) {
    const response = await client.ask(get("/other?a=b"));
    assert.equal(response.status, 400);
    assert.equal(response.body, "no /other");
  }
  assert.ok(!client.received.includes("their"));
  const post = await client.ask("POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  assert.equal(post.status, 404);
  assert.equal(backend.connections.length, 1);
  client.destroy();
});

test("nobody to serve: the answer of the source instead of ours", async () => {
  await using fixture = await DataPathFixture.start([serviceOf([], compat)], {
    localEndpoints: new Endpoints(),
    limits: { holdMs: 50 },
  });
  const client = await fixture.client();
  const response = await client.ask(get("/home"));
  assert.equal(response.status, 503);
  assert.equal(response.body, "nobody");
  client.destroy();
});

test("seed-512 sends the source's request ids to the source's servers, and past a dead one clockwise", async () => {
  const backends = await Promise.all(
    [1, 2, 3].map((number) => ScriptedBackend.start({ answer: () => respond(`server ${number}`) })),
  );
  const shapes = backends.map(({ port }) => ({ port }));
  await using fixture = await DataPathFixture.start([serviceOf(shapes, compat)]);
  const client = await fixture.client();
  // From the source's formulas: 132574 -> slot 81, server 3; 100000 -> 337, server 1; 999999 -> 16, server 1.
  assert.equal((await client.ask(get("/home?id=132574"))).body, "server 3");
  assert.equal((await client.ask(get("/home?id=100000"))).body, "server 1");
  assert.equal((await client.ask(get("/home?a=1&id=999999"))).body, "server 1");
  const byField = "GET /home HTTP/1.1\r\nHost: a\r\nX-Request-Id: 132574\r\n\r\n";
  assert.equal((await client.ask(byField)).body, "server 3");
  const counts = new Map<string, number>();
  for (let n = 0; n < 300; n++) {
    const { body } = await client.ask(get("/home?id=nine"));
    counts.set(body, (counts.get(body) ?? 0) + 1);
  }
  assert.ok((counts.get("server 1") ?? 0) > 200, "84 % by the source's map");
  backends[2]?.kill();
  const { body } = await client.ask(get("/home?id=132574"));
  assert.notEqual(body, "server 3");
  client.destroy();
  await Promise.all(backends.map((backend) => backend.close()));
});
