import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGatewayConfig } from "./gateway-config.ts";

const good = {
  cluster: "shop",
  instance: "gateway-1",
  listeners: [{ host: "127.0.0.1", port: 5_000 }],
  tokenFile: "/s/token",
  viewFile: "/s/view.json",
  announceFile: "/s/announce.json",
  accessLog: false,
  trustedProxies: [],
};

test("a complete configuration is taken as it is", () => {
  assert.deepEqual(parseGatewayConfig(good), good);
  const all = { ...good, logFile: "/s/log", redactQuery: ["card"], drainMs: 5_000 };
  assert.deepEqual(parseGatewayConfig(all), all);
});

test("every wrong field is named at once", () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /must be an object/],
    [[], /must be an object/],
    [{ ...good, cluster: "" }, /cluster must be a text/],
    [{ ...good, listeners: [] }, /at least one/],
    [{ ...good, listeners: [null] }, /listeners\[0\] must be/],
    [{ ...good, listeners: [{ host: 1, port: 70_000 }] }, /\[0\]\.host.*\[0\]\.port/],
    [{ ...good, accessLog: "yes", trustedProxies: "all" }, /accessLog.*trustedProxies/],
    [{ ...good, redactQuery: [1], logFile: 3, drainMs: -1 }, /redactQuery.*logFile.*drainMs/],
  ];
  for (const [value, message] of rows) {
    assert.throws(() => parseGatewayConfig(value), { name: "ClusterError", message });
  }
});
