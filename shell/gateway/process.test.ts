import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { ended, GatewayLab, memberOf, release, until } from "../../lab/bench/gateway-process.ts";

test("a gateway serves what the view says, and its admin listener opens to the token only", async () => {
  await using lab = new GatewayLab();
  const [one, two, gateway] = await Promise.all([
    lab.backend("one"),
    lab.backend("two"),
    lab.gateway(),
  ]);
  assert.equal((await gateway.admin("/readyz")).status, 503);

  const view = lab.view([one, two]);
  const pushed = await gateway.push(view);
  assert.deepEqual(
    [pushed.status, await pushed.json()],
    [200, { applied: true, rebuilt: ["hello"], agentTerm: 1, version: 1 }],
  );
  const answers = new Set<string>();
  for (let index = 0; index < 40; index++) {
    const answer = await fetch(`${gateway.url}/home`);
    assert.equal(answer.status, 200);
    answers.add(await answer.text());
  }
  assert.deepEqual([...answers].sort(), [
    '{"message":"Hello from Server: one","status":"successful"}',
    '{"message":"Hello from Server: two","status":"successful"}',
  ]);

  for (const path of [
    "/healthz",
    "/readyz",
    "/metrics",
    "/view",
    "/members",
    "/ring?service=hello",
  ]) {
    assert.equal((await gateway.admin(path)).status, 200, path);
  }
  const { adminUrl } = gateway.announcement;
  for (const authorization of ["", "Bearer wrong", `Basic ${lab.token}`]) {
    for (const [method, path] of [
      ["GET", "/view"],
      ["PUT", "/view"],
      ["POST", "/drain"],
    ]) {
      const refused = await fetch(`${adminUrl}${path}`, {
        method: method ?? "",
        headers: { authorization },
      });
      assert.equal(refused.status, 401);
      assert.match(await refused.text(), /"code":"TOKEN_REFUSED"/);
    }
  }
  assert.equal((await fetch(`${gateway.url}/metrics`)).status, 404, "clients reach no admin path");
  assert.equal(statSync(lab.config().viewFile).mode & 0o077, 0, "the view is readable by others");
});

test("the admin listener refuses what it cannot use, and says why", async () => {
  await using lab = new GatewayLab();
  const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway()]);
  const [old, good] = [lab.view([one]), lab.view([one])];
  assert.equal((await gateway.push(good)).status, 200);
  const emptying = lab.view([]);
  const rows: readonly (readonly [
    method: string,
    path: string,
    body: unknown,
    status: number,
    code: string,
  ])[] = [
    ["PUT", "/view", old, 409, "VIEW_STALE"],
    ["PUT", "/view", emptying, 409, "VIEW_EMPTYING"],
    ["PUT", "/view", { ...emptying, cluster: "other" }, 400, "REQUEST_INVALID"],
    ["PUT", "/view", { ...good, services: [{}] }, 400, "REQUEST_INVALID"],
    ["PUT", "/view", "text", 400, "REQUEST_INVALID"],
    ["GET", "/ring?service=none", undefined, 404, "SERVICE_UNKNOWN"],
    ["GET", "/ring", undefined, 404, "SERVICE_UNKNOWN"],
    ["GET", "/drained?member=hello-1&incarnation=x&waitMs=1", undefined, 400, "REQUEST_INVALID"],
    ["GET", "/drained?incarnation=1&waitMs=1", undefined, 400, "REQUEST_INVALID"],
    ["GET", "/nothing", undefined, 404, "REQUEST_INVALID"],
    ["DELETE", "/view", undefined, 404, "REQUEST_INVALID"],
  ];
  for (const [method, path, body, status, code] of rows) {
    const answer = await gateway.admin(path, method, body);
    const { error } = (await answer.json()) as { error: { code: string; message: string } };
    assert.deepEqual([answer.status, error.code], [status, code], `${method} ${path}`);
    assert.ok(error.message.length > 20, error.message);
  }
  const again = await gateway.push(good);
  assert.deepEqual(await again.json(), {
    applied: false,
    rebuilt: [],
    agentTerm: 1,
    version: good.version,
  });
  assert.equal((await gateway.admin("/view?allowEmpty=true", "PUT", emptying)).status, 200);
});

test("without an agent a killed gateway is back on its port with the view from disk", async () => {
  await using lab = new GatewayLab();
  const [one, first] = await Promise.all([lab.backend("one"), lab.gateway()]);
  await first.push(lab.view([one]));
  await until("the view is on disk", () => readable(lab.config().viewFile));
  await first.kill("SIGKILL");

  const { port } = first.announcement;
  const second = await lab.gateway({ listeners: [{ host: "127.0.0.1", port }] });
  assert.equal((await fetch(`${second.url}/home`)).status, 200);
  const ready = await (await second.admin("/readyz")).json();
  assert.deepEqual((ready as { ready: boolean; stale: boolean }).ready, true);
  assert.deepEqual((ready as { ready: boolean; stale: boolean }).stale, true);
});

