import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hashByte, hashEnd, hashKey, hashStart } from "./key-hash.ts";

const encoder = new TextEncoder();

test("known keys have the hashes that every gateway and every release agrees on", () => {
  assert.equal(hashKey("").toString(16), "ab3e7c0b");
  assert.equal(hashKey("a").toString(16), "1a80b1b3");
  assert.equal(hashKey("foobar").toString(16), "c0da6dc");
  assert.equal(hashKey("/home").toString(16), "e6a63baf");
});

test("a string hashes as the bytes that it has on the wire", () => {
  const samples = [
    "ä",
    "€",
    "𝄞",
    "日本語",
    "a\u0000b",
    "\u007f\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}",
  ];
  for (const text of samples) assert.equal(hashKey(text), hashKey(encoder.encode(text)), text);

  let beyondAscii = 0;
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer(), (text, seed) => {
      if (encoder.encode(text).length > text.length) beyondAscii++;
      assert.equal(hashKey(text, seed), hashKey(encoder.encode(text), seed));
    }),
    { seed: 1, numRuns: 5_000 },
  );
  assert.ok(beyondAscii > 1_000, `only ${beyondAscii} strings needed more than one byte a unit`);
});

test("half a surrogate pair hashes as the replacement character, as encoders write it", () => {
  for (const text of ["\ud800", "\udc00", "a\ud834", "\udd1e\ud834", "\ud834x"]) {
    assert.equal(hashKey(text), hashKey(encoder.encode(text)));
  }
});

test("folding byte by byte gives the hash of the whole, however a parser cuts it", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.integer(), (bytes, seed) => {
      let state = hashStart(seed);
      for (const byte of bytes) state = hashByte(state, byte);
      assert.equal(hashEnd(state), hashKey(bytes, seed));
    }),
    { seed: 2, numRuns: 2_000 },
  );
});

test("a hash is an unsigned 32-bit integer, and the seed changes nearly all of them", () => {
  let changed = 0;
  fc.assert(
    fc.property(fc.string(), (text) => {
      const hash = hashKey(text, 7);
      assert.ok(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32);
      if (hash !== hashKey(text)) changed++;
    }),
    { seed: 3, numRuns: 1_000 },
  );
  assert.ok(changed > 990, `the seed changed only ${changed} of 1000 hashes`);
});

// Goal: the high bits, which alone choose the slot, are even for the keys that people use.
test("numbered paths fall evenly into 256 parts of the table", () => {
  const counts = new Uint32Array(256);
  for (let index = 0; index < 256_000; index++) {
    const part = hashKey(`/user/${index}`) >>> 24;
    counts[part] = (counts[part] ?? 0) + 1;
  }
  // Mean 1000, deviation 32: six deviations of a fair draw.
  for (const count of counts) assert.ok(count > 800 && count < 1_200, `${count} of about 1000`);
});
