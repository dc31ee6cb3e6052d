/** A real agent with real instances and a real gateway, asked over its control API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterEvent, ClusterStatus, Explanation } from "@prunella/wire/control";
import { AgentUnderTest } from "./testing/agent-under-test.ts";

test("apply starts what the file says, and the whole API answers about it", async () => {
  await using agent = await AgentUnderTest.start();
  const planned = await agent.call("POST", "/v1/plan", agent.application(2));
  assert.equal(planned.status, 200);
  assert.deepEqual(
    planned.body.changes.map(({ action }: { action: string }) => action),
    ["create", "create"],
  );
  assert.equal((await agent.status()).services.length, 0, "a plan changes nothing");

  await agent.call("POST", "/v1/apply", agent.application(2));
  await agent.until("two serve", async () => (await agent.status()).converged);
  const status: ClusterStatus = await agent.status();
  assert.deepEqual(
    status.services[0]?.instances.map(({ name, incarnation, ready }) => [name, incarnation, ready]),
    [
      ["api-1", 1, true],
      ["api-2", 1, true],
    ],
  );
  assert.equal((await fetch(`${status.url}/`)).status, 200);

  const why = (await agent.call("GET", "/v1/instances/api-1/why")).body as Explanation;
  assert.equal(why.next, "goes on serving");
  const logs = await agent.text("GET", "/v1/instances/api-1/logs?tail=10");
  assert.match(logs, /hello from api-1/);
  const openapi = (await agent.call("GET", "/v1/openapi.json")).body;
  assert.ok(Object.keys(openapi.paths).length >= 10);
});

test("scale, add, rm and restart change what runs, and bad ones change nothing", async () => {
  await using agent = await AgentUnderTest.start();
  await agent.call("POST", "/v1/apply", agent.application(2));
  const scaled = await agent.call("POST", "/v1/services/api/scale", { count: 3 });
  assert.equal(scaled.body.desired, 3);
  const added = await agent.call("POST", "/v1/services/api/add", { n: 2, hostnames: ["S5"] });
  assert.equal(added.body.message.N, 5);
  assert.ok(added.body.message.replicas.includes("S5"));
  assert.equal((await agent.status()).converged, true, "add answers when the new ones serve");
  const removed = await agent.call("DELETE", "/v1/services/api/rm", { n: 3, hostnames: ["S5"] });
  assert.equal(removed.body.message.N, 2);
  assert.ok(!removed.body.message.replicas.includes("S5"));
  const rows: readonly (readonly [string, string, unknown, number, RegExp])[] = [
    ["POST", "/v1/services/api/scale", { count: 1000 }, 400, /may have 1 to/],
    ["POST", "/v1/services/api/scale", { count: -1 }, 400, /count/],
    ["POST", "/v1/services/api/scale", { count: 2, typo: 1 }, 400, /typo/],
    ["POST", "/v1/services/web/scale", { count: 2 }, 404, /Services: api/],
    ["POST", "/v1/services/api/add", { n: 0 }, 400, /'n' must be a positive integer/],
    ["DELETE", "/v1/services/api/rm", { n: 9 }, 400, /Only 1 instances can be removed/],
    ["POST", "/v1/instances/api-9/restart", undefined, 404, /Instances: /],
    ["GET", "/v1/instances/nobody/why", undefined, 404, /no instance .*nobody/],
    ["POST", "/v1/apply", { cluster: { name: "x y" }, folder: "/" }, 400, /name/],
    ["GET", "/v1/nothing", undefined, 404, /openapi/],
  ];
  for (const [method, path, body, code, says] of rows) {
    const answer = await agent.call(method, path, body);
    assert.equal(answer.status, code, `${method} ${path} ${JSON.stringify(answer.body)}`);
    assert.match(JSON.stringify(answer.body), says);
  }
  assert.equal((await agent.status()).services[0]?.desired, 2);
});

test("a killed instance leaves an incident that explains it, under its new incarnation", async () => {
  await using agent = await AgentUnderTest.start();
  await agent.call("POST", "/v1/apply", agent.application(2));
  await agent.until("two serve", async () => (await agent.status()).converged);
  const pid = (await agent.status()).services[0]?.instances[0]?.pid ?? 0;
  process.kill(pid, "SIGKILL");
  await agent.until("it is back", async () => {
    const instance = (await agent.status()).services[0]?.instances[0];
    return instance?.ready === true && instance.incarnation === 2 && instance.restarts === 1;
  });
  await agent.until("the incident is closed", async () => {
    const why = (await agent.call("GET", "/v1/instances/api-1/why")).body as Explanation;
    return typeof why.incidents[0]?.healedMs === "number";
  });
  const why = (await agent.call("GET", "/v1/instances/api-1/why")).body as Explanation;
  const types = why.incidents[0]?.events.map(({ type }) => type) ?? [];
  assert.ok(types.includes("instance.exited") && types.includes("instance.ready"), `${types}`);
});

test("what a gateway sees in traffic is told by status, why and events, and goes with its copy", async () => {
  await using agent = await AgentUnderTest.start();
  await agent.call("POST", "/v1/apply", agent.application(1));
  await agent.until("one serves", async () => (await agent.status()).converged);
  const { url } = await agent.status();
  const explained = async () =>
    (await agent.call("GET", "/v1/instances/api-1/why")).body as Explanation;
  assert.deepEqual((await explained()).troubles, []);
  await agent.until("the gateway tells of it", async () => {
    assert.equal(
      await (await fetch(`${url}/surplus`)).text(),
      "ok",
      "no surplus byte comes through",
    );
    return (await agent.status()).troubles.length > 0;
  });
  const [trouble] = (await agent.status()).troubles;
  assert.equal(trouble?.type, "gateway.framing-fault");
  assert.deepEqual(
    [trouble?.instance, trouble?.incarnation, trouble?.data["gateway"]],
    ["api-1", 1, "gateway-1"],
  );
  assert.deepEqual((await explained()).troubles, [trouble]);
  await agent.until("the journal has it", async () => {
    return (await agent.events(0)).some(({ type }) => type === "gateway.framing-fault");
  });
  await agent.kill();
  await agent.restart();
  await agent.call("POST", "/v1/instances/api-1/restart");
  await agent.until("the next copy serves", async () => {
    const now = await agent.status();
    return now.converged && now.services[0]?.instances[0]?.incarnation === 2;
  });
  assert.deepEqual((await agent.status()).troubles, [], "the next copy starts clean");
  const told = (await agent.events(0)).filter(({ type }) => type === "gateway.framing-fault");
  assert.equal(told.length, 1, "the next agent does not hear it again");
});

test("events stream live and resume where a reader stopped, over the death of an agent too", async () => {
  await using agent = await AgentUnderTest.start();
  await agent.call("POST", "/v1/apply", agent.application(1));
  await agent.until("one serves", async () => (await agent.status()).converged);
  const first = await agent.events(0);
  assert.ok(first.some(({ type }) => type === "instance.ready"));
  const lastId = first.at(-1)?.id ?? 0;
  await agent.kill();
  await agent.restart();
  await agent.until("the next agent has said so", async () => {
    return (await agent.events(lastId)).some(({ type }) => type === "agent.started");
  });
  const later: readonly ClusterEvent[] = await agent.events(lastId);
  assert.ok(
    later.every(({ id }) => id > lastId),
    "no event comes twice",
  );
  const status = await agent.status();
  assert.equal(status.services[0]?.instances[0]?.incarnation, 1, "adopted, not restarted");
  const streamed = await agent.serverSentEvents(lastId, later.length);
  assert.deepEqual(
    streamed,
    later.slice(0, streamed.length).map(({ id }) => id),
  );
});

test("down ends everything, says so line by line, and the agent goes", async () => {
  await using agent = await AgentUnderTest.start();
  await agent.call("POST", "/v1/apply", agent.application(2));
  await agent.until("two serve", async () => (await agent.status()).converged);
  const pids = (await agent.status()).services[0]?.instances.map(({ pid }) => pid ?? 0) ?? [];
  const lines = (await agent.text("POST", "/v1/down"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const name of ["gateway-1", "api-1", "api-2"]) {
    assert.ok(
      lines.some(({ instance, phase }) => instance === name && phase === "ended"),
      name,
    );
  }
  await agent.until("the agent has gone", async () => agent.hasEnded);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0));
});
