/** Leader routes over real sockets: kills, tunnels, TCP, restarts of the gateway, two gateways. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ServiceView, View } from "@prunella/wire/view";
import { DataPathFixture, electedOf } from "../../lab/peers/data-path-fixture.ts";
import { eventually } from "../../lab/peers/eventually.ts";
import { freePort } from "../../lab/peers/free-port.ts";
import { fieldOf, RawClient } from "../../lab/peers/raw-client.ts";
import {
  type BackendRequest,
  respond,
  type Script,
  ScriptedBackend,
} from "../../lab/peers/scripted-backend.ts";
import { DataPath } from "./data-path.ts";
import { CurrentView } from "./view/current-view.ts";
import { ViewFile } from "./view/view-file.ts";

const get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\npay";
const misdirected = "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n";

/** An instance as our SDK makes it: it works only under the term in which it leads. */
class Elector {
  readonly name: string;
  term = 0;
  /** Whom it passes requests to that name no term. */
  leader: Elector | undefined;
  readonly done: BackendRequest[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get script(): Script {
    return { answer: (request) => this.#answer(request) };
  }

  #answer(request: BackendRequest): string {
    const asked = fieldOf(request.fields, "prunella-term");
    const leader = asked === undefined ? (this.leader ?? this) : this;
    if (leader.term === 0 || (asked !== undefined && Number(asked) !== leader.term)) {
      return misdirected;
    }
    leader.done.push(request);
    return respond(leader.name, `Prunella-Term: ${leader.term}`);
  }
}

async function pair() {
  const [a, b] = [new Elector("a"), new Elector("b")];
  const [first, second] = await Promise.all([
    ScriptedBackend.start(a.script),
    ScriptedBackend.start(b.script),
  ]);
  return { a, b, first, second, members: [first, second] } as const;
}

test("the leader is killed: requests wait for the next one, and every GET gets its answer", async () => {
  const { a, b, first, second, members } = await pair();
  a.term = 1;
  await using _ = second;
  await using fixture = await DataPathFixture.start([electedOf(members, 0, 1)]);
  const clients = await Promise.all(Array.from({ length: 20 }, () => fixture.client()));
  for (const client of clients) assert.equal((await client.ask(get)).body, "a");
  first.kill();
  const answers = clients.map((client) => client.ask(get));
  await eventually("requests to wait", () => fixture.service().held === clients.length);
  b.term = 2;
  fixture.show(electedOf(members, 1, 2));
  for (const answer of await Promise.all(answers)) assert.equal(answer.body, "b");
  assert.equal(fixture.service().leaderTerm, 2);
  assert.equal(fixture.service().leader, "hello-2");
  assert.equal(fixture.service().members[1]?.inFlight, 0);
  for (const client of clients) client.destroy();
});

test("a handover loses nothing: POSTs that the old leader refuses are done by the new one, once", async () => {
  const { a, b, first, second, members } = await pair();
  a.term = 1;
  await using _ = first;
  await using __ = second;
  await using fixture = await DataPathFixture.start([electedOf(members, 0, 1)]);
  const clients = await Promise.all(Array.from({ length: 20 }, () => fixture.client()));
  for (const client of clients) assert.equal((await client.ask(post)).status, 200);
  a.term = 0; // It has stepped down, and no view tells of it yet.
  const answers = clients.map((client) => client.ask(post));
  await eventually("requests to wait", () => fixture.service().held === clients.length);
  b.term = 2;
  fixture.show(electedOf(members, 1, 2));
  for (const answer of await Promise.all(answers)) assert.equal(answer.body, "b");
  assert.deepEqual([a.done.length, b.done.length], [20, 20]);
  for (const client of clients) client.destroy();
});

test("a new term ends tunnels and streams of the old leader, and no client connection beside", async () => {
  const switched = "HTTP/1.1 101 Switch\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n";
  const answers: Readonly<Record<string, string>> = { "/tunnel": switched, "/stream": begun };
  const script: Script = { answer: ({ target }) => answers[target] ?? respond("whole") };
  await using old = await ScriptedBackend.start(script);
  await using next = await ScriptedBackend.start(script);
  const members = [old, next];
  await using fixture = await DataPathFixture.start([electedOf(members, 0, 1)]);
  const [tunnel, stream, other] = [
    await fixture.client(),
    await fixture.client(),
    await fixture.client(),
  ];
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  tunnel.send(`GET /tunnel HTTP/1.1\r\nHost: a\r\n${upgrade}\r\n`);
  await tunnel.untilText("101");
  stream.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  await stream.untilText("old");
  assert.equal((await other.ask(get)).body, "whole");
  fixture.show(electedOf(members, 1, 2));
  await tunnel.untilEnd();
  await stream.untilEnd();
  assert.doesNotMatch(stream.received, /0\r\n\r\n$/, "a cut answer must look cut (G7)");
  await eventually("all connections to the old leader to end", () => old.openCount === 0);
  assert.equal((await other.ask(get)).body, "whole");
  assert.equal(fixture.path.snapshot().clientConnectionsClosed["leader"], 1);
  other.destroy();
});

test("a TCP service that elects: its port leads to the leader, and a new term ends what was open", async () => {
  const greeting = (name: string): Script => ({ opened: (connection) => connection.write(name) });
  await using old = await ScriptedBackend.start(greeting("old"));
  await using next = await ScriptedBackend.start(greeting("next"));
  const port = await freePort();
  const tcp = { host: "127.0.0.1", firstPort: port, lastPort: port, by: "service" } as const;
  const show = (leads: number | undefined, term: number) =>
    electedOf([old, next], leads, term, { routes: [], tcp: [tcp] });
  await using fixture = await DataPathFixture.start([show(0, 1)]);
  await fixture.path.tcpSettled();
  const clients = await Promise.all([RawClient.connect(port), RawClient.connect(port)]);
  for (const client of clients) await client.untilText("old");
  fixture.show(show(1, 2));
  for (const client of clients) await client.untilEnd();
  const after = await RawClient.connect(port);
  await after.untilText("next");
  fixture.show(show(0, 1)); // A view of a lower term changes nothing.
  const still = await RawClient.connect(port);
  await still.untilText("next");
  assert.equal(after.closed, false);
  for (const client of [after, still]) client.destroy();
});

test("G11: the term survives a restart of the gateway, though the last view knew less", async () => {
  const { a, b, first, second, members } = await pair();
  await using _ = first;
  await using __ = second;
  a.term = 3;
  b.term = 7;
  const folder = mkdtempSync(join(tmpdir(), "prunella-leader-"));
  const path = join(folder, "view.json");
  let version = 0;
  const viewOf = (service: ServiceView): View => {
    version += 1;
    return { cluster: "shop", agentTerm: 1, version, controlUrl: "", services: [service] };
  };
  const lesser = [electedOf(members, 0, 3), electedOf(members, undefined, 0)];
  for (const last of lesser) {
    const before = new DataPath({ cluster: "shop" });
    const file = new ViewFile(path);
    const current = new CurrentView("shop", before, file);
    current.offer(viewOf(electedOf(members, 1, 7)), false);
    current.offer(viewOf(last), false);
    await file.settled();
    await before.close();

    const after = new DataPath({ cluster: "shop" });
    const successor = new CurrentView("shop", after, new ViewFile(path));
    successor.load();
    assert.equal(after.snapshot().services[0]?.leaderTerm, 7);
    successor.offer(viewOf(electedOf(members, 0, 3)), false);
    successor.offer(viewOf(electedOf(members, 0, 7)), false); // A conflict is known as well.
    assert.notEqual(after.snapshot().services[0]?.leader, "hello-1");
    successor.offer(viewOf(electedOf(members, 1, 7)), false);
    const { port } = await after.listen({ host: "127.0.0.1", port: 0 });
    const client = await RawClient.connect(port);
    assert.equal((await client.ask(get)).body, "b");
    client.destroy();
    await after.close();
    rmSync(path);
  }
  rmSync(folder, { recursive: true });
});

test("two gateways: the one that has not heard yet is refused by the old leader, and waits", async () => {
  const { a, b, first, second, members } = await pair();
  await using _ = first;
  await using __ = second;
  a.term = 1;
  await using early = await DataPathFixture.start([electedOf(members, 0, 1)]);
  await using late = await DataPathFixture.start([electedOf(members, 0, 1)]);
  const [one, other] = [await early.client(), await late.client()];
  a.term = 0;
  b.term = 2;
  early.show(electedOf(members, 1, 2));
  const waits = other.ask(post);
  assert.equal((await one.ask(post)).body, "b");
  await eventually("the other one to wait", () => late.service().held === 1);
  late.show(electedOf(members, 1, 2));
  assert.equal((await waits).body, "b");
  assert.deepEqual([a.done.length, b.done.length], [0, 2]);
  one.destroy();
  other.destroy();
});

test("no agent, and the leader that the view knows is dead: followers pass requests on", async () => {
  const [a, b, c] = [new Elector("a"), new Elector("b"), new Elector("c")];
  await using second = await ScriptedBackend.start(b.script);
  await using third = await ScriptedBackend.start(c.script);
  const members = [{ port: await freePort() }, second, third];
  const service = electedOf(members, 0, 1, { followers: "proxy" });
  await using fixture = await DataPathFixture.start([service], { limits: { leaderNewsMs: 50 } });
  b.term = 2;
  for (const each of [a, b, c]) each.leader = b;
  const client = await fixture.client();
  for (let n = 0; n < 10; n++) {
    assert.equal((await client.ask(n % 2 === 0 ? get : post)).body, "b");
  }
  assert.equal(b.done.length, 10);
  assert.equal(fixture.service().leaderTerm, 1, "only a view moves the route");
  client.destroy();
});
