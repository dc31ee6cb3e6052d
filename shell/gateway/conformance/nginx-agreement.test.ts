/**
 * Goal: a second judge with another parser. What we accept and forward, nginx reads as the same number of
 * requests with the same method, target and length of the body.
 * Method: rows of the tables and generated messages through real sockets. nginx refuses some of what we
 * accept (a path that leaves the root, a bad percent code): that is counted, and harms nobody.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { splitAnswers } from "../../../lab/fuzz/answers.ts";
import { requestInput } from "../../../lab/fuzz/campaign.ts";
import { converse, piecesOf } from "../../../lab/fuzz/conversation.ts";
import { Draws } from "../../../lab/fuzz/draws.ts";
import { cutsFrom } from "../../../lab/fuzz/oracles.ts";
import { expectationOf } from "../../../lab/fuzz/socket-judge.ts";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { eventually } from "../../../lab/peers/eventually.ts";
import { NginxBackend, nginxMissing } from "../../../lab/peers/nginx-backend.ts";
import { fieldOf } from "../../../lab/peers/raw-client.ts";
import { chunkCases } from "../parser/fixtures/chunk-cases.ts";
import { requestFieldCases } from "../parser/fixtures/request-field-cases.ts";
import { requestForwardingCases } from "../parser/fixtures/request-forwarding-cases.ts";
import { requestFramingCases } from "../parser/fixtures/request-framing-cases.ts";
import { requestLineCases } from "../parser/fixtures/request-line-cases.ts";
import {
  defaultReaderOptions,
  fromLatin1,
  type ReadRequest,
} from "../parser/fixtures/request-reader.ts";
import { targetFormCases } from "../parser/fixtures/target-form-cases.ts";

const generated = 2_000;
const lanes = 16;
/** Thousands of pieces of one input would take longer than all other inputs together. */
const cutBytesMax = 1_000;

function inputs(): readonly Uint8Array[] {
  const rows = [
    ...requestLineCases,
    ...targetFormCases,
    ...requestFieldCases,
    ...requestFramingCases,
    ...requestForwardingCases,
    ...chunkCases,
  ].filter((row) => row.limits === undefined && row.chunkLimits === undefined);
  const good = "GET /good HTTP/1.1\r\nHost: good\r\n\r\n";
  return [
    ...rows.map((row) => fromLatin1(good + row.input + good)),
    ...Array.from({ length: generated }, (_, index) => requestInput(index + 1_000_000)),
  ];
}

function seenAs(request: ReadRequest): string {
  const { method, target, body, facts } = request;
  const hasLength = facts["chunked"] === true || Number(facts["contentLength"]) >= 0;
  return `${method} ${target} ${hasLength && body.length > 0 ? body.length : ""}`.trim();
}

test("nginx reads what we forward as the same requests", {
  skip: nginxMissing() ?? false,
}, async () => {
  await using backend = await NginxBackend.start();
  const service = serviceOf([backend], { routes: [{ prefix: "/" }, { prefix: "/x" }] });
  await using fixture = await DataPathFixture.start([service], { cluster: "judged" });
  const problems: string[] = [];
  const answered: string[] = [];
  let refusedByNginx = 0;
  let seed = 0;
  const next = inputs().values();
  const work = async (): Promise<void> => {
    for (const input of next) {
      seed += 1;
      const cuts = input.length > cutBytesMax ? [] : cutsFrom(new Draws(seed), input.length);
      const { requests } = expectationOf(input, defaultReaderOptions);
      const heard = await converse(fixture.port, piecesOf(input, cuts)).catch(String);
      if (typeof heard === "string") {
        problems.push(`${heard} for ${JSON.stringify(Buffer.from(input).toString("latin1"))}`);
        continue;
      }
      const { received } = heard;
      const { finals } = splitAnswers(
        received,
        requests.map(({ method }) => method),
      );
      for (const [index, request] of requests.entries()) {
        if (request.facts["asterisk"] === true) continue;
        const answer = finals[index];
        const seen = answer && fieldOf(answer.fields, "x-seen");
        if (answer?.status === 200 && seen !== undefined) {
          answered.push(`200 ${request.method} ${request.target}`);
          if (seen.replace(/ 0$/, "") !== seenAs(request)) {
            problems.push(`nginx read "${seen}" instead of "${seenAs(request)}"`);
          }
        } else if (answer !== undefined && answer.status >= 400 && answer.status < 500) {
          refusedByNginx += 1;
        } else {
          const text = Buffer.from(input).toString("latin1");
          problems.push(`${answer?.status} for ${JSON.stringify(text)}: ${received.slice(0, 300)}`);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  assert.deepEqual(problems.slice(0, 10), []);
  // nginx writes its log after the answer has left.
  await eventually("nginx to log all", () => backend.answered().length >= answered.length);
  assert.deepEqual(backend.answered().toSorted(), answered.toSorted());
  assert.ok(answered.length > 1_000, `only ${answered.length} requests were compared`);
  assert.ok(refusedByNginx < answered.length / 5, `nginx refused ${refusedByNginx}`);
});
