/** Ports by first frame, ports with a role, and the PROXY header, over real sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memberFrame, memberFrameBytesMax } from "@prunella/wire/member-frame";
import type { ServiceView, TcpView } from "@prunella/wire/view";
import { DataPathFixture, electedOf, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { EchoServer } from "../../../lab/peers/echo-server.ts";
import { eventually } from "../../../lab/peers/eventually.ts";
import { freePort } from "../../../lab/peers/free-port.ts";
import { RawClient } from "../../../lab/peers/raw-client.ts";
import { createGateway } from "../gateway.ts";
import type { Limits } from "../limits.ts";

type Ends = Parameters<typeof serviceOf>[0];

function portOf(port: number, changes: Partial<TcpView>): Pick<ServiceView, "routes" | "tcp"> {
  const tcp = { host: "127.0.0.1", firstPort: port, lastPort: port, by: "service" as const };
  return { routes: [], tcp: [{ ...tcp, ...changes }] };
}

async function open(
  services: readonly ServiceView[],
  limits: Partial<Limits> = {},
): Promise<DataPathFixture> {
  const fixture = await DataPathFixture.start(services, { limits });
  await fixture.path.tcpSettled();
  return fixture;
}

async function framed(
  members: Ends,
  limits: Partial<Limits> = {},
  changes: Partial<TcpView> = {},
): Promise<{ readonly port: number; readonly fixture: DataPathFixture }> {
  const port = await freePort();
  const by = "first-frame" as const;
  const fixture = await open([serviceOf(members, portOf(port, { by, ...changes }))], limits);
  return { port, fixture };
}

/** Everything that comes until the connection ends. */
async function answerTo(port: number, ...pieces: readonly string[]): Promise<string> {
  const client = await RawClient.connect(port);
  for (const piece of pieces) client.send(piece);
  await client.untilEnd();
  client.destroy();
  return client.received;
}

test("the first frame names the member, which gets it too, and all that follows", async () => {
  await using a = await EchoServer.start("a");
  await using b = await EchoServer.start("b");
  const { port, fixture } = await framed([a, b]);
  await using _ = fixture;
  for (const [member, server] of [
    ["hello-2", b],
    ["hello-1", a],
  ] as const) {
    const client = await RawClient.connect(port);
    client.send(`${memberFrame(member)}and more`).end();
    await client.untilEnd();
    assert.equal(server.received, `${memberFrame(member)}and more`);
    assert.match(client.received, /^[ab] PRUNELLA\/1 TO hello-[12]\nand more$/);
    assert.equal(client.wasReset, false);
  }
  const sent = 2 * (memberFrame("hello-1").length + "and more".length);
  assert.deepEqual(fixture.service().tcpBytes, { in: sent, out: sent + 4 });
});

