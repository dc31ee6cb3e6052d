import assert from "node:assert/strict";
import { test } from "node:test";
import { requestInput, responseInput } from "../../../lab/fuzz/campaign.ts";
import { accepted, more, refusal } from "../refusals.ts";
import { dirtyHeads } from "./fixtures/request-case.ts";
import { factsOf, fromLatin1 } from "./fixtures/request-reader.ts";
import { dirtyResponseHeads } from "./fixtures/response-case.ts";
import { responseFactsOf } from "./fixtures/response-reader.ts";
import {
  ChunkScanner,
  createRequestLimits,
  defaultResponseLimits,
  keepFraming,
  parseRequestHead,
  parseResponseHead,
  RequestHead,
  ResponseHead,
  requestChunkLimits,
  resumeRequestHead,
  resumeResponseHead,
} from "./index.ts";

const limits = createRequestLimits();

// Goal: G5, byte by byte: after each byte a resumed head gives the verdict that a fresh parse of the
// same prefix gives, and once there is a verdict, more bytes do not change it.
test("G5: a verdict on a request is a function of the prefix and never changes", () => {
  let refused = 0;
  for (let seed = 1; seed <= 3_000; seed++) {
    const input = requestInput(seed);
    const resumed = new RequestHead();
    let verdict = parseRequestHead(input, 0, 0, limits, resumed);
    for (let end = 1; end <= input.length; end++) {
      const fresh = new RequestHead();
      const wanted = parseRequestHead(input, 0, end, limits, fresh);
      if (verdict === more) verdict = resumeRequestHead(input, end, limits, resumed);
      assert.equal(verdict, wanted, `seed ${seed}, byte ${end}`);
      if (verdict !== accepted) continue;
      assert.deepEqual(factsOf(input, resumed), factsOf(input, fresh), `seed ${seed}`);
      break;
    }
    if (verdict > 0) refused++;
  }
  assert.ok(refused > 500 && refused < 2_500, `${refused} of 3,000 were refused`);
});

test("G5: a verdict on a response is a function of the prefix and never changes", () => {
  let taken = 0;
  for (let seed = 1; seed <= 2_000; seed++) {
    const input = responseInput(seed);
    const resumed = new ResponseHead();
    let verdict = parseResponseHead(input, 0, 0, defaultResponseLimits, 0, resumed);
    for (let end = 1; end <= input.length; end++) {
      const fresh = new ResponseHead();
      const wanted = parseResponseHead(input, 0, end, defaultResponseLimits, 0, fresh);
      if (verdict === more) {
        verdict = resumeResponseHead(input, end, defaultResponseLimits, 0, resumed);
      }
      assert.equal(verdict, wanted, `seed ${seed}, byte ${end}`);
      if (verdict !== accepted) continue;
      assert.deepEqual(responseFactsOf(input, resumed), responseFactsOf(input, fresh));
      taken++;
      break;
    }
  }
  assert.ok(taken > 300, `only ${taken} of 2,000 were accepted`);
});

test("a head that was used before reads as a new one, field by field", () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const input = requestInput(seed);
    const fresh = new RequestHead();
    const verdict = parseRequestHead(input, 0, input.length, limits, fresh);
    for (const dirty of dirtyHeads()) {
      assert.equal(parseRequestHead(input, 0, input.length, limits, dirty), verdict);
      if (verdict === accepted) assert.deepEqual(visible(dirty), visible(fresh), `seed ${seed}`);
    }
    const answer = responseInput(seed);
    const freshAnswer = new ResponseHead();
    const result = parseResponseHead(
      answer,
      0,
      answer.length,
      defaultResponseLimits,
      0,
      freshAnswer,
    );
    for (const dirty of dirtyResponseHeads()) {
      parseResponseHead(answer, 0, answer.length, defaultResponseLimits, 0, dirty);
      if (result === accepted) assert.deepEqual(visible(dirty), visible(freshAnswer));
    }
  }
});

/** Ends of absent ranges and the rest of the arrays are nobody's business. */
function visible(head: RequestHead | ResponseHead): Readonly<Record<string, unknown>> {
  const { connection, drops, ...fields } = head;
  const all: Record<string, unknown> = { ...fields };
  for (const name of Object.keys(fields)) {
    const start = name.replace(/(?:Name)?End$/, "Start");
    if (start !== name && all[start] === -1) delete all[name];
  }
  for (const scratch of ["faultAt", "scanned"]) delete all[scratch];
  return {
    ...all,
    drops: [...drops.subarray(0, 2 * head.dropCount)],
    close: connection.close,
    keepAlive: connection.keepAlive,
    upgrade: connection.upgrade,
    nominated: [...connection.nominated.subarray(0, 2 * connection.nominatedCount)],
  };
}

// Goal: G6: a head that trickles costs a constant per byte. Method: count every read of the input.
test("G6: the largest head, byte by byte, is read a few times per byte and no more", () => {
  const filler = `X: ${"a".repeat(100)}\r\n`;
  const shapes = [
    `GET / HTTP/1.1\r\nHost: a\r\n${filler.repeat(125)}\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\nA: ${"a".repeat(15_000)}\r\n\r\n`,
    `GET /${"a".repeat(8_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\nConnection: ${Array.from({ length: 32 }, (_, n) => `x${n}`).join()}\r\n${"x7: a\r\n".repeat(126)}\r\n`,
  ];
  for (const shape of shapes) {
    const { bytes, reads } = counted(shape);
    const head = new RequestHead();
    let verdict = parseRequestHead(bytes, 0, 1, limits, head);
    for (let end = 2; end <= shape.length; end++) {
      assert.equal(verdict, more);
      verdict = resumeRequestHead(bytes, end, limits, head);
    }
    assert.equal(verdict, accepted);
    const perByte = reads() / shape.length;
    assert.ok(perByte < 20, `${perByte.toFixed(1)} reads per byte of ${shape.slice(0, 40)}`);
  }
});

test("G6: a chunked body and its trailers, byte by byte, are read a few times per byte", () => {
  const shape = `${"1;a=b\r\nx\r\n".repeat(500)}0\r\n${"X-A: b\r\n".repeat(30)}X: ${"a".repeat(7_000)}\r\n\r\n`;
  const { bytes, reads } = counted(shape);
  const scanner = new ChunkScanner();
  scanner.reset(requestChunkLimits, keepFraming);
  let verdict = more;
  for (let at = 0; at < shape.length; at++) {
    assert.equal(verdict, more);
    verdict = scanner.scan(bytes, at, at + 1);
  }
  assert.equal(verdict, accepted);
  assert.ok(reads() / shape.length < 4, `${reads() / shape.length} reads per byte`);
});

test("a line that never ends is refused at the limit, not before and not later", () => {
  const head = new RequestHead();
  const bytes = fromLatin1(`GET / HTTP/1.1\r\nA: ${"a".repeat(20_000)}`);
  assert.equal(parseRequestHead(bytes, 0, 15_359, limits, head), more);
  assert.equal(resumeRequestHead(bytes, 15_360, limits, head), refusal["head-large"]);
});

/** Bytes that count how often they are looked at. */
function counted(text: string): { readonly bytes: Uint8Array; readonly reads: () => number } {
  let reads = 0;
  const target = fromLatin1(text);
  const bytes = new Proxy(target, {
    get(array, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads++;
      const value: unknown = Reflect.get(array, key, array);
      return typeof value === "function" ? value.bind(array) : value;
    },
  });
  return { bytes, reads: () => reads };
}
