import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  failureBody,
  parseAdd,
  parseRm,
  type Replica,
  successBody,
} from "@prunella/wire/load-balancer-api";
import type { View } from "@prunella/wire/view";
import { GatewayLab, memberOf } from "../../lab/bench/gateway-process.ts";

/** Plays the agent's part of `/add` and `/rm`: the same checks, one change after another. */
async function scriptedControl(token: string) {
  let replicas: readonly Replica[] = ["Server 1", "Server 2", "Server 3"].map(
    (hostname, index) => ({
      id: `hello-${index + 1}`,
      hostname,
    }),
  );
  let drawn = 0;
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const payload = Buffer.concat(parts);
    const reply = (status: number, body: string) => response.writeHead(status).end(body);
    if (request.headers.authorization !== `Bearer ${token}`) return reply(401, "{}");
    const set = { replicas, instancesMin: 0, instancesMax: 56 };
    if (request.method === "POST" && request.url === "/v1/services/hello/add") {
      const order = parseAdd(payload, set);
      if (!order.ok) return reply(order.status, failureBody(order.message));
      const names = Array.from(
        { length: order.n },
        (_, index) => order.hostnames[index] ?? `R${++drawn}`,
      );
      replicas = [...replicas, ...names.map((hostname) => ({ id: hostname, hostname }))];
    } else if (request.method === "DELETE" && request.url === "/v1/services/hello/rm") {
      const order = parseRm(payload, set);
      if (!order.ok) return reply(order.status, failureBody(order.message));
      const others = replicas.filter((replica) => !order.named.includes(replica));
      const gone = new Set([...order.named, ...others.slice(0, order.n - order.named.length)]);
      replicas = replicas.filter((replica) => !gone.has(replica));
    } else {
      return reply(404, "{}");
    }
    return reply(200, successBody(replicas));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, close: () => server.close(), count: () => replicas.length };
}

