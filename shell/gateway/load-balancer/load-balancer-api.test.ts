import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { after, test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { MemberView, ServiceView } from "@prunella/wire/view";
import { LoadBalancerApi } from "./load-balancer-api.ts";

const token = "secret";
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
});

function member(hostname: string, number: number, state: MemberView["state"]): MemberView {
  return {
    id: instanceName(`hello-${number}`),
    incarnation: 1,
    host: "127.0.0.1",
    port: 4_000 + number,
    weight: 1,
    state,
    number,
    served: true,
    hostname,
  };
}

const hello: ServiceView = {
  name: serviceName("hello"),
  kind: "replicas",
  routes: [{ prefix: "/" }],
  keys: [{ from: "request" }],
  placement: "seed-512",
  seed: 0,
  compat: "load-balancer",
  timeoutMs: 30_000,
  bodyBytesMax: 1_048_576,
  members: [
    member("Server 1", 1, "serving"),
    member("Server 2", 2, "starting"),
    member("Server 3", 3, "draining"),
    member("S9", 9, "leaving"),
    member("S10", 10, "detached"),
  ],
};

type Seen = { readonly line: string; readonly authorization: unknown; readonly body: string };

/** A control API that plays its script; it runs on a real port. */
async function control(
  play: (seen: Seen) => Promise<readonly [status: number, body: string]>,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const [status, body] = await play({
      line: `${request.method} ${request.url}`,
      authorization: request.headers.authorization,
      body: await textOf(request),
    });
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  return text;
}

function call(api: LoadBalancerApi, method: string, path: string, body = "") {
  return api.answer({ service: hello, method, path, body: new TextEncoder().encode(body) });
}

const absent = new LoadBalancerApi({ token, controlUrl: () => "http://127.0.0.1:1" });

test("/rep answers from the view, in wanted order, without an agent", async () => {
  assert.deepEqual(await call(absent, "GET", "/rep"), {
    status: 200,
    body: '{"message":{"N":3,"replicas":["Server 1","Server 2","Server 3"]},"status":"successful"}',
  });
});

test("any other method on the three paths is 405 and names the one that is allowed", async () => {
  const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
  for (const [path, allowed] of [
    ["/rep", "GET"],
    ["/add", "POST"],
    ["/rm", "DELETE"],
  ] as const) {
    for (const method of methods.filter((candidate) => candidate !== allowed)) {
      const answer = await call(absent, method, path);
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.deepEqual(answer.headers, [["Allow", allowed]]);
      assert.equal(
        answer.body,
        `{"message":"<Error> Only ${allowed} is allowed here","status":"failure"}`,
      );
    }
  }
});

test("an agent that is not there is 503, but a mistake stays a mistake", async () => {
  const rows: readonly (readonly [method: string, path: string, body: string, expected: string])[] =
    [
      ["POST", "/add", '{"n":4,"hostnames":["S5","S4"]}', "503 Control plane is not reachable"],
      ["DELETE", "/rm", '{"n":3,"hostnames":["Server 2"]}', "503 Control plane is not reachable"],
      ["POST", "/add", "", "400 Payload is not a JSON object"],
      [
        "POST",
        "/add",
        '{"n":1,"hostnames":["server-1"]}',
        "400 Hostname 'server-1' is already in use",
      ],
      ["POST", "/add", '{"n":54}', "400 At most 56 instances are allowed"],
      ["DELETE", "/rm", '{"n":1,"hostnames":["S9"]}', "400 Hostname 'S9' is not a replica"],
      ["DELETE", "/rm", '{"n":4}', "400 Only 3 instances can be removed"],
    ];
  for (const controlUrl of ["http://127.0.0.1:1", "", "nonsense"]) {
    const api = new LoadBalancerApi({ token, controlUrl: () => controlUrl });
    for (const [method, path, body, expected] of rows) {
      const [status, message] = [expected.slice(0, 3), expected.slice(4)];
      const answer = await call(api, method, path, body);
      assert.equal(`${answer.status}`, status, body);
      assert.equal(answer.body, `{"message":"<Error> ${message}","status":"failure"}`);
    }
  }
});

