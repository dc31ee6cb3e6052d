import assert from "node:assert/strict";
import { test } from "node:test";
import { chunkCases } from "./fixtures/chunk-cases.ts";
import { type RequestCase, requestFailures } from "./fixtures/request-case.ts";
import { requestFieldCases } from "./fixtures/request-field-cases.ts";
import { requestForwardingCases } from "./fixtures/request-forwarding-cases.ts";
import { requestFramingCases } from "./fixtures/request-framing-cases.ts";
import { requestLineCases } from "./fixtures/request-line-cases.ts";
import { targetFormCases } from "./fixtures/target-form-cases.ts";

// Goal: every rule of the request side, with G5: the outcome does not depend on the cuts.
// Method: one row per rule; each is read whole, byte by byte, cut in two at every position, between
// two good requests, and with a shared head that remembers another request.
const tables: readonly (readonly [string, readonly RequestCase[]])[] = [
  ["request lines", requestLineCases],
  ["targets that are no path", targetFormCases],
  ["fields", requestFieldCases],
  ["body framing", requestFramingCases],
  ["what is forwarded", requestForwardingCases],
  ["chunked bodies", chunkCases],
];

for (const [what, cases] of tables) {
  test(`the table of ${what} holds for every way to cut the bytes`, () => {
    assert.deepEqual(requestFailures(cases), []);
  });
}
