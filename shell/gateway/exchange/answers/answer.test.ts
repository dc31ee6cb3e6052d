import assert from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, latin1 } from "../../parser/fixtures/request-reader.ts";
import { readResponses } from "../../parser/fixtures/response-reader.ts";
import { askedHead } from "../../parser/index.ts";
import { refusal, refusalOf, refusals } from "../../refusals.ts";
import { type Answer, buildAnswer, buildOptionsAnswer, dateBytes, writeAnswer } from "./answer.ts";

const date = fromLatin1("Sun, 06 Nov 1994 08:49:37 GMT");

function written(answer: Answer, headOnly: boolean): Uint8Array {
  const target = new Uint8Array(4_096);
  const end = writeAnswer(answer, target, 3, date, headOnly);
  return target.subarray(3, end);
}

test("an answer says status, date, code and cure, and that the connection ends", () => {
  const answer = buildAnswer("unavailable", ["Retry-After: 1"]);
  const body =
    '{"error":{"code":"GATEWAY_UNAVAILABLE","message":"No instance can take the request now; try again soon."}}';
  assert.equal(
    latin1(written(answer, false)),
    "HTTP/1.1 503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
      "Content-Type: application/json\r\nRetry-After: 1\r\n" +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
});

test("the answer to every reason is one that our own parser accepts, with and without its body", () => {
  assert.equal(date.length, dateBytes);
  for (const row of refusals) {
    const answer = buildAnswer(row.reason);
    const whole = readResponses(written(answer, false), []);
    assert.equal(whole.end, "idle", row.reason);
    assert.equal(whole.responses.length, 1, row.reason);
    assert.equal(whole.responses[0]?.facts["status"], row.status);
    assert.equal(whole.responses[0]?.facts["hasDate"], true);
    assert.deepEqual(JSON.parse(whole.responses[0]?.body ?? ""), {
      error: { code: row.code, message: row.message },
    });
    const head = readResponses(written(answer, true), [], { asked: askedHead });
    assert.equal(head.end, "idle", row.reason);
    assert.equal(head.responses[0]?.facts["contentLength"], whole.responses[0]?.body.length);
    assert.doesNotMatch(latin1(answer.bytes), /^HTTP\/1\.1 \d+ \r/, "the status has a phrase");
  }
});

test("OPTIONS * is answered with the methods and without a body", () => {
  const reading = readResponses(written(buildOptionsAnswer(["GET", "HEAD"]), false), []);
  assert.equal(reading.end, "idle");
  assert.match(reading.responses[0]?.head ?? "", /^HTTP\/1\.1 204 .*\r\nAllow: GET, HEAD\r\n/s);
});

test("numbers, labels and codes of refusals belong together", () => {
  for (const [index, row] of refusals.entries()) {
    assert.equal(refusal[row.reason], index + 1);
    assert.equal(refusalOf(index + 1), row);
    assert.match(row.code, /^GATEWAY_[A-Z]+(_[A-Z]+)*$/);
    assert.match(row.message, /^[A-Z].*\.$/, row.reason);
    assert.ok(row.status >= 400 && row.status <= 599);
  }
  assert.throws(() => refusalOf(0), RangeError);
});
