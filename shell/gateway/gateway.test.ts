import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { View } from "@prunella/wire/view";
import { until } from "../../lab/bench/gateway-process.ts";
import { createGateway } from "./gateway.ts";

const loopback = { host: "127.0.0.1", port: 0 };
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function backend(name: string): Promise<string> {
  const server = createServer((_request, response) => response.end(name));
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function get(address: { readonly port: number } | undefined, path: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${address?.port}${path}`);
  return answer.status === 200 ? await answer.text() : `${answer.status}`;
}

test("a service that says so lets requests share connections to its members", async () => {
  const member = await backend("hello");
  await using gateway = await createGateway({
    listeners: [loopback],
    services: [{ name: "hello", members: [member], pipelining: "safe" }],
  });
  const burst = () => Promise.all(Array.from({ length: 20 }, () => get(gateway.addresses[0], "/")));
  const pipelined = () => gateway.snapshot().services[0]?.pipelined ?? 0;
  const untilMs = performance.now() + 60_000;
  while (pipelined() === 0 && performance.now() < untilMs) {
    assert.ok((await burst()).every((body) => body === "hello"));
  }
  assert.ok(pipelined() > 0);
});

test("fixed services are served on every listener, by route, without an agent", async () => {
  const [shop, admin] = await Promise.all([backend("shop"), backend("admin")]);
  await using gateway = await createGateway({
    listeners: [loopback, loopback],
    services: [
      { name: "shop", members: [shop] },
      { name: "admin", routes: ["/admin"], members: [admin] },
    ],
  });
  for (const address of gateway.addresses) {
    assert.equal(await get(address, "/"), "shop");
    assert.equal(await get(address, "/admin/users"), "admin");
    assert.equal(await get(address, "/administrator"), "shop");
  }
  const [first] = gateway.snapshot().services;
  assert.equal(first?.requests["2xx"], 4);
});

test("a route may ask for a host, or for every name below one", async () => {
  const [exact, below, any] = await Promise.all(["exact", "below", "any"].map(backend));
  await using gateway = await createGateway({
    listeners: [loopback],
    services: [
      { name: "any", members: [any ?? ""] },
      { name: "below", routes: [{ host: "*.example.org", prefix: "/" }], members: [below ?? ""] },
      { name: "exact", routes: [{ host: "A.example.org", prefix: "/" }], members: [exact ?? ""] },
    ],
  });
  const served = async (host: string) => {
    const asked = request({
      host: "127.0.0.1",
      port: gateway.addresses[0]?.port,
      headers: { host },
    });
    const [answer] = await once(asked.end(), "response");
    return await text(answer);
  };
  assert.equal(await served("a.example.org"), "exact");
  assert.equal(await served("b.example.org:80"), "below");
  assert.equal(await served("example.org"), "any");
});

test("the same key reaches the same member", async () => {
  const members = await Promise.all(["one", "two", "three"].map(backend));
  await using gateway = await createGateway({
    listeners: [loopback],
    services: [{ name: "hello", members, keys: [{ from: "query", name: "id" }] }],
  });
  const [address] = gateway.addresses;
  const reached = new Set<string>();
  for (let id = 0; id < 30; id++) {
    const member = await get(address, `/?id=${id}`);
    assert.equal(await get(address, `/?id=${id}`), member);
    reached.add(member);
  }
  assert.equal(reached.size, 3);
});

test("views are followed as they come, older ones are refused, and the end of views is no end", async () => {
  const [one, two] = await Promise.all([backend("one"), backend("two")]);
  const refused: string[] = [];
  const steps = [Promise.withResolvers<View>(), Promise.withResolvers<View>()];
  async function* views(): AsyncIterable<View> {
    for (const step of steps) yield await step.promise;
    yield view(1, one);
    yield JSON.parse(JSON.stringify({ ...view(3, two), services: "none" }));
  }
  await using gateway = await createGateway({
    listeners: [loopback],
    services: views(),
    onRefused: (error) => refused.push(error.code),
  });
  const [address] = gateway.addresses;
  assert.match(await get(address, "/"), /^(404|503)$/);
  steps[0]?.resolve(view(1, one));
  await until("the first view is in force", async () => (await get(address, "/")) === "one");
  steps[1]?.resolve(view(2, two));
  await until("the second view is in force", async () => (await get(address, "/")) === "two");
  assert.equal(await get(address, "/"), "two");
  assert.deepEqual(refused, ["VIEW_STALE", "REQUEST_INVALID"]);
});

test("a member that is no address, and a port that is taken, are said at once", async () => {
  for (const member of [
    "localhost",
    "http://127.0.0.1:1",
    "127.0.0.1:0",
    "127.0.0.1:99999",
    "a b:1",
  ]) {
    const services = [{ name: "hello", members: [member] }];
    await assert.rejects(
      createGateway({ listeners: [loopback], services }),
      /must be a list of host:port/,
    );
  }
  const taken = Number((await backend("taken")).split(":")[1]);
  await assert.rejects(
    createGateway({ listeners: [loopback, { host: "127.0.0.1", port: taken }], services: [] }),
    { code: "PORT_TAKEN" },
  );
});

function view(version: number, address: string): View {
  const id = instanceName("hello-1");
  const port = Number(address.split(":")[1]);
  const service = {
    name: serviceName("hello"),
    kind: "replicas",
    routes: [{ prefix: "/" }],
    keys: [{ from: "request" }],
    placement: "default",
    seed: 0,
    timeoutMs: 5_000,
    bodyBytesMax: 1_024,
    members: [
      {
        id,
        incarnation: version,
        host: "127.0.0.1",
        port,
        weight: 1,
        state: "serving",
        number: 1,
        served: true,
        hostname: id,
      },
    ],
  } as const;
  return { cluster: "gateway", agentTerm: 1, version, controlUrl: "", services: [service] };
}
