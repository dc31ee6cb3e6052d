import assert from "node:assert/strict";
import { test } from "node:test";
import { hashKey } from "@prunella/core/ring";
import { ascii } from "./byte-classes.ts";
import { fromLatin1, latin1 } from "./fixtures/request-reader.ts";
import {
  ByteRange,
  createRequestLimits,
  findCookie,
  findHeader,
  findQuery,
  hashRange,
  parseRequestHead,
  RequestHead,
} from "./index.ts";

const limits = createRequestLimits();
const range = new ByteRange();

function parsed(
  text: string,
  seed = 0,
): { readonly bytes: Uint8Array; readonly head: RequestHead } {
  const bytes = fromLatin1(`..${text}`); // Offsets are absolute: nothing starts at 0.
  const head = new RequestHead();
  const own = seed === 0 ? limits : createRequestLimits({ hashSeed: seed });
  assert.equal(parseRequestHead(bytes, 2, bytes.length, own, head), 0);
  return { bytes, head };
}

type Find = typeof findQuery;

function found(find: Find, text: string, name: string): string | undefined {
  const { bytes, head } = parsed(text);
  return find(bytes, head, ascii(name), range) ? latin1(bytes, range.start, range.end) : undefined;
}

test("the hash of the path is the ring's hash of the same bytes", () => {
  const vectors = [
    ["", 0xab3e7c0b],
    ["a", 0x1a80b1b3],
    ["foobar", 0x0c0da6dc],
    ["/home", 0xe6a63baf],
  ] as const;
  for (const [text, hash] of vectors) {
    const bytes = fromLatin1(`x${text}y`);
    assert.equal(hashRange(bytes, 1, 1 + text.length, 0), hash, text);
  }
  assert.equal(parsed("GET /home HTTP/1.1\r\nHost: a\r\n\r\n").head.pathHash, 0xe6a63baf);
  assert.equal(parsed("GET /home?x=/y HTTP/1.1\r\nHost: a\r\n\r\n").head.pathHash, 0xe6a63baf);
  for (const path of ["/", "/a/b", "/%41~;=", `/${"long/".repeat(300)}`]) {
    for (const seed of [0, 1, 0xdeadbeef]) {
      const request = parsed(`GET ${path}?q HTTP/1.1\r\nHost: a\r\n\r\n`, seed);
      assert.equal(request.head.pathHash, hashKey(path, seed), `${path} with seed ${seed}`);
      const absolute = parsed(`GET http://b${path} HTTP/1.1\r\nHost: a\r\n\r\n`, seed);
      assert.equal(absolute.head.pathHash, hashKey(path, seed), `absolute ${path}`);
    }
  }
  assert.equal(parsed("GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n").head.pathHash, hashKey("/"));
});

test("a query key is the first non-empty value of its exact name", () => {
  const query = (text: string, name = "id"): string | undefined =>
    found(findQuery, `GET /id=0${text} HTTP/1.1\r\nHost: a\r\n\r\n`, name);
  assert.equal(query("?id=123456"), "123456");
  assert.equal(query("?a=1&id=2&id=3"), "2");
  assert.equal(query("?&&id=2&"), "2");
  assert.equal(query("?x=?id=1&id=a=b?c"), "a=b?c");
  assert.equal(query("?id=&id=5"), "5");
  assert.equal(query("?ID=5"), undefined);
  assert.equal(query("?xid=5&idx=6&id"), undefined);
  assert.equal(query("?%69d=5"), undefined, "nothing is decoded");
  assert.equal(query("?id"), undefined);
  assert.equal(query("?"), undefined);
  assert.equal(query(""), undefined);
});

test("a header key is the first non-empty value, whatever the case, dropped or not", () => {
  const header = (lines: string, name: string): string | undefined =>
    found(findHeader, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, name);
  assert.equal(header("X-Request-ID: \t42 \r\n", "x-request-id"), "42");
  assert.equal(header("A:\r\na: 2\r\nA: 3\r\n", "a"), "2");
  assert.equal(header("AB: 1\r\n", "a"), undefined);
  assert.equal(header("", "a"), undefined);
});

test("repeated fields can be walked one by one", () => {
  const text = "GET / HTTP/1.1\r\nX-Forwarded-For: 1\r\nHost: a\r\nx-forwarded-for: 2, 3\r\n\r\n";
  const { bytes, head } = parsed(text);
  const values: string[] = [];
  let from = head.fieldsStart;
  while (findHeader(bytes, head, ascii("x-forwarded-for"), range, from)) {
    values.push(latin1(bytes, range.start, range.end));
    from = range.next;
  }
  assert.deepEqual(values, ["1", "2, 3"]);
});

test("a cookie key is the first of its exact name over all Cookie lines", () => {
  const cookie = (lines: string, name = "sid"): string | undefined =>
    found(findCookie, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`, name);
  assert.equal(cookie("Cookie: a=b; sid=xyz; sid=2\r\n"), "xyz");
  assert.equal(cookie("Cookie:sid=xyz\r\n"), "xyz");
  assert.equal(cookie("Cookie: a=1;sid=2 ;b=3\r\n"), "2");
  assert.equal(cookie('Cookie: sid="q"\r\n'), '"q"');
  assert.equal(cookie("Cookie: a=1\r\ncookie: sid=2\r\n"), "2");
  assert.equal(cookie("Cookie: SID=1; xsid=2; sid\r\n"), undefined);
  assert.equal(cookie("X: sid=1\r\n"), undefined);
  assert.equal(cookie("Cookie: sid=; sid=2\r\n"), "2");
});
