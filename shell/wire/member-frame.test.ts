import assert from "node:assert/strict";
import { test } from "node:test";
import { memberFrame, memberFrameBytesMax, readMemberFrame, refusalFrame } from "./member-frame.ts";

const read = (text: string) => readMemberFrame(Buffer.from(text, "latin1"));

test("a frame names the member, and what follows is not looked at", () => {
  const frame = memberFrame("counter-2");
  assert.equal(frame, "PRUNELLA/1 TO counter-2\n");
  const complete = { state: "complete", member: "counter-2", byteCount: frame.length };
  assert.deepEqual(read(frame), complete);
  assert.deepEqual(read(`${frame}PRUNELLA/1 TO counter-3\n\0`), complete);
  assert.equal(refusalFrame("unknown-member"), "PRUNELLA/1 REFUSED unknown-member\n");
});

test("every beginning of a frame asks for more", () => {
  const frame = memberFrame("counter-2");
  for (let end = 0; end < frame.length; end++) {
    assert.deepEqual(read(frame.slice(0, end)), { state: "more" });
  }
});

test("what is no frame is known at its first wrong byte", () => {
  const wrong = [
    ...["GET", "P\n", "prunella/1 TO a\n", "PRUNELLA/2", "PRUNELLA/1 TO\n", "\n"],
    ...["PRUNELLA/1 TO \n", "PRUNELLA/1 TO a b\n", "PRUNELLA/1 TO a\r\n", "PRUNELLA/1 TO ../a\n"],
    ...["PRUNELLA/1 TO \xe9\n", `PRUNELLA/1 TO ${"a".repeat(64)}\n`],
  ];
  for (const text of wrong) assert.deepEqual(read(text), { state: "malformed" }, text);
});

test("a frame that does not end is refused at its longest", () => {
  const endless = `PRUNELLA/1 TO ${"a".repeat(1_000)}`;
  assert.deepEqual(read(endless.slice(0, memberFrameBytesMax - 1)), { state: "more" });
  assert.deepEqual(read(endless.slice(0, memberFrameBytesMax)), { state: "malformed" });
  assert.deepEqual(read(`${endless}\n`), { state: "malformed" });
});
