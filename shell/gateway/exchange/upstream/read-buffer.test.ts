/**
 * Goal: members read into shared memory, yet no client ever gets a byte of another answer, or one
 * from another place of its own (G3).
 * Method: bodies in which each place differs, streamed side by side to clients that stop reading
 * until all buffers are full; and a link that keeps what it is given while the buffer is written over.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { CoreBench } from "../../../../lab/peers/core-bench.ts";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { ScriptedBackend } from "../../../../lab/peers/scripted-backend.ts";

const bodyBytes = 12_000_017;
const haltMs = 150;
const clientCount = 3;

/** The body of one answer: numbers of eight digits in a row, each answer with its own. */
function bodyOf(index: number): Buffer {
  const body = Buffer.alloc(bodyBytes, ".");
  for (let at = 0; at + 8 <= bodyBytes; at += 1_000) body.write(`${10_000_000 * index + at}`, at);
  return body;
}

function answerOf(index: number, framing: string): readonly Buffer[] {
  const body = bodyOf(index);
  const line = {
    length: `Content-Length: ${bodyBytes}`,
    chunked: "Transfer-Encoding: chunked",
    close: "X-Framing: none",
  }[framing];
  const head = Buffer.from(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`);
  if (framing !== "chunked") return [head, body];
  return [head, Buffer.from(`${bodyBytes.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")];
}

for (const framing of ["length", "chunked", "close"]) {
  test(`answers that stream side by side to halting clients stay whole: ${framing}`, async () => {
    await using backend = await ScriptedBackend.start({
      answer: ({ target }, { socket }) => {
        for (const piece of answerOf(Number(target.slice(1)), framing)) socket.write(piece);
        if (framing === "close") socket.end();
        return undefined;
      },
    });
    await using fixture = await DataPathFixture.start([serviceOf([backend])]);
    const indexes = Array.from({ length: clientCount }, (_, index) => index);
    const answers = await Promise.all(indexes.map((index) => receive(fixture.port, index)));
    for (const [index, answer] of answers.entries()) {
      const received = framing === "length" ? answer : dechunked(answer);
      assert.ok(received.equals(bodyOf(index)), `answer ${index}`);
    }
  });
}

/** The body as it comes, for a client that halts twice until all buffers of the system are full. */
async function receive(port: number, index: number): Promise<Buffer> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(`GET /${index} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const pieces: Buffer[] = [];
  socket.on("data", (bytes) => {
    pieces.push(bytes);
    if (pieces.length !== 1 && pieces.length !== 20 + index) return;
    socket.pause();
    setTimeout(() => socket.resume(), haltMs);
  });
  await once(socket, "end");
  socket.destroy();
  const all = Buffer.concat(pieces);
  return all.subarray(all.indexOf("\r\n\r\n") + 4);
}

function dechunked(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2;
    pieces.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
  return Buffer.concat(pieces);
}

for (const framing of ["Content-Length: 100000", "Transfer-Encoding: chunked", "X: y"]) {
  test(`what the first piece of a stream brought outlives its buffer: ${framing}`, () => {
    const bench = new CoreBench(1);
    const { client, link } = bench.accept();
    const written: Uint8Array[] = [];
    link.write = (bytes) => written.push(bytes) > 0; // As a socket that still has to send it.
    bench.send(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    bench.openAll();
    const [upstream] = bench.upstreams;
    assert.ok(upstream);
    const chunk = framing.includes("chunked") ? "c350\r\n" : "";
    const piece = Buffer.from(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${chunk}${"z".repeat(40_000)}`);
    bench.core.upstreamBytes(upstream.upstream, piece, bench.nowMs);
    piece.fill("h");
    const text = Buffer.concat(written).toString("latin1");
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(text.match(/z/g)?.length, 40_000);
  });
}