test("a gateway says that its view may be stale as soon as the agent is gone", async () => {
  await using lab = new GatewayLab();
  const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway()]);
  const agent = createServer((_, response) => {
    response.writeHead(401).end('{"error":{"code":"TOKEN_REFUSED"}}');
  });
  await new Promise<void>((resolve) => agent.listen(0, "127.0.0.1", resolve));
  const controlUrl = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
  await gateway.push({ ...lab.view([one]), controlUrl });
  const readiness = async () => (await gateway.admin("/readyz")).json();
  assert.partialDeepStrictEqual(await readiness(), { ready: true, stale: false });
  agent.closeAllConnections();
  await new Promise<void>((resolve) => agent.close(() => resolve()));
  assert.partialDeepStrictEqual(await readiness(), { ready: true, stale: true });
  assert.equal((await fetch(`${gateway.url}/home`)).status, 200);
});

test("a damaged view file costs the view and not the gateway", async () => {
  await using lab = new GatewayLab();
  writeFileSync(lab.config().viewFile, '{"cluster":');
  const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway()]);
  assert.equal((await gateway.push(lab.view([one]))).status, 200);
  assert.equal((await fetch(`${gateway.url}/home`)).status, 200);
  await until("the log says so", () =>
    /cannot be used/.test(readFileSync(lab.path("gateway.log"), "utf8")),
  );
});

test("how a gateway ends when it cannot start: a code of its own and one line", async () => {
  await using lab = new GatewayLab();
  const occupant = createServer().listen(0, "127.0.0.1").unref();
  await until("the port is taken", () => occupant.listening);
  const { port } = occupant.address() as AddressInfo;
  const rows: readonly (readonly [
    code: number,
    message: RegExp,
    before: () => ReturnType<typeof lab.config>,
  ])[] = [
    [
      98,
      new RegExp(`^gateway: .*Port ${port} on 127\\.0\\.0\\.1 is taken.*\\n$`),
      () => lab.config({ listeners: [{ host: "127.0.0.1", port }] }),
    ],
    [78, /^gateway: .*listeners.*\n$/, () => lab.config({ listeners: [] })],
    [
      78,
      /^gateway: .*192\.0\.2\.1:0.*\n$/,
      () => lab.config({ listeners: [{ host: "192.0.2.1", port: 0 }] }),
    ],
  ];
  for (const [code, message, before] of rows) {
    const child = lab.spawnGateway(before());
    let errors = "";
    child.stderr?.on("data", (text: string) => {
      errors += text;
    });
    assert.equal(await ended(child), code, errors);
    assert.match(errors, message);
  }
  const child = lab.spawnGateway(lab.config());
  rmSync(lab.config().tokenFile);
  assert.equal(await ended(child), 69);
});

test("SIGTERM and POST /drain let what is in flight end, and nothing new begin", async () => {
  for (const how of ["SIGTERM", "POST /drain"]) {
    await using lab = new GatewayLab();
    const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway()]);
    await gateway.push(lab.view([one]));
    const slow = fetch(`${gateway.url}/held`);
    await until("the request is in flight", async () =>
      /"inFlight":1/.test(await (await gateway.admin("/members")).text()),
    );
    if (how === "SIGTERM") gateway.child.kill("SIGTERM");
    else assert.equal((await gateway.admin("/drain", "POST")).status, 202);
    await until("the port is closed", () => isRefused(gateway.announcement.port));
    await release(one);
    const answer = await slow;
    assert.deepEqual([answer.status, (await answer.text()).length > 0], [200, true], how);
    assert.equal(await ended(gateway.child), 0, how);
  }
});

test("a member counts as drained when its last request has ended", async () => {
  await using lab = new GatewayLab();
  const [one, two, gateway] = await Promise.all([
    lab.backend("one"),
    lab.backend("two"),
    lab.gateway(),
  ]);
  const alone = lab.view([one, memberOf(two, 2, { state: "starting", served: false })]);
  await gateway.push(alone);
  const slow = fetch(`${gateway.url}/held`);
  await until("the request is in flight", async () =>
    /"inFlight":1/.test(await (await gateway.admin("/members")).text()),
  );
  await gateway.push(lab.view([memberOf(one, 1, { state: "draining" }), two]));

  const drained = async (waitMs: number): Promise<unknown> =>
    (await gateway.admin(`/drained?member=hello-1&incarnation=1&waitMs=${waitMs}`)).json();
  assert.deepEqual(await drained(0), { drained: false, inFlight: 1, state: "draining" });
  const last = drained(30_000);
  await release(one);
  assert.deepEqual(await last, { drained: true, inFlight: 0, state: "draining" });
  assert.equal((await slow).status, 200);
  assert.match(await (await fetch(`${gateway.url}/home`)).text(), /Server: two/);
});

function readable(file: string): boolean {
  try {
    return readFileSync(file).length > 0;
  } catch {
    return false; // Not there yet.
  }
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(false)).once("error", () => resolve(true));
  const refused = await promise;
  socket.destroy();
  return refused;
}
