/** TCP services over real sockets: who gets a connection, how it ends, and what a view changes. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { ServiceView } from "@prunella/wire/view";
import {
  DataPathFixture,
  type MemberShape,
  serviceOf,
} from "../../../lab/peers/data-path-fixture.ts";
import { EchoServer as Echo } from "../../../lab/peers/echo-server.ts";
import { eventually } from "../../../lab/peers/eventually.ts";
import { freePort, freePorts } from "../../../lab/peers/free-port.ts";
import { RawClient } from "../../../lab/peers/raw-client.ts";
import { createGateway } from "../gateway.ts";

function tcpOf(members: readonly MemberShape[], firstPort: number, lastPort?: number): ServiceView {
  const by = lastPort === undefined ? ("service" as const) : ("member" as const);
  const tcp = { host: "127.0.0.1", firstPort, lastPort: lastPort ?? firstPort, by };
  return serviceOf(members, { routes: [], tcp: [tcp] });
}

async function open(service: ServiceView, limits = {}): Promise<DataPathFixture> {
  const fixture = await DataPathFixture.start([service], { limits });
  await fixture.path.tcpSettled();
  return fixture;
}

test("connections go to the member with the fewest, and bytes pass both ways", async () => {
  await using a = await Echo.start("a");
  await using b = await Echo.start("b");
  const port = await freePort();
  await using fixture = await open(tcpOf([a, b], port));
  const clients: RawClient[] = [];
  for (let n = 0; n < 10; n++) {
    const client = await RawClient.connect(port);
    await client.until((text) => text.length === 2, "a name");
    client.send("hello");
    await client.untilText("hello");
    clients.push(client);
  }
  assert.deepEqual([a.openCount, b.openCount], [5, 5]);
  for (const client of clients.filter(({ received }) => received.startsWith("a"))) client.end();
  await eventually("half of them to end", () => a.openCount === 0);
  await eventually("a to be free", () => fixture.service().members[0]?.inFlight === 0);
  assert.equal(fixture.service().members[1]?.inFlight, 5);
  for (let n = 0; n < 5; n++) {
    const client = await RawClient.connect(port);
    assert.match(await client.until((text) => text.length === 2, "a name"), /^a/);
    clients.push(client);
  }
  assert.equal(fixture.service().tcpConnections["relayed"], 15);
  for (const client of clients) client.destroy();
  await eventually("nothing in flight", () =>
    fixture.service().members.every(({ inFlight }) => inFlight === 0),
  );
  assert.deepEqual(fixture.service().tcpBytes, { in: 50, out: 80 });
});

test("a half-close passes: the answer comes after the client's FIN, and then the member's FIN", async () => {
  await using a = await Echo.start("a");
  const port = await freePort();
  await using fixture = await open(tcpOf([a], port));
  const client = await RawClient.connect(port);
  client.send("all of it").end();
  await client.untilEnd();
  assert.equal(client.received, "a all of it");
  assert.equal(client.wasReset, false);
  await eventually("nothing in flight", () => fixture.service().members[0]?.inFlight === 0);
});

test("a slow reader holds its member back, and nothing is lost", async () => {
  await using a = await Echo.start("a");
  const port = await freePort();
  await using fixture = await open(tcpOf([a], port));
  const client = await RawClient.connect(port, false);
  await client.until(() => client.byteCount === 2, "the name");
  client.socket.pause();
  const size = 64 * 1024 * 1024;
  const block = Buffer.alloc(1024 * 1024, 7);
  let taken = 0;
  const sending = (async () => {
    for (let sent = 0; sent < size; sent += block.length) {
      if (!client.socket.write(block)) await once(client.socket, "drain");
      taken = sent;
    }
    client.end();
  })();
  const member = a.sockets[0];
  assert.ok(member);
  let before = -1;
  let standsSince = 0;
  await eventually("everything to stand still", () => {
    if (member.bytesRead !== before) standsSince = performance.now();
    before = member.bytesRead;
    return before > 0 && performance.now() - standsSince > 200;
  });
  assert.ok(taken < size / 2, `${taken} bytes were taken from a client that does not read`);
  client.socket.resume();
  await sending;
  await client.untilEnd();
  assert.equal(client.byteCount, size + 2);
  assert.ok(fixture.service().tcpBytes["out"] === size + 2);
});

test("a member that does not accept is passed over once, before any byte was sent", async () => {
  await using b = await Echo.start("b");
  const port = await freePort();
  const dead = { port: await freePort() };
  await using fixture = await open(tcpOf([dead, b], port));
  for (let n = 0; n < 6; n++) {
    const client = await RawClient.connect(port);
    client.send("x");
    await client.untilText("b x");
    client.destroy();
  }
  assert.ok((fixture.service().members[0]?.faults["connect"] ?? 0) > 0);
  fixture.show(tcpOf([dead, { port: await freePort() }], port));
  const nobody = await RawClient.connect(port);
  await nobody.untilEnd();
  assert.equal(fixture.service().tcpConnections["connect-failed"], 1);
});

test("each member has its port; one that is gone closes at once, and its port comes back to it", async () => {
  await using a = await Echo.start("a");
  await using b = await Echo.start("b");
  const first = await freePorts(3);
  const last = first + 2;
  await using fixture = await open(tcpOf([a, b], first, last));
  const ask = async (port: number): Promise<string> => {
    const client = await RawClient.connect(port);
    client.end();
    await client.untilEnd();
    return client.received;
  };
  assert.deepEqual([await ask(first), await ask(first + 1), await ask(last)], ["a ", "b ", ""]);
  const gone = tcpOf([{ port: a.port, state: "leaving" }, b], first, last);
  fixture.show(gone);
  assert.deepEqual([await ask(first), await ask(first + 1)], ["", "b "]);
  fixture.show(tcpOf([{ port: a.port, incarnation: 2 }, b], first, last));
  assert.equal(await ask(first), "a ");
});

test("a new incarnation ends the connections to the old one; those of others live", async () => {
  await using a = await Echo.start("a");
  await using b = await Echo.start("b");
  const port = await freePort();
  await using fixture = await open(tcpOf([a, b], port));
  const clients = [await RawClient.connect(port), await RawClient.connect(port)];
  for (const client of clients) await client.until((text) => text.length === 2, "a name");
  fixture.show(tcpOf([{ port: a.port, incarnation: 2 }, b], port));
  const [ofA, ofB] = [
    clients.find((c) => c.received === "a "),
    clients.find((c) => c.received === "b "),
  ];
  assert.ok(ofA && ofB);
  await eventually("the end of the old one", () => ofA.closed);
  assert.equal(ofA.wasReset, true, "it must not look like a clean end");
  ofB.send("still here");
  await ofB.untilText("still here");
  ofB.destroy();
});

test("G16: a draining member gets no new connection, and the old ones have tunnelDrainMs", async () => {
  await using a = await Echo.start("a");
  await using b = await Echo.start("b");
  const port = await freePort();
  await using fixture = await open(tcpOf([a], port), { tunnelDrainMs: 600 });
  const old = await RawClient.connect(port);
  await old.untilText("a ");
  fixture.show(tcpOf([{ port: a.port, state: "draining" }, b], port));
  const next = await RawClient.connect(port);
  await next.untilText("b ");
  old.send("not cut yet");
  await old.untilText("not cut yet");
  await eventually("its time to be over", () => old.closed);
  next.send("goes on");
  await next.untilText("goes on");
  next.destroy();
});

test("ports open and close with views, and touch nothing else", async () => {
  await using a = await Echo.start("a");
  const [one, other] = [await freePort(), await freePort()];
  await using fixture = await open(tcpOf([a], one));
  const client = await RawClient.connect(one);
  await client.untilText("a ");
  const second = {
    ...tcpOf([{ port: a.port, id: "two-1" }], other),
    name: "two" as ServiceView["name"],
  };
  fixture.show(tcpOf([a], one), second);
  await fixture.path.tcpSettled();
  const later = await RawClient.connect(other);
  await later.untilText("a ");
  fixture.show(tcpOf([a], one));
  await assert.rejects(RawClient.connect(other), { code: "ECONNREFUSED" });
  await eventually("the connections of a service that is gone to end", () => later.closed);
  client.send("untouched");
  await client.untilText("untouched");
  client.destroy();
});

test("a port that is taken is told, tried again, and costs the others nothing", async () => {
  await using a = await Echo.start("a");
  await using squatter = await Echo.start("squatter");
  const facts: string[] = [];
  const first = squatter.port;
  const fixture = await DataPathFixture.start([tcpOf([a], first)], {
    report: ({ type }) => facts.push(type),
  });
  await fixture.path.tcpSettled();
  assert.match(
    fixture.path.snapshot().tcpPorts[0]?.problem ?? "",
    /hello cannot have port .*EADDRINUSE/,
  );
  assert.deepEqual(facts, ["port-refused"]);
  await squatter[Symbol.asyncDispose]();
  await eventually("the port to be had", () => fixture.path.snapshot().tcpPorts[0]?.open === true);
  const client = await RawClient.connect(first);
  await client.untilText("a ");
  client.destroy();
  await fixture[Symbol.asyncDispose]();
});

test("the number of connections is bounded, and beyond it they are closed at once", async () => {
  await using a = await Echo.start("a");
  const port = await freePort();
  await using fixture = await open(tcpOf([a], port), { tcpConnectionsMax: 2 });
  const clients = [await RawClient.connect(port), await RawClient.connect(port)];
  for (const client of clients) await client.untilText("a ");
  const third = await RawClient.connect(port);
  await third.untilEnd();
  assert.equal(third.received, "");
  assert.equal(fixture.service().tcpConnections["too-many"], 1);
  for (const client of clients) client.destroy();
});

test("the library has TCP services, and refuses a port that is taken", async () => {
  await using a = await Echo.start("a");
  const [port, first] = [await freePort(), await freePort()];
  const members = [`127.0.0.1:${a.port}`];
  const listeners = [{ host: "127.0.0.1", port: 0 }];
  await using gateway = await createGateway({
    listeners,
    services: [
      { name: "any", members, tcp: { port } },
      { name: "each", members, tcp: { ports: [first, first] } },
    ],
  });
  for (const door of [port, first]) {
    const client = await RawClient.connect(door);
    client.send("x");
    await client.untilText("a x");
    client.destroy();
  }
  assert.equal((await fetch(`http://127.0.0.1:${gateway.addresses[0]?.port}/`)).status, 404);
  const again = createGateway({ listeners, services: [{ name: "any", members, tcp: { port } }] });
  await assert.rejects(again, { code: "PORT_TAKEN" });
  await gateway.drain(100);
  await assert.rejects(RawClient.connect(port), { code: "ECONNREFUSED" });
});
