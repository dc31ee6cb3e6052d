import assert from "node:assert/strict";
import { test } from "node:test";
import { requestInput, responseInput } from "../../../lab/fuzz/campaign.ts";
import { responseDifference } from "../../../lab/fuzz/node-client-judge.ts";
import {
  difference,
  forwardingDifference,
  knownDifferences,
} from "../../../lab/fuzz/node-difference.ts";
import { NodeJudge } from "../../../lab/fuzz/node-judge.ts";
import { chunkCases } from "./fixtures/chunk-cases.ts";
import { requestFieldCases } from "./fixtures/request-field-cases.ts";
import { requestForwardingCases } from "./fixtures/request-forwarding-cases.ts";
import { requestFramingCases } from "./fixtures/request-framing-cases.ts";
import { requestLineCases } from "./fixtures/request-line-cases.ts";
import { fromLatin1, readRequests } from "./fixtures/request-reader.ts";
import { responseCases } from "./fixtures/response-cases.ts";
import { targetFormCases } from "./fixtures/target-form-cases.ts";

// Goal: no input means one thing to us and another to a strict instance behind us. What we accept, Node
// accepts as the same method, target, fields, body and trailers; what we forward, too.
// Method: every row of the tables and generated messages, read by both.

test("what we accept of the tables, Node accepts with the same meaning", async () => {
  const judge = new NodeJudge();
  const rows = [
    ...requestLineCases,
    ...targetFormCases,
    ...requestFieldCases,
    ...requestFramingCases,
    ...requestForwardingCases,
    ...chunkCases,
  ].filter((row) => row.limits === undefined);
  const problems: string[] = [];
  let accepted = 0;
  for (const row of rows) {
    const input = fromLatin1(row.input);
    const problem = await difference(input, judge);
    if (problem !== undefined) problems.push(`${row.name}: ${problem.slice(0, 500)}`);
    if (typeof row.expect !== "string") accepted++;
  }
  assert.deepEqual(problems, []);
  assert.ok(accepted > 50, `only ${accepted} rows are accepted`);
});

test("what we accept of generated messages, Node accepts, and so it does what we forward", async () => {
  const judge = new NodeJudge();
  let compared = 0;
  for (let seed = 1; seed <= 4_000; seed++) {
    const input = requestInput(seed);
    const problem = await difference(input, judge);
    assert.equal(problem, undefined, `seed ${seed}`);
    for (const request of readRequests(input, []).requests) {
      compared++;
      assert.equal(await forwardingDifference(request, judge), undefined, `seed ${seed}`);
    }
  }
  assert.ok(compared > 1_000, `only ${compared} requests were compared`);
});

test("what we accept of responses, Node's client reads in the same way", async () => {
  let compared = 0;
  for (const row of responseCases) {
    const { problem } = await responseDifference(fromLatin1(row.input), "GET");
    assert.equal(problem, undefined, row.name);
  }
  for (let seed = 1; seed <= 8_000; seed++) {
    const method = seed % 4 === 0 ? "HEAD" : "GET";
    const verdict = await responseDifference(responseInput(seed), method);
    assert.equal(verdict.problem, undefined, `seed ${seed}, ${method}`);
    if (verdict.compared) compared++;
  }
  assert.ok(compared > 1_000, `only ${compared} responses were compared`);
});

test("each known difference is one still: Node accepts it and we refuse it", async () => {
  const judge = new NodeJudge();
  for (const { reason, pattern, example } of knownDifferences) {
    const shown = JSON.stringify(example.slice(0, 200));
    const input = fromLatin1(example);
    assert.equal(readRequests(input, []).end, reason, shown);
    assert.ok(pattern === undefined || pattern.test(example), shown);
    const node = await judge.read(input);
    assert.equal(node.refusal, undefined, `Node refuses ${shown}: drop the row`);
    assert.equal(node.requests.length, 1, shown);
  }
});
