/** What a service may say about its requests, over real sockets: each rule changes what is served. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceView, TrafficView } from "@prunella/wire/view";
import { CoreBench } from "../../lab/peers/core-bench.ts";
import { DataPathFixture, type MemberShape, serviceOf } from "../../lab/peers/data-path-fixture.ts";
import { eventually } from "../../lab/peers/eventually.ts";
import { RawClient } from "../../lab/peers/raw-client.ts";
import { respond, type Script, ScriptedBackend } from "../../lab/peers/scripted-backend.ts";
import { createGateway } from "./gateway.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (path: string, ...fields: readonly string[]) =>
  [`POST ${path} HTTP/1.1`, "Host: a", ...fields, "Content-Length: 1", "", "x"].join("\r\n");

const named = (name: string): Script => ({ answer: () => respond(name) });
const silent: Script = { answer: () => undefined };

/** The same path goes to the same member, in each run of the test. */
const keyed: Partial<ServiceView> = { keys: [{ from: "path" }] };

function rulesOf(traffic: TrafficView, more: Partial<ServiceView> = {}): Partial<ServiceView> {
  return { traffic, ...more };
}

test("tryTimeoutMs: a try that takes too long goes to a sibling; a POST is told", async () => {
  await using slow = await ScriptedBackend.start(silent);
  await using quick = await ScriptedBackend.start(named("quick"));
  const rules = rulesOf({ tryTimeoutMs: 50 });
  await using fixture = await DataPathFixture.start([serviceOf([slow, quick], rules)]);
  const client = await fixture.client();
  while (slow.requests.length === 0) {
    assert.equal((await client.ask(get("/"))).body, "quick");
  }
  assert.ok((fixture.service().members[0]?.faults["late"] ?? 0) >= 1);
  assert.ok((fixture.service().retries["spent"] ?? 0) >= 1);
  for (let seen = 0; seen === 0; ) {
    const other = await fixture.client();
    const before = slow.requests.length;
    const { status, body } = await other.ask(post("/"));
    seen = slow.requests.length - before;
    if (seen > 0) assert.match(`${status} ${body}`, /^504 .*GATEWAY_TIMEOUT/);
    other.destroy();
  }
  assert.equal(slow.requests.filter(({ method }) => method === "POST").length, 1);
  client.destroy();
});

test("retryUnsafe: a POST with Idempotency-Key is repeated, one without it is not", async () => {
  const dying: Script = {
    answer: (_, connection) => {
      connection.socket.resetAndDestroy();
      return undefined;
    },
  };
  for (const retryUnsafe of ["idempotency-key", undefined] as const) {
    await using bad = await ScriptedBackend.start(dying);
    await using good = await ScriptedBackend.start(named("good"));
    const rules = rulesOf({ ejectAfter: 0, ...(retryUnsafe && { retryUnsafe }) }, keyed);
    await using fixture = await DataPathFixture.start([serviceOf([bad, good], rules)]);
    const statuses = async (...fields: readonly string[]) => {
      const seen = new Set<number>();
      for (let n = 0; n < 12; n++) {
        const client = await fixture.client();
        seen.add((await client.ask(post(`/${n}`, ...fields))).status);
        client.destroy();
      }
      return seen;
    };
    const withKey = await statuses("Idempotency-Key: 7");
    assert.equal(withKey.has(502), retryUnsafe === undefined);
    assert.equal((await statuses()).has(502), true);
  }
});

test("maxInFlight and holdMs: an instance works on so many, others wait, and then hear 503", async () => {
  await using backend = await ScriptedBackend.start(silent);
  const rules = rulesOf({ maxInFlight: 2, holdMs: 100 });
  await using fixture = await DataPathFixture.start([serviceOf([backend], rules)], {
    limits: { heldMax: 3 },
  });
  const clients = await Promise.all(Array.from({ length: 6 }, () => fixture.client()));
  for (const [index, client] of clients.entries()) client.send(get(`/${index}`));
  await eventually("the instance to have two", () => backend.requests.length === 2);
  await eventually("the queue to fill", () => fixture.path.snapshot().rejected["queue-full"] === 1);
  await eventually("the others to give up", () => fixture.service().heldRefused["late"] === 3);
  assert.equal(fixture.service().members[0]?.inFlight, 2);
  for (const client of clients.filter(({ received }) => received !== "")) {
    assert.match(client.received, /^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n/);
  }
  backend.script = named("room again");
  const [first] = backend.connections;
  first?.write(respond("done"));
  const late = await fixture.client();
  assert.equal((await late.ask(get("/late"))).body, "room again");
  for (const client of [...clients, late]) client.destroy();
});

test("loadBound: with a wider bound a busy instance keeps its keys", async () => {
  for (const [loadBound, diverts] of [
    [1.25, true],
    [100, false],
  ] as const) {
    const bench = new CoreBench(4);
    const shapes: readonly MemberShape[] = [1, 2, 3, 4].map((port) => ({ port }));
    bench.show(serviceOf(shapes, { keys: [{ from: "path" }], traffic: { loadBound } }));
    for (let n = 0; n < 30; n++) bench.send(bench.accept().client, get("/hot"));
    const ports = new Set(bench.upstreams.map(({ port }) => port));
    assert.equal(ports.size > 1, diverts, `bound ${loadBound}`);
  }
});

