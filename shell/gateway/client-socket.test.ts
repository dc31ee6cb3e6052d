/**
 * Goal: an accepted connection that is read past the queue of its stream loses nothing, keeps its
 * order, stops when told to, and ends like any other socket.
 * Method: real sockets on loopback; the far side sends what each test says and is never simulated.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { ClientSocket } from "./client-socket.ts";

type Pair = AsyncDisposable & {
  readonly far: Socket;
  readonly near: Socket;
  readonly link: ClientSocket;
  /** Copies of what came. */
  readonly pieces: Buffer[];
  /** What came itself. */
  readonly received: Uint8Array[];
  /** Runs with each piece, after it was noted. */
  onPiece: () => void;
  /** What the core would say of each piece. */
  isSpent: boolean;
};

async function pairOf(): Promise<Pair> {
  const server = createServer({ noDelay: true, allowHalfOpen: true });
  const pieces: Buffer[] = [];
  const received: Uint8Array[] = [];
  const accepted = new Promise<Omit<Pair, "far" | typeof Symbol.asyncDispose>>((resolve) => {
    server.once("connection", (near) => {
      const link = new ClientSocket(near);
      const half = { near, link, pieces, received, onPiece: () => undefined, isSpent: false };
      link.attach((bytes) => {
        pieces.push(Buffer.from(bytes));
        received.push(bytes);
        pair.onPiece();
        return pair.isSpent;
      });
      near.on("error", () => undefined);
      resolve(half);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  far.on("error", () => undefined);
  const pair: Pair = {
    ...(await accepted),
    far,
    [Symbol.asyncDispose]: async () => {
      far.destroy();
      pair.near.destroy();
      server.close();
      await once(server, "close");
    },
  };
  return pair;
}

/** Bytes in which each place differs from its neighbours. */
function numbered(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32BE(at, at);
  return bytes;
}

function sizeOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!holds()) {
    assert.ok(performance.now() < deadlineMs, `not in time: ${what}`);
    await turn();
  }
}

const largeBytes = 8_000_000;

test("a connection that pauses at every piece loses nothing and keeps the order", async () => {
  await using pair = await pairOf();
  const sent = numbered(largeBytes);
  let pauses = 0;
  pair.onPiece = () => {
    pair.link.pause();
    pauses += 1;
    setImmediate(() => pair.link.resume());
  };
  const ended = once(pair.near, "end");
  pair.far.end(sent);
  await ended;
  assert.ok(pauses > 50, `${pauses} pauses mean little`);
  assert.ok(Buffer.concat(pair.pieces).equals(sent));
});

test("while it is paused at most one more piece comes, and the sender is held back", async () => {
  await using pair = await pairOf();
  pair.link.pause();
  let drained = false;
  pair.far.on("drain", () => {
    drained = true;
  });
  pair.far.write(numbered(largeBytes));
  await until("the refused piece", () => pair.pieces.length === 1);
  for (let turns = 0; turns < 1_000; turns++) await turn();
  assert.equal(pair.pieces.length, 1);
  assert.equal(drained, false);
  pair.link.resume();
  await until("the rest", () => sizeOf(pair.pieces) === largeBytes);
});

test("a pause that is taken back within the same piece stops nothing", async () => {
  await using pair = await pairOf();
  pair.onPiece = () => {
    pair.link.pause();
    pair.link.resume();
  };
  pair.far.end(numbered(largeBytes));
  await once(pair.near, "end");
  assert.equal(sizeOf(pair.pieces), largeBytes);
});

test("a pause between two pieces that is taken back before the next stops nothing", async () => {
  await using pair = await pairOf();
  pair.far.write("one");
  await until("the first", () => pair.pieces.length === 1);
  pair.link.pause();
  pair.link.resume();
  pair.far.end("two");
  await once(pair.near, "end");
  assert.equal(Buffer.concat(pair.pieces).toString(), "onetwo");
});

test("the end waits behind a pause and comes after the last byte, once", async () => {
  await using pair = await pairOf();
  let ends = 0;
  pair.near.on("end", () => {
    ends += 1;
  });
  pair.onPiece = () => pair.link.pause();
  pair.far.end("last words");
  await until("the words", () => pair.pieces.length === 1);
  for (let turns = 0; turns < 200; turns++) await turn();
  assert.equal(ends, 0);
  pair.link.resume();
  await until("the end", () => ends > 0);
  pair.link.resume();
  for (let turns = 0; turns < 200; turns++) await turn();
  assert.equal(ends, 1);
});

test("after the end of the far side an answer still arrives, and then both sides close", async () => {
  await using pair = await pairOf();
  let answer = "";
  pair.far.on("data", (bytes) => {
    answer += bytes;
  });
  const closed = once(pair.near, "close");
  pair.far.end("question");
  await once(pair.near, "end");
  assert.equal(pair.near.writable, true);
  pair.link.write(Buffer.from("answer"));
  pair.link.end();
  const [hadError] = await closed;
  await until("the answer", () => answer === "answer");
  assert.equal(hadError, false);
});

test("a connection that ends without a byte says so", async () => {
  await using pair = await pairOf();
  pair.far.end();
  await once(pair.near, "end");
  assert.equal(pair.pieces.length, 0);
  const closed = once(pair.near, "close");
  pair.link.end();
  await closed;
});

for (const how of ["destroy", "resetAndDestroy"] as const) {
  test(`a connection closed by ${how} within a piece gets no other and stays safe to use`, async () => {
    await using pair = await pairOf();
    pair.onPiece = () => pair.link[how]();
    const closed = once(pair.near, "close");
    pair.far.write(numbered(largeBytes));
    await closed;
    const { length } = pair.pieces;
    pair.link.pause();
    pair.link.resume();
    pair.link.end();
    pair.link.destroy();
    for (let turns = 0; turns < 100; turns++) await turn();
    assert.equal(length, 1);
    assert.equal(pair.pieces.length, 1);
  });
}

test("a connection destroyed while its reading is stopped closes, and resuming it does nothing", async () => {
  await using pair = await pairOf();
  pair.onPiece = () => pair.link.pause();
  pair.far.write(numbered(largeBytes));
  await until("the refused piece", () => pair.pieces.length === 1);
  const closed = once(pair.near, "close");
  pair.link.destroy();
  pair.link.resume();
  await closed;
  assert.equal(pair.pieces.length, 1);
});

test("a reset by the far side is an error and then a close, never an end", async () => {
  await using pair = await pairOf();
  const seen: string[] = [];
  pair.near.on("end", () => seen.push("end"));
  pair.near.on("error", () => seen.push("error"));
  pair.far.write("half a question");
  await until("the bytes", () => pair.pieces.length === 1);
  const closed = new Promise<void>((resolve) => pair.near.once("close", () => resolve()));
  pair.far.resetAndDestroy();
  await closed;
  assert.deepEqual(seen, ["error"]);
});

test("the memory of a large piece that nobody holds is given back at once, of others never", async () => {
  for (const isSpent of [true, false]) {
    await using pair = await pairOf();
    pair.isSpent = isSpent;
    pair.far.end(numbered(largeBytes));
    await once(pair.near, "end");
    assert.equal(sizeOf(pair.pieces), largeBytes);
    const large = pair.received.filter((_, index) => (pair.pieces[index]?.length ?? 0) >= 16_384);
    assert.ok(large.length > 50, `${large.length} large pieces mean little`);
    assert.ok(large.every(({ byteLength }) => (byteLength === 0) === isSpent));
  }
});
