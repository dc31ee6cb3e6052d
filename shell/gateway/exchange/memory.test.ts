/** Bounds under pressure: what streams does not pile up, and what is half-sent costs little. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import type { RawClient } from "../../../lab/peers/raw-client.ts";
import {
  type BackendConnection,
  respond,
  ScriptedBackend,
} from "../../../lab/peers/scripted-backend.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const mebi = 1_048_576;
const piece = Buffer.alloc(65_536, 0x78);

/** Writes pieces for as long as the socket takes them. */
function pump(connection: BackendConnection, pieceCount: number): { sent: number } {
  const progress = { sent: 0 };
  const next = () => {
    while (progress.sent < pieceCount) {
      progress.sent += 1;
      if (!connection.socket.write(piece)) break;
    }
    if (progress.sent < pieceCount) connection.socket.once("drain", next);
  };
  next();
  return progress;
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** The highest value of what buffers take, garbage apart, sampled while `work` is under way. */
async function peakBufferMiB(work: Promise<unknown>): Promise<number> {
  let peak = 0;
  let samples = 0;
  const sampling = setInterval(() => {
    collect();
    samples += 1;
    peak = Math.max(peak, process.memoryUsage().arrayBuffers);
  }, 20);
  await work;
  clearInterval(sampling);
  assert.ok(samples >= 3, "otherwise this shows nothing");
  return peak / mebi;
}

test("100 MiB stream to a client with flat memory", async () => {
  const count = (100 * mebi) / piece.length;
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${100 * mebi}\r\n\r\n`);
      pump(connection, count);
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client(false);
  client.send(get("/"));
  const peak = await peakBufferMiB(
    client
      .until(() => client.byteCount > 100 * mebi, "100 MiB")
      .catch((error) => {
        throw new Error(`${client.byteCount} bytes came`, { cause: error });
      }),
  );
  assert.ok(peak < 30, `${peak} MiB in buffers, of three parties together`);
  await client.until(() => fixture.service().requests["2xx"] === 1, "the end of the exchange");
  client.destroy();
});

test("100 MiB stream to a member in chunks with flat memory", async () => {
  let received = 0;
  await using backend = await ScriptedBackend.start({
    bytes: (connection, bytes) => {
      received += bytes.length;
      if (bytes.subarray(-5).toString() === "0\r\n\r\n") connection.write(respond("thanks"));
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = Buffer.concat([Buffer.from("10000\r\n"), piece, Buffer.from("\r\n")]);
  let left = (100 * mebi) / piece.length;
  const next = () => {
    while (left > 0) {
      left -= 1;
      if (!client.socket.write(chunk)) break;
    }
    if (left > 0) client.socket.once("drain", next);
    else client.send("0\r\n\r\n");
  };
  next();
  const peak = await peakBufferMiB(client.untilText("thanks"));
  assert.ok(received > 100 * mebi);
  assert.ok(peak < 30, `${peak} MiB in buffers, of three parties together`);
  client.destroy();
});

test("clients that never read stop their members after little", async () => {
  const pumps: { sent: number }[] = [];
  // 64 MiB each: the system alone keeps up to 10 MB a connection.
  const pieceCount = 1_024;
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${pieceCount * piece.length}\r\n\r\n`);
      pumps.push(pump(connection, pieceCount));
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const clients: RawClient[] = [];
  for (let n = 0; n < 10; n++) {
    const client = await fixture.client(false);
    client.socket.pause();
    client.send(get(`/${n}`));
    clients.push(client);
  }
  const first = clients[0];
  assert.ok(first);
  await first.until(() => pumps.length === clients.length, "all to be answered");
  let lastSum = -1;
  let lookedMs = 0;
  await first.until(() => {
    if (performance.now() - lookedMs < 300) return false;
    lookedMs = performance.now();
    const sum = pumps.reduce((total, { sent }) => total + sent, 0);
    const stands = sum === lastSum;
    lastSum = sum;
    return stands;
  }, "the members to be stopped");
  assert.ok(pumps.every(({ sent }) => sent < pieceCount));
  const { bufferedBytes } = fixture.path.snapshot();
  // One piece each way and what the client's socket does not take.
  assert.ok(bufferedBytes < clients.length * 4 * piece.length, `${bufferedBytes} bytes`);
  first.socket.resume();
  await first.until(() => first.byteCount > pieceCount * piece.length, "the rest");
  for (const client of clients) client.destroy();
});

test("half-sent heads cost little and block nobody", async () => {
  await using backend = await ScriptedBackend.start({ answer: () => respond("ok") });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const half: RawClient[] = [];
  for (let n = 0; n < 400; n++) {
    const client = await fixture.client(false);
    half.push(client.send(`GET /${n} HTTP/1.1\r\nHost: a\r\nX-Half: `));
  }
  const client = await fixture.client();
  assert.equal((await client.ask(get("/"))).status, 200);
  await client.until(() => fixture.path.snapshot().bufferedBytes > 400 * 30, "a tick");
  assert.ok(fixture.path.snapshot().bufferedBytes < 400 * 100);
  for (const each of half) each.send("now\r\n\r\n");
  await client.until(() => fixture.service().requests["2xx"] === 401, "all of them to be served");
  for (const each of [client, ...half]) each.destroy();
});

test("a head of 1 MiB is answered 431 and not read on", async () => {
  await using backend = await ScriptedBackend.start({ answer: () => respond("ok") });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const client = await fixture.client();
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(mebi)}\r\n\r\n`);
  assert.match(await client.untilEnd(), /^HTTP\/1\.1 431 /);
  await client.until(() => client.closed || client.ended, "the end");
  assert.ok(fixture.path.snapshot().bytes.clientIn < mebi / 2);
  assert.equal(backend.requests.length, 0);
  client.destroy();
});

test("above the bound of all buffers new requests get 503, and later ones are served again", async () => {
  await using backend = await ScriptedBackend.start({
    answer: ({ target }, connection) => {
      if (target !== "/large") return respond("ok");
      connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${10 * mebi}\r\n\r\n`);
      pump(connection, 160);
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])], {
    limits: { bufferedBytesMax: 20_000 },
  });
  const slow = await fixture.client(false);
  slow.socket.pause();
  slow.send(get("/large"));
  await slow.until(() => fixture.path.snapshot().bufferedBytes > 20_000, "full buffers");
  const client = await fixture.client();
  const refused = await client.ask(get("/"));
  assert.equal(refused.status, 503);
  assert.match(refused.body, /GATEWAY_OVERLOADED/);
  slow.destroy();
  await client.until(() => fixture.path.snapshot().bufferedBytes < 20_000, "room again");
  const later = await fixture.client();
  assert.equal((await later.ask(get("/"))).status, 200);
  later.destroy();
});