test("a payload that the data path cut off is 413", async () => {
  const answer = await absent.answer({
    service: hello,
    method: "POST",
    path: "/add",
    body: undefined,
  });
  assert.equal(answer.status, 413);
});

test("a good payload reaches the agent with the token, byte for byte, and so does its answer", async () => {
  const seen: Seen[] = [];
  const body = '{"message":{"N":0,"replicas":[]},"status":"successful"}';
  const controlUrl = await control(async (request) => {
    seen.push(request);
    return request.line.startsWith("POST")
      ? [200, body]
      : [400, '{"message":"<Error> no","status":"failure"}'];
  });
  const api = new LoadBalancerApi({ token, controlUrl: () => controlUrl });
  const payload = '{ "n" : 1, "hostnames":["S5"] }';
  assert.deepEqual(await call(api, "POST", "/add", payload), { status: 200, body });
  assert.equal((await call(api, "DELETE", "/rm", '{"n":1}')).status, 400);
  assert.deepEqual(seen, [
    { line: "POST /v1/services/hello/add", authorization: "Bearer secret", body: payload },
    { line: "DELETE /v1/services/hello/rm", authorization: "Bearer secret", body: '{"n":1}' },
  ]);
  // Refused here: the agent never hears of it.
  assert.equal((await call(api, "POST", "/add", '{"n":0}')).status, 400);
  assert.equal(seen.length, 2);
});

test("an agent that answers something else, or breaks off, counts as not reachable", async () => {
  const strange = await control(async () => [401, '{"error":{"code":"TOKEN_REFUSED"}}']);
  const breaking = createTcpServer((socket) => socket.once("data", () => socket.destroy()));
  breaking.listen(0, "127.0.0.1");
  await once(breaking, "listening");
  const broken = `http://127.0.0.1:${(breaking.address() as AddressInfo).port}`;
  for (const controlUrl of [strange, broken]) {
    const api = new LoadBalancerApi({ token, controlUrl: () => controlUrl });
    assert.equal((await call(api, "POST", "/add", '{"n":1}')).status, 503);
  }
  breaking.close();
});

test("fifty changes at once all get their own answer", async () => {
  let open = 0;
  let openMax = 0;
  const controlUrl = await control(async ({ line, body }) => {
    open++;
    openMax = Math.max(openMax, open);
    await new Promise((resolve) => setTimeout(resolve, 20));
    open--;
    return [200, JSON.stringify({ message: `${line} ${body}`, status: "successful" })];
  });
  const api = new LoadBalancerApi({ token, controlUrl: () => controlUrl });
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const [method, path] = index % 2 === 0 ? ["POST", "/add"] : ["DELETE", "/rm"];
      const answer = await call(api, method ?? "", path ?? "", `{"n":1,"x":${index}}`);
      return `${answer.status} ${answer.body.includes(`\\"x\\":${index}}`)}`;
    }),
  );
  assert.deepEqual(new Set(answers), new Set(["200 true"]));
  assert.ok(openMax > 1, "the calls ran one after another, so the test showed nothing");
});

test("a replica's 404 is translated in compatibility mode and nowhere else", () => {
  assert.deepEqual(absent.notFound(hello, "/other"), {
    status: 400,
    body: '{"message":"<Error> \'/other\' endpoint does not exist in server replicas","status":"failure"}',
  });
  assert.equal(
    absent.unavailable(hello)?.body,
    '{"message":"<Error> No server replica is available","status":"failure"}',
  );
  const { compat, ...plain } = hello;
  assert.equal(compat, "load-balancer");
  assert.equal(absent.notFound(plain, "/other"), undefined);
  assert.equal(absent.unavailable(plain), undefined);
});