async function compatLab() {
  const lab = new GatewayLab();
  const control = await scriptedControl(lab.token);
  const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway()]);
  const members = [1, 2, 3].map((number) => memberOf(one, number));
  const view = (controlUrl: string): View => ({
    ...lab.view(members, { compat: "load-balancer", placement: "seed-512" }),
    controlUrl,
  });
  await gateway.push(view(control.url));
  const call = async (method: string, path: string, body?: string) => {
    const answer = await fetch(`${gateway.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
    });
    assert.equal(answer.headers.get("content-type"), "application/json");
    return [answer.status, await answer.text(), answer.headers.get("allow")] as const;
  };
  const close = async () => {
    control.close();
    await lab[Symbol.asyncDispose]();
  };
  return { lab, control, gateway, one, view, call, [Symbol.asyncDispose]: close };
}

test("every sample of the source goes through a real gateway, byte for byte", async () => {
  await using world = await compatLab();
  const rows: readonly (readonly [
    method: string,
    path: string,
    payload: string | undefined,
    status: number,
    body: string,
  ])[] = [
    [
      "GET",
      "/rep",
      undefined,
      200,
      '{"message":{"N":3,"replicas":["Server 1","Server 2","Server 3"]},"status":"successful"}',
    ],
    [
      "GET",
      "/rep?x=1",
      undefined,
      200,
      '{"message":{"N":3,"replicas":["Server 1","Server 2","Server 3"]},"status":"successful"}',
    ],
    [
      "POST",
      "/add",
      '{"n":4,"hostnames":["S5","S4","S10","S11"]}',
      200,
      '{"message":{"N":7,"replicas":["Server 1","Server 2","Server 3","S5","S4","S10","S11"]},"status":"successful"}',
    ],
    [
      "POST",
      "/add",
      '{"n":2,"hostnames":["S5","S4","S10","S11"]}',
      400,
      '{"message":"<Error> Length of hostname list is more than newly added instances","status":"failure"}',
    ],
    [
      "DELETE",
      "/rm",
      '{"n":3,"hostnames":["S5","S4"]}',
      200,
      '{"message":{"N":4,"replicas":["Server 2","Server 3","S10","S11"]},"status":"successful"}',
    ],
    [
      "DELETE",
      "/rm",
      '{"n":2,"hostnames":["S5","S4","S10","S11"]}',
      400,
      '{"message":"<Error> Length of hostname list is more than removable instances","status":"failure"}',
    ],
    [
      "DELETE",
      "/rm",
      '{"n":5}',
      400,
      '{"message":"<Error> Only 4 instances can be removed","status":"failure"}',
    ],
    [
      "POST",
      "/add",
      "n=1",
      400,
      '{"message":"<Error> Payload is not a JSON object","status":"failure"}',
    ],
    [
      "POST",
      "/add",
      undefined,
      400,
      '{"message":"<Error> Payload is not a JSON object","status":"failure"}',
    ],
    ["GET", "/home", undefined, 200, '{"message":"Hello from Server: one","status":"successful"}'],
    [
      "GET",
      "/other",
      undefined,
      400,
      '{"message":"<Error> \'/other\' endpoint does not exist in server replicas","status":"failure"}',
    ],
    [
      "GET",
      "/other?id=7",
      undefined,
      400,
      '{"message":"<Error> \'/other\' endpoint does not exist in server replicas","status":"failure"}',
    ],
  ];
  for (const [method, path, payload, status, body] of rows) {
    const answer = await world.call(method, path, payload);
    assert.deepEqual(answer.slice(0, 2), [status, body], `${method} ${path} ${payload}`);
  }
  assert.deepEqual((await world.call("PUT", "/rep"))[2], "GET");
  assert.deepEqual((await world.call("GET", "/add"))[2], "POST");
  assert.deepEqual((await world.call("POST", "/rm"))[2], "DELETE");
});

test("a payload over 64 KiB is 413, with and without a length", async () => {
  await using world = await compatLab();
  const large = `{"n":1}${" ".repeat(65_536)}`;
  const answer = await fetch(`${world.gateway.url}/add`, { method: "POST", body: large }).catch(
    () => undefined,
  );
  assert.equal(answer?.status, 413);
  assert.equal(world.control.count(), 3);
});

test("fifty changes at once: each is made once, and answered with its own count", async () => {
  await using world = await compatLab();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      index % 2 === 0
        ? world.call("POST", "/add", '{"n":1}')
        : world.call("DELETE", "/rm", '{"n":1}'),
    ),
  );
  const changes = answers.filter(([status]) => status === 200).length;
  const refused = answers.filter(([, body]) => /Only 0 instances|At most 56/.test(body)).length;
  assert.equal(changes + refused, 50);
  assert.ok(changes >= 28, `${changes} changes`);
  assert.ok(world.control.count() >= 0 && world.control.count() <= 28);
});

test("without an agent /rep goes on, changes are 503 and mistakes stay mistakes", async () => {
  await using world = await compatLab();
  world.control.close();
  await world.gateway.push(world.view("http://127.0.0.1:1"));
  assert.equal((await world.call("GET", "/rep"))[0], 200);
  assert.deepEqual((await world.call("POST", "/add", '{"n":1}')).slice(0, 2), [
    503,
    '{"message":"<Error> Control plane is not reachable","status":"failure"}',
  ]);
  assert.equal((await world.call("POST", "/add", '{"n":0}'))[0], 400);
});

test("no replica at all is 503 in the words of the source", async () => {
  await using world = await compatLab();
  const ended = { state: "starting", port: 0 } as const;
  const members = [1, 2, 3].map((number) => memberOf(world.one, number, ended));
  const gone = world.lab.view(members, {
    compat: "load-balancer",
    placement: "seed-512",
  });
  assert.equal((await world.gateway.push(gone)).status, 200);
  assert.deepEqual((await world.call("GET", "/home")).slice(0, 2), [
    503,
    '{"message":"<Error> No server replica is available","status":"failure"}',
  ]);
});

test("outside compatibility mode the three paths belong to the service", async () => {
  await using lab = new GatewayLab();
  const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway()]);
  await gateway.push(lab.view([one]));
  for (const [method, path] of [
    ["GET", "/rep"],
    ["POST", "/add"],
    ["DELETE", "/rm"],
    ["GET", "/other"],
  ]) {
    const answer = await fetch(`${gateway.url}${path}`, { method: method ?? "" });
    assert.deepEqual(
      [answer.status, await answer.text()],
      [404, '{"message":"not found","status":"failure"}'],
    );
  }
});
