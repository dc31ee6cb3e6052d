import assert from "node:assert/strict";
import { test } from "node:test";
import { proxyHeader } from "./proxy-header.ts";

const signature = "0d0a0d0a000d0a515549540a";

test("both ends over IPv4, also where the system writes them as IPv6", () => {
  const expected = `${signature}2111000cc0000201cb0071fe3039189c`;
  for (const prefix of ["", "::ffff:"]) {
    const header = proxyHeader({
      ...{ remoteAddress: `${prefix}192.0.2.1`, remotePort: 12_345 },
      ...{ localAddress: `${prefix}203.0.113.254`, localPort: 6_300 },
    });
    assert.equal(header.toString("hex"), expected);
  }
});

test("both ends over IPv6, however short they are written", () => {
  const ends = { remotePort: 1, localPort: 65_535 };
  const header = proxyHeader({
    ...ends,
    remoteAddress: "2001:db8::ff00:42:8329",
    localAddress: "fe80::1%eth0",
  });
  const source = "20010db8000000000000ff0000428329";
  const target = "fe800000000000000000000000000001";
  assert.equal(header.toString("hex"), `${signature}21210024${source}${target}0001ffff`);
  const loop = proxyHeader({ ...ends, remoteAddress: "::1", localAddress: "::" });
  assert.equal(loop.subarray(16, 48).toString("hex"), `${"0".repeat(31)}1${"0".repeat(32)}`);
  const full = "102:304:506:708:90a:b0c:d0e:f10";
  const long = proxyHeader({ ...ends, remoteAddress: full, localAddress: full });
  assert.equal(long.subarray(16, 32).toString("hex"), "0102030405060708090a0b0c0d0e0f10");
});

test("a client that is gone already has no ends", () => {
  const header = proxyHeader({ localAddress: "127.0.0.1", localPort: 80 });
  assert.equal(header.toString("hex"), `${signature}20000000`);
});
