import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { TrustedProxies } from "./trusted-proxies.ts";

test("addresses and networks of both families are recognised, whatever clothes they wear", () => {
  const rows: readonly (readonly [entry: string, inside: readonly string[], outside: string[]])[] =
    [
      ["10.0.0.7", ["10.0.0.7", "::ffff:10.0.0.7"], ["10.0.0.8", "::1"]],
      [
        "10.0.0.0/8",
        ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "::ffff:a01:203"],
        ["11.0.0.0", "9.255.255.255", "::ffff:11.0.0.1"],
      ],
      ["0.0.0.0/0", ["1.2.3.4"], ["2001:db8::1"]],
      ["192.168.4.9/32", ["192.168.4.9"], ["192.168.4.8"]],
      ["2001:db8::/32", ["2001:db8::1", "2001:DB8:ffff::"], ["2001:db9::1", "10.0.0.1"]],
      ["::1", ["::1", "0:0:0:0:0:0:0:1"], ["::2", "127.0.0.1"]],
      ["::ffff:10.0.0.7", ["10.0.0.7", "::ffff:10.0.0.7"], ["10.0.0.6"]],
      ["::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.1"]],
    ];
  for (const [entry, inside, outside] of rows) {
    const proxies = new TrustedProxies([entry]);
    for (const address of inside) assert.ok(proxies.has(address), `${entry} has ${address}`);
    for (const address of outside) assert.ok(!proxies.has(address), `${entry} has no ${address}`);
  }
});

test("what is no address is nobody's proxy", () => {
  const proxies = new TrustedProxies(["0.0.0.0/0", "::/0"]);
  for (const text of ["", "unknown", "_hidden", "10.0.0", "10.0.0.1:80", "[::1]", "10.0.0.0/8"]) {
    assert.equal(proxies.has(text), false, text);
  }
  assert.equal(new TrustedProxies([]).has("127.0.0.1"), false);
});

test("an entry that is neither is named", () => {
  for (const entry of ["", "proxy", "10.0.0.0/33", "10.0.0.0/", "::/129", "::ffff:10.0.0.0/8"]) {
    assert.throws(
      () => new TrustedProxies(["10.0.0.1", entry]),
      (error) => ClusterError.is(error, "CONFIG_INVALID") && error.message.includes(`"${entry}"`),
    );
  }
});
