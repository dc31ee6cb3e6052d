/**
 * Goal: members read into shared memory, yet no client ever gets a byte of another one's answer (G3).
 * Method: bodies of one letter each, streamed at the same time, to clients that stop reading for a
 * while so that views have to wait in sockets.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { ScriptedBackend } from "../../../lab/peers/scripted-backend.ts";

const bodyBytes = 3_000_017;
const letters = [..."ghijklmn"];

function answerTo(target: string): Buffer {
  const letter = target.slice(1, 2);
  const framing = target.endsWith("chunked")
    ? "Transfer-Encoding: chunked"
    : target.endsWith("close")
      ? "X: y"
      : `Content-Length: ${bodyBytes}`;
  const head = `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`;
  const body = Buffer.alloc(bodyBytes, letter);
  if (!target.endsWith("chunked")) return Buffer.concat([Buffer.from(head), body]);
  const size = `${bodyBytes.toString(16)}\r\n`;
  return Buffer.concat([Buffer.from(head + size), body, Buffer.from("\r\n0\r\n\r\n")]);
}

for (const framing of ["length", "chunked", "close"]) {
  test(`answers that stream side by side to halting clients stay apart: ${framing}`, async () => {
    await using backend = await ScriptedBackend.start({
      answer: ({ target }, { socket }) => {
        socket.write(answerTo(target));
        if (framing === "close") socket.end();
        return undefined;
      },
    });
    await using fixture = await DataPathFixture.start([serviceOf([backend])]);
    const sums = await Promise.all(
      letters.map((letter, index) => letterCounts(fixture.port, `/${letter}${framing}`, index)),
    );
    for (const [index, { head, others, bytes }] of sums.entries()) {
      assert.match(head, /^HTTP\/1\.1 200/);
      assert.deepEqual(others, [], `${letters[index]} got bytes of others`);
      assert.ok(bytes >= bodyBytes, `${letters[index]} got ${bytes} bytes`);
    }
  });
}

type Counts = { readonly head: string; readonly others: readonly string[]; readonly bytes: number };

/** Reads the answer with pauses; which lines of framing are allowed between the letters is known. */
async function letterCounts(port: number, target: string, index: number): Promise<Counts> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  const pieces: Buffer[] = [];
  let pauses = 0;
  socket.on("data", (bytes) => {
    pieces.push(bytes);
    if (pieces.length % 5 !== index % 5 || pauses === 3) return;
    pauses += 1;
    socket.pause();
    void delay(20).then(() => socket.resume());
  });
  await once(socket, "end");
  socket.destroy();
  const all = Buffer.concat(pieces).toString("latin1");
  const headEnd = all.indexOf("\r\n\r\n") + 4;
  const body = all
    .slice(headEnd)
    .replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, "")
    .replaceAll("\r\n", "");
  const others = new Set(body);
  others.delete(target.slice(1, 2));
  return { head: all.slice(0, headEnd), others: [...others], bytes: body.length };
}