test("a frame may come byte by byte, and nothing reaches a member before it is complete", async () => {
  await using a = await EchoServer.start("a");
  const { port, fixture } = await framed([a]);
  await using _ = fixture;
  const client = await RawClient.connect(port);
  for (const byte of memberFrame("hello-1")) {
    assert.equal(a.sockets.length, 0);
    client.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.untilText("a PRUNELLA/1 TO hello-1\n");
  client.send("x");
  await client.untilText("hello-1\nx");
  client.destroy();
});

test("whoever names nobody is told so, and no member hears of it", async () => {
  await using a = await EchoServer.start("a");
  const { port, fixture } = await framed([a, { port: a.port, state: "starting" }]);
  await using _ = fixture;
  const unknown = "PRUNELLA/1 REFUSED unknown-member\n";
  assert.equal(await answerTo(port, memberFrame("hello-9"), "secret"), unknown);
  const malformed = "PRUNELLA/1 REFUSED malformed\n";
  assert.equal(await answerTo(port, "GET / HTTP/1.1\r\n\r\n"), malformed);
  const endless = `PRUNELLA/1 TO ${"a".repeat(memberFrameBytesMax)}`;
  assert.equal(await answerTo(port, endless, "a"), malformed);
  assert.equal(await answerTo(port, memberFrame("hello-2")), "PRUNELLA/1 REFUSED unavailable\n");
  const counts = fixture.service().tcpConnections;
  assert.deepEqual([counts["unknown-member"], counts["bad-frame"], counts["no-member"]], [1, 2, 1]);
  assert.equal(a.sockets.length, 0);
});

test("a member that does not accept is not replaced by a sibling: the client is told", async () => {
  await using b = await EchoServer.start("b");
  const { port, fixture } = await framed([{ port: await freePort() }, b]);
  await using _ = fixture;
  assert.equal(await answerTo(port, memberFrame("hello-1")), "PRUNELLA/1 REFUSED unavailable\n");
  assert.equal(fixture.service().tcpConnections["connect-failed"], 1);
  assert.equal(b.sockets.length, 0);
});

test("a client that says nothing, or leaves before its frame is whole, holds nothing", async () => {
  await using a = await EchoServer.start("a");
  const { port, fixture } = await framed([a], { tcpFrameMs: 50, tcpConnectionsMax: 2 });
  await using _ = fixture;
  assert.equal(await answerTo(port), "PRUNELLA/1 REFUSED late\n");
  const half = await RawClient.connect(port);
  half.send("PRUNELLA/1 TO hel").end();
  await half.untilEnd();
  assert.equal(half.received, "");
  const gone = await RawClient.connect(port);
  gone.destroy();
  const count = () => fixture.service().tcpConnections["no-frame"];
  await eventually("three without a frame", () => count() === 3);
  // None of them counts any more.
  const clients = [await RawClient.connect(port), await RawClient.connect(port)];
  for (const client of clients) client.send(memberFrame("hello-1"));
  for (const client of clients) await client.untilText("hello-1");
  for (const client of clients) client.destroy();
});

test("connections without a frame count against the bound", async () => {
  await using a = await EchoServer.start("a");
  const { port, fixture } = await framed([a], { tcpConnectionsMax: 2, tcpFrameMs: 60_000 });
  await using _ = fixture;
  const silent = [await RawClient.connect(port), await RawClient.connect(port)];
  const third = await RawClient.connect(port);
  third.send(memberFrame("hello-1"));
  await third.untilEnd();
  assert.equal(third.received, "");
  assert.equal(fixture.service().tcpConnections["too-many"], 1);
  for (const client of silent) client.destroy();
});

test("PROXY v2 tells the member who the client is, before the first byte of the client", async () => {
  await using a = await EchoServer.start("a");
  const { port, fixture } = await framed([a], {}, { proxyProtocol: "v2" });
  await using _ = fixture;
  const client = await RawClient.connect(port);
  client.send(memberFrame("hello-1"));
  await client.untilText("hello-1");
  const { localPort = 0 } = client.socket;
  const header = Buffer.from(a.received.slice(0, 28), "latin1");
  assert.equal(header.toString("hex", 0, 16), "0d0a0d0a000d0a515549540a2111000c");
  assert.deepEqual([...header.subarray(16, 24)], [127, 0, 0, 1, 127, 0, 0, 1]);
  assert.deepEqual([header.readUInt16BE(24), header.readUInt16BE(26)], [localPort, port]);
  assert.equal(a.received.slice(28), memberFrame("hello-1"));
  assert.equal(fixture.service().tcpBytes["in"], memberFrame("hello-1").length);
  client.destroy();
});

test("the library takes first frames too", async () => {
  await using a = await EchoServer.start("a");
  const port = await freePort();
  await using _ = await createGateway({
    listeners: [{ host: "127.0.0.1", port: 0 }],
    services: [
      {
        name: "store",
        members: [`127.0.0.1:${a.port}`],
        tcp: { port, by: "first-frame", proxyProtocol: "v2" },
      },
    ],
  });
  const client = await RawClient.connect(port);
  client.send(memberFrame("store-1"));
  await client.untilText("store-1\n");
  assert.match(a.received, /QUIT\n!/);
  client.destroy();
});

test("the primary's port follows the leader, the replicas' port goes to the others", async () => {
  await using a = await EchoServer.start("a");
  await using b = await EchoServer.start("b");
  await using c = await EchoServer.start("c");
  const [writes, reads] = [await freePort(), await freePort()];
  const ports = {
    routes: [],
    tcp: [
      ...(portOf(writes, {}).tcp ?? []), // The primary is what an elected service has by itself.
      ...(portOf(reads, { role: "replicas" }).tcp ?? []),
    ],
  };
  await using fixture = await open([electedOf([a, b, c], 0, 1, ports)]);
  const lineTo = async (port: number) => {
    const client = await RawClient.connect(port);
    await client.until((text) => text.length === 2, "a name");
    return client;
  };
  const writer = await lineTo(writes);
  const readers = [await lineTo(reads), await lineTo(reads), await lineTo(reads)];
  assert.equal(writer.received, "a ");
  const names = readers.map(({ received }) => received).toSorted();
  assert.ok(names.includes("b ") && names.includes("c ") && !names.includes("a "), `${names}`);

  fixture.show(electedOf([a, b, c], 1, 2, ports));
  await eventually("the end of what the old leader had", () => writer.closed);
  assert.equal(writer.wasReset, true);
  const next = await lineTo(writes);
  assert.equal(next.received, "b ");
  for (const reader of readers) reader.send("still here");
  for (const reader of readers) await reader.untilText("still here");

  // Alone, the leader reads for itself as well.
  const others = [
    { port: a.port, state: "starting" as const },
    b,
    { port: c.port, state: "starting" as const },
  ];
  fixture.show(electedOf(others, 1, 2, ports));
  const last = await lineTo(reads);
  assert.equal(last.received, "b ");
  for (const client of [next, last, ...readers]) client.destroy();
});
