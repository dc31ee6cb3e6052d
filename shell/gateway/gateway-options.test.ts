/** Options that make no sense are said before anything listens: all of them, and where. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { createGateway } from "./gateway.ts";
import type { GatewayOptions } from "./gateway-options.ts";

const listeners = [{ host: "127.0.0.1", port: 0 }];
const service = { name: "hello", members: ["127.0.0.1:3001"] };

/** JavaScript, or a file that was read: no compiler has looked at these. */
function untyped(options: unknown): GatewayOptions {
  return JSON.parse(JSON.stringify(options));
}

async function complaint(options: unknown): Promise<string> {
  try {
    const gateway = await createGateway(untyped(options));
    await gateway.close();
  } catch (error) {
    if (!ClusterError.is(error)) throw error;
    assert.equal(error.code, "CONFIG_INVALID");
    return error.message;
  }
  return "started";
}

const mistakes: readonly (readonly [changes: object, said: RegExp])[] = [
  [{ name: "He llo" }, /services\[0\]\.name must be a name of letters/],
  [{ members: [] }, /services\[0\]\.members must have at least one host:port/],
  [{ members: [3001] }, /services\[0\]\.members must be a list of host:port/],
  [{ weights: [0] }, /services\[0\]\.weights must be a list of numbers above 0/],
  [{ weights: [1, 1] }, /services\[0\]\.weights has more than members/],
  [{ routes: ["api"] }, /services\[0\]\.routes must be a list of paths/],
  [{ routes: [{ host: "a", path: "/" }] }, /services\[0\]\.routes must be a list of paths/],
  [{ keys: ["path"] }, /services\[0\]\.keys must be a list of \{ from: "request" \}/],
  [{ keys: [{ from: "header" }] }, /services\[0\]\.keys must be/],
  [{ placement: "ring" }, /placement must be "default" or "seed-512", not "ring"/],
  [{ pipelining: true }, /pipelining must be "safe", not true/],
  [{ retryUnsafe: true }, /retryUnsafe must be "idempotency-key"/],
  [{ tryTimeoutMs: "5s" }, /tryTimeoutMs must be a whole number, 1 or more, not "5s"/],
  [{ maxInFlight: 0 }, /maxInFlight must be a whole number, 1 or more, not 0/],
  [{ loadBound: 0.5 }, /loadBound must be a number, from 1 to 100, not 0.5/],
  [{ timeoutMs: -1 }, /timeoutMs must be a whole number/],
  [{ tcp: {} }, /tcp must be \{ port, by \} or \{ ports: \[first, last\] \}/],
  [{ tcp: { ports: [40_001, 40_000] } }, /tcp must be/],
  [{ tcp: { ports: [40_000, 40_001], by: "first-frame" } }, /tcp must be/],
  [{ tcp: { port: 40_000, by: "member" } }, /tcp must be/],
  [{ tcp: { port: 40_000, proxyProtocol: "v1" } }, /tcp must be/],
  [{ tryTimeoutMS: 5 }, /services\[0\]\.tryTimeoutMS is no option/],
];

for (const [changes, said] of mistakes) {
  test(`a service with ${JSON.stringify(changes)} is refused`, async () => {
    assert.match(await complaint({ listeners, services: [{ ...service, ...changes }] }), said);
  });
}

test("what is missing, unknown or of the wrong kind is told at every level", async () => {
  assert.match(await complaint(1), /the options must be an object/);
  assert.match(await complaint({}), /listeners is missing.*services is missing/);
  assert.match(await complaint({ listeners, services: { hello: service } }), /a list of services/);
  assert.match(await complaint({ listeners, services: [], limit: {} }), /limit is no option/);
  assert.match(await complaint({ listeners, services: [], cluster: "a\r\nb" }), /cluster must be/);
  assert.match(await complaint({ listeners: [{ port: 0 }], services: [] }), /host is missing/);
  const limits = { holdMS: 1, holdMs: -1 };
  const both = /limits\.holdMS is no option; limits\.holdMs must be a whole number/;
  assert.match(await complaint({ listeners, services: [], limits }), both);
});

test("two services may not have one name or one route, whatever the case of the host", async () => {
  const same = await complaint({ listeners, services: [service, service] });
  assert.match(same, /services\[1\]\.name: "hello" is there twice/);
  const routed = (name: string, host: string) => {
    return { ...service, name, routes: [{ host, prefix: "/" }] };
  };
  const services = [routed("a", "Shop.example"), routed("b", "shop.example")];
  assert.match(await complaint({ listeners, services }), /"shop.example\/" belongs to "a" already/);
});

test("seed-512 takes no more members than its map has room for", async () => {
  const members = Array.from({ length: 57 }, (_, index) => `127.0.0.1:${3_000 + index}`);
  const services = [{ ...service, placement: "seed-512", members }];
  assert.match(await complaint({ listeners, services }), /seed-512 has room for 56/);
});
