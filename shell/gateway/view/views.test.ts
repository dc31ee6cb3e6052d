/** Views come and go under load: no client connection is closed, no request is lost by it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openLoop } from "../../../lab/load/open-loop.ts";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { respond, type Script, ScriptedBackend } from "../../../lab/peers/scripted-backend.ts";

const get = (path: string, ...fields: readonly string[]) =>
  ["GET", path, "HTTP/1.1\r\nHost: a"].join(" ") + ["", ...fields, "", ""].join("\r\n");

const named = (name: string): Script => ({ answer: () => respond(name) });
const byPath = { keys: [{ from: "path" }], traffic: { slowStartMs: 0 } } as const;

test("a view changes who serves without closing a client connection", async () => {
  await using a = await ScriptedBackend.start(named("a"));
  await using b = await ScriptedBackend.start(named("b"));
  await using fixture = await DataPathFixture.start([serviceOf([a])]);
  const client = await fixture.client();
  assert.equal((await client.ask(get("/"))).body, "a");
  fixture.show(serviceOf([{ port: b.port, id: "hello-9" }]));
  assert.equal((await client.ask(get("/"))).body, "b");
  await client.until(() => a.openCount === 0, "idle connections to the old member to be closed");
  assert.equal(fixture.path.snapshot().clientConnectionsAccepted, 1);
  client.destroy();
});

test("what was counted for a member goes on after its restart, so no counter falls", async () => {
  await using old = await ScriptedBackend.start({
    answer: () => "HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n",
  });
  await using restarted = await ScriptedBackend.start(named("hello"));
  await using fixture = await DataPathFixture.start([serviceOf([old])]);
  const client = await fixture.client();
  for (let n = 0; n < 3; n++) assert.equal((await client.ask(get("/"))).status, 500);
  fixture.show(serviceOf([{ port: restarted.port, incarnation: 2 }]));
  assert.equal((await client.ask(get("/"))).body, "hello");
  const [member] = fixture.service().members;
  assert.equal(member?.incarnation, 2);
  assert.equal(member.requests, 4);
  assert.equal(member.faults["status"], 3);
  client.destroy();
});

test("older views are ignored", async () => {
  await using a = await ScriptedBackend.start(named("a"));
  await using fixture = await DataPathFixture.start([serviceOf([a])]);
  const stale = { cluster: "shop", controlUrl: "", services: [serviceOf([])] };
  assert.equal(fixture.path.applyView({ ...stale, agentTerm: 1, version: 1 }).applied, false);
  assert.equal(fixture.path.applyView({ ...stale, agentTerm: 0, version: 99 }).applied, false);
  assert.equal(fixture.service().members.length, 1);
});

test("a restart rebuilds no placement and moves no key; a new member rebuilds it", async () => {
  const backends = await Promise.all(
    ["a", "b", "c"].map((name) => ScriptedBackend.start(named(name))),
  );
  const shapes = backends.map(({ port }) => ({ port }));
  await using fixture = await DataPathFixture.start([serviceOf(shapes, byPath)]);
  const client = await fixture.client();
  const homes = new Map<string, string>();
  for (let n = 0; n < 60; n++) homes.set(`/${n}`, (await client.ask(get(`/${n}`))).body);
  assert.equal(new Set(homes.values()).size, 3);

  const starting = shapes.map((shape, n) =>
    n === 0 ? { ...shape, incarnation: 2, state: "starting" as const } : shape,
  );
  fixture.show(serviceOf(starting, byPath));
  for (const [path, home] of homes) {
    const { body } = await client.ask(get(path));
    if (home === "a") assert.notEqual(body, "a");
    else assert.equal(body, home, "the keys of the others stay where they are");
  }
  assert.ok((fixture.service().diverted["state"] ?? 0) > 0);
  assert.equal(fixture.service().ringMovedRatio, 0);

  fixture.show(
    serviceOf(
      starting.map((shape) => ({ ...shape, state: "serving" })),
      byPath,
    ),
  );
  for (const [path, home] of homes) assert.equal((await client.ask(get(path))).body, home);

  const view = serviceOf([...shapes, { port: shapes[0]?.port ?? 0, id: "hello-4" }], byPath);
  fixture.show(view);
  const moved = fixture.service().ringMovedRatio;
  assert.ok(moved > 0.2 && moved < 0.3, `${moved}`);
  client.destroy();
  await Promise.all(backends.map((backend) => backend.close()));
});

test("keys come from path, query, header, cookie or client, and the first that is there wins", async () => {
  const backends = await Promise.all(
    ["a", "b", "c"].map((name) => ScriptedBackend.start(named(name))),
  );
  const shapes = backends.map(({ port }) => ({ port }));
  const keys = [
    { from: "query", name: "user" },
    { from: "header", name: "X-User" },
    { from: "cookie", name: "user" },
    { from: "client" },
  ] as const;
  await using fixture = await DataPathFixture.start([serviceOf(shapes, { keys })]);
  const client = await fixture.client();
  const homes = new Set<string>();
  for (let n = 0; n < 30; n++) {
    const { body: byQuery } = await client.ask(get(`/?x=1&user=u${n}`, "X-User: other"));
    const { body: byHeader } = await client.ask(get("/a", `x-user: u${n}`, "Cookie: user=other"));
    const { body: byCookie } = await client.ask(get("/b", `Cookie: a=b; user=u${n}`));
    assert.equal(byHeader, byQuery);
    assert.equal(byCookie, byQuery);
    homes.add(byQuery);
  }
  assert.equal(homes.size, 3);
  const byClient = new Set<string>();
  for (let n = 0; n < 10; n++) byClient.add((await client.ask(get(`/${n}`))).body);
  assert.equal(byClient.size, 1);
  client.destroy();
  await Promise.all(backends.map((backend) => backend.close()));
});

test("G16: a draining member gets no new exchange, and none of its exchanges is cut", async () => {
  await using old = await ScriptedBackend.start({ answer: () => undefined });
  await using next = await ScriptedBackend.start(named("next"));
  await using fixture = await DataPathFixture.start([serviceOf([old])]);
  const waiting = await fixture.client();
  const answer = waiting.ask(get("/long"));
  await waiting.until(() => old.requests.length === 1, "the request to arrive");
  const draining = { port: old.port, state: "draining" } as const;
  fixture.show(serviceOf([draining, next]));
  const client = await fixture.client();
  for (let n = 0; n < 20; n++) assert.equal((await client.ask(get(`/${n}`))).body, "next");
  assert.equal(fixture.service().members[0]?.inFlight, 1, "not drained yet");
  old.connections[0]?.write(respond("at last"));
  assert.equal((await answer).body, "at last");
  assert.equal(fixture.service().members[0]?.inFlight, 0, "drained");
  await client.until(() => old.openCount === 0, "its connection to be closed");
  client.destroy();
  waiting.destroy();
});

test("members join, drain and leave under load without a single failure", async () => {
  const script: Script = { answer: ({ target }) => respond(target) };
  const backends = await Promise.all(
    Array.from({ length: 6 }, () => ScriptedBackend.start(script)),
  );
  const shapes = backends.map(({ port }, n) => ({ port, id: `hello-${n + 1}` }));
  await using fixture = await DataPathFixture.start([serviceOf(shapes.slice(0, 3))]);
  const load = openLoop({
    url: `http://127.0.0.1:${fixture.port}/home?n={n}`,
    rate: 300,
    seconds: 60,
    connections: 16,
  });
  const states = ["serving", "draining", "leaving"] as const;
  for (let round = 0; round < 40; round++) {
    const before = fixture.service().requests["2xx"] ?? 0;
    fixture.show(
      serviceOf(
        shapes.slice(0, 3 + (round % 4)).map((shape, n) => ({
          ...shape,
          state: n === round % 3 ? states[round % 2 === 0 ? 1 : 2] : "serving",
        })),
        round % 2 === 0 ? {} : byPath,
      ),
    );
    // The next view comes when this one has seen some traffic.
    const waiting = await fixture.client();
    await waiting.until(() => (fixture.service().requests["2xx"] ?? 0) >= before + 10, "traffic");
    waiting.destroy();
  }
  const report = await load.stop();
  assert.equal(
    report.httpErrors + report.transportErrors + report.dropped,
    0,
    report.firstFailures.join(),
  );
  assert.ok(report.ok >= 400);
  await Promise.all(backends.map((backend) => backend.close()));
});

test("members that die under load cost no idempotent request", async () => {
  const script: Script = { answer: ({ target }) => respond(target) };
  let backends = await Promise.all(Array.from({ length: 3 }, () => ScriptedBackend.start(script)));
  const incarnations = [1, 1, 1];
  const shapes = () =>
    backends.map(({ port }, n) => ({
      port,
      id: `hello-${n + 1}`,
      incarnation: incarnations[n] ?? 1,
    }));
  await using fixture = await DataPathFixture.start([serviceOf(shapes())]);
  const load = openLoop({
    url: `http://127.0.0.1:${fixture.port}/home?n={n}`,
    rate: 400,
    seconds: 60,
    connections: 32,
  });
  const idle = await fixture.client();
  for (let kill = 0; kill < 12; kill++) {
    const victim = kill % 3;
    const served = fixture.service().requests["2xx"] ?? 0;
    backends[victim]?.kill();
    // The view learns of it later: in between the gateway is on its own.
    await idle.until(
      () => (fixture.service().requests["2xx"] ?? 0) >= served + 20,
      "traffic without it",
    );
    const next = await ScriptedBackend.start(script);
    backends = backends.with(victim, next);
    incarnations[victim] = (incarnations[victim] ?? 1) + 1;
    fixture.show(serviceOf(shapes()));
    await idle.until(() => next.requests.length > 0, "traffic to the new one");
  }
  const report = await load.stop();
  assert.equal(report.httpErrors + report.transportErrors, 0, report.firstFailures.join());
  assert.ok(fixture.service().retries["free"] ?? 0);
  idle.destroy();
  await Promise.all(backends.map((backend) => backend.close()));
});

test("draining the gateway finishes what is under way, says close, and ends idle connections", async () => {
  await using backend = await ScriptedBackend.start({ answer: () => undefined });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const idle = await fixture.client();
  const busy = await fixture.client();
  const answer = busy.ask(get("/"));
  await busy.until(() => backend.requests.length === 1, "the request to arrive");
  const drained = fixture.path.drain(5_000);
  await idle.untilEnd();
  backend.connections[0]?.write(respond("done"));
  const { body, fields } = await answer;
  assert.equal(body, "done");
  assert.ok(fields.includes("Connection: close"));
  await busy.untilEnd();
  busy.end();
  await drained;
});