/** Which ports a service uses for 400 requests with keys of their own, answered at once. */
function portsAfter(bench: CoreBench, waitMs: number): ReadonlyMap<number, number> {
  if (waitMs > 0) bench.pass(waitMs);
  const ports = new Map<number, number>();
  for (let n = 0; n < 400; n++) {
    const { client } = bench.accept();
    bench.send(client, get(`/${n}`));
    const each = bench.upstreams.findLast(({ upstream }) => upstream.exchange?.client === client);
    if (each === undefined) throw new Error("nobody was asked");
    ports.set(each.port, (ports.get(each.port) ?? 0) + 1);
    bench.core.clientClosed(client, bench.nowMs);
    bench.core.upstreamClosed(each.upstream, bench.nowMs);
  }
  return ports;
}

test("slow start: a newcomer beside warm siblings gets a tenth first, and all of its share later", () => {
  const bench = new CoreBench(2);
  const warm: readonly MemberShape[] = [{ port: 1 }, { port: 2 }];
  bench.show(serviceOf(warm, keyed));
  bench.pass(6_000);
  bench.show(serviceOf([...warm, { port: 3 }], keyed));
  const [cold, half, full] = [
    portsAfter(bench, 0),
    portsAfter(bench, 2_500),
    portsAfter(bench, 2_500),
  ];
  const got = (ports: ReadonlyMap<number, number>) => ports.get(3) ?? 0;
  assert.ok(got(cold) > 0 && got(cold) < 40, `${got(cold)}`);
  assert.ok(got(half) > got(cold) && got(half) < got(full), `${got(half)}`);
  assert.ok(got(full) > 100 && got(full) < 170, `${got(full)}`);
  assert.ok((bench.core.state.services.get("hello")?.counters.diverted.get("slow-start") ?? 0) > 0);
});

test("slow start is over at once where it is off, and never begins on the first start", () => {
  const started = (index: number): MemberShape => ({ port: index + 1, state: "serving" });
  const starting = (index: number): MemberShape => ({
    ...{ port: index + 1, state: "starting", served: false },
  });
  const first = new CoreBench(0);
  first.show(serviceOf([starting(0), starting(1)], keyed));
  first.show(serviceOf([started(0), starting(1)], keyed));
  first.pass(500);
  first.show(serviceOf([started(0), started(1)], keyed));
  assert.ok((portsAfter(first, 0).get(2) ?? 0) > 150);

  const off = new CoreBench(0);
  const traffic = { slowStartMs: 0 };
  off.show(serviceOf([started(0), starting(1)], { ...keyed, traffic }));
  off.pass(6_000);
  off.show(serviceOf([started(0), started(1)], { ...keyed, traffic }));
  assert.ok((portsAfter(off, 0).get(2) ?? 0) > 150);

  const restarted = new CoreBench(0);
  restarted.show(serviceOf([started(0), started(1)], keyed));
  restarted.pass(6_000);
  restarted.show(serviceOf([started(0), { ...started(1), incarnation: 2 }], keyed));
  assert.ok((portsAfter(restarted, 0).get(2) ?? 0) < 40, "a restarted one is cold");
});

test("weights: a member with half the weight gets half of what its siblings get", () => {
  const bench = new CoreBench(0);
  bench.show(serviceOf([{ port: 1 }, { port: 2, weight: 0.5 }, { port: 3 }], keyed));
  const ports = portsAfter(bench, 0);
  const ratio = (ports.get(2) ?? 0) / (((ports.get(1) ?? 0) + (ports.get(3) ?? 0)) / 2);
  assert.ok(ratio > 0.3 && ratio < 0.7, `${ratio}`);
});

test("ejectAfter: so many faults in a row put a member out; with 0 it stays in, whatever it says", async () => {
  const failing: Script = { answer: () => "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" };
  for (const [ejectAfter, isOut] of [
    [2, true],
    [0, false],
  ] as const) {
    await using bad = await ScriptedBackend.start(failing);
    await using good = await ScriptedBackend.start(named("good"));
    await using third = await ScriptedBackend.start(named("third"));
    const service = serviceOf([bad, good, third], rulesOf({ ejectAfter }));
    await using fixture = await DataPathFixture.start([service]);
    const client = await fixture.client();
    for (let n = 0; n < 60; n++) await client.ask(get(`/${n}`));
    assert.equal(fixture.service().members[0]?.ejected, isOut ? "faults" : undefined);
    assert.equal(bad.requests.length > 4, !isOut);
    client.destroy();
  }
});

test("a gateway in one's own process takes the same rules", async () => {
  await using backend = await ScriptedBackend.start(silent);
  await using other = await ScriptedBackend.start(named("other"));
  const members = [`127.0.0.1:${backend.port}`, `127.0.0.1:${other.port}`];
  await using gateway = await createGateway({
    listeners: [{ host: "127.0.0.1", port: 0 }],
    services: [
      { name: "hello", members, weights: [0.01, 1], tryTimeoutMs: 50, maxInFlight: 4, holdMs: 10 },
    ],
  });
  const client = await RawClient.connect(gateway.addresses[0]?.port ?? 0);
  for (let n = 0; n < 20; n++) assert.equal((await client.ask(get("/"))).body, "other");
  assert.ok(other.requests.length >= 20 && backend.requests.length <= 3);
  client.destroy();
});
