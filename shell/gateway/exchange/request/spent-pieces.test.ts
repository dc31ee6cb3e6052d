/**
 * Goal: memory that is given back as soon as a piece of an upload has left costs no byte of any
 * upload, and not of the request behind it either (G2).
 * Method: bodies in which each place differs, one behind the other on one connection, to a member
 * that takes them at once and to one that stops reading until all buffers are full.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { ScriptedBackend } from "../../../../lab/peers/scripted-backend.ts";

const bodyBytes = 6_000_000;
const haltMs = 100;

function bodyOf(index: number, size: number): string {
  const numbers = Array.from({ length: size / 8 }, (_, at) => `${10_000_000 * (index + 1) + at}`);
  return numbers.join("").padEnd(size, ".");
}

function request(index: number, size: number, isChunked: boolean): string {
  const body = bodyOf(index, size);
  const head = `POST /${index} HTTP/1.1\r\nHost: a\r\n`;
  if (!isChunked) return `${head}Content-Length: ${size}\r\n\r\n${body}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

for (const isChunked of [false, true]) {
  for (const halts of [false, true]) {
    const name = `${isChunked ? "chunks" : "a length"}, ${halts ? "a halting member" : "a ready member"}`;
    test(`uploads behind each other arrive whole: ${name}`, async () => {
      await using backend = await ScriptedBackend.start({
        bytes: ({ socket }) => {
          if (!halts || socket.bytesRead < 200_000 || socket.bytesRead > 1_000_000) return;
          socket.pause();
          setTimeout(() => socket.resume(), haltMs);
        },
        answer: ({ target }) => `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${target}`,
      });
      await using fixture = await DataPathFixture.start([serviceOf([backend])]);
      const client = connect({ port: fixture.port, host: "127.0.0.1" });
      let answers = "";
      client.on("data", (bytes) => {
        answers += bytes;
      });
      const sizes = [bodyBytes, 80_000, bodyBytes, 16];
      for (const [index, size] of sizes.entries()) {
        client.write(request(index, size, isChunked), "latin1");
      }
      while (!answers.endsWith("/3")) await once(client, "data");
      client.destroy();
      const received = backend.connections.flatMap(({ requests }) => requests);
      assert.deepEqual(
        received.map(({ target }) => target),
        ["/0", "/1", "/2", "/3"],
      );
      for (const [index, { body }] of received.entries()) {
        assert.ok(body === bodyOf(index, sizes[index] ?? 0), `body ${index}`);
      }
    });
  }
}
