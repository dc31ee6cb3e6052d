import assert from "node:assert/strict";
import { test } from "node:test";
import { responseFailures } from "./fixtures/response-case.ts";
import { responseCases } from "./fixtures/response-cases.ts";

// Goal: every rule of the response side, with G5. Method: as in `request-parser.test.ts`.
test("the table of responses holds for every way to cut the bytes", () => {
  assert.deepEqual(responseFailures(responseCases), []);
});
