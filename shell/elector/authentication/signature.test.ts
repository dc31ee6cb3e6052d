import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  answerMac,
  isSameMac,
  type RequestHead,
  readAnswerHeader,
  readRequestHeader,
  requestHeader,
  requestMac,
} from "./signature.ts";

const key = { kid: "0c1d2e3f", secret: Buffer.from("an example key, 32 bytes long...") };

const head: RequestHead = {
  method: "POST",
  path: "/receive_election",
  cluster: "fortune",
  from: "fortune-1",
  to: "fortune-2",
  boot: "4f1c0a9b8c7d6e5f",
  seq: 17,
};

test("the example of the protocol page has this code, so that other languages can check theirs", () => {
  assert.equal(
    requestMac(key, head, '{"v":2}'),
    "5ec01e3b524d3c995db500ba557cf4ab05cdc5634cd38ee3252a1e26f836f3d3",
  );
});

test("a header reads back as it was written", () => {
  for (const nonce of [undefined, "00ff"]) {
    const full = nonce === undefined ? head : { ...head, nonce };
    const mac = requestMac(key, full, "");
    const stated = readRequestHeader(requestHeader(key, full, mac));
    assert.deepEqual(stated, {
      kid: key.kid,
      from: head.from,
      boot: head.boot,
      seq: head.seq,
      mac,
      ...(nonce === undefined ? {} : { nonce }),
    });
  }
});

test("changing any part of a message changes its code", () => {
  const original = requestMac(key, head, "body");
  const others: readonly [RequestHead, string][] = [
    [{ ...head, method: "GET" }, "body"],
    [{ ...head, path: "/declare_leader" }, "body"],
    [{ ...head, cluster: "other" }, "body"],
    [{ ...head, from: "fortune-3" }, "body"],
    [{ ...head, to: "fortune-3" }, "body"],
    [{ ...head, boot: "4f1c0a9b8c7d6e5e" }, "body"],
    [{ ...head, seq: 18 }, "body"],
    [{ ...head, nonce: "1" }, "body"],
    [head, "Body"],
  ];
  const codes = others.map(([changed, body]) => requestMac(key, changed, body));
  assert.equal(new Set([original, ...codes]).size, others.length + 1);
});

test("an answer belongs to one question, one status and one body", () => {
  const codes = [
    answerMac(key, "a", 200, "ok"),
    answerMac(key, "b", 200, "ok"),
    answerMac(key, "a", 409, "ok"),
    answerMac(key, "a", 200, "no"),
  ];
  assert.equal(new Set(codes).size, 4);
  assert.equal(isSameMac(codes[0] ?? "", codes[0] ?? ""), true);
  assert.equal(isSameMac(codes[0] ?? "", codes[1] ?? ""), false);
  assert.equal(isSameMac(codes[0] ?? "", ""), false);
});

test("no text at all is mistaken for a header, and none throws", () => {
  const mac = requestMac(key, head, "");
  const good = requestHeader(key, head, mac);
  const broken = [
    undefined,
    "",
    "v1",
    good.replace("v1", "v2"),
    good.replace("seq=17", "seq=-1"),
    good.replace("seq=17", "seq=17 seq=18"),
    good.replace("seq=17", "seq=9999999999999999"),
    good.replace(mac, mac.slice(1)),
    good.replace("from=fortune-1", "from=fort\nune"),
    `${good} ${"x".repeat(2_000)}`,
  ];
  for (const text of broken) assert.equal(readRequestHeader(text), undefined, `${text}`);
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(readRequestHeader(text), undefined);
      assert.equal(readAnswerHeader(text), undefined);
    }),
    { seed: 7 },
  );
});
