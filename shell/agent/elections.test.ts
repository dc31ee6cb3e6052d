/** A real agent, real instances that elect, and everything that the two say to each other. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { InstanceStatus } from "@prunella/wire/control";
import type { ElectionStatus } from "@prunella/wire/election";
import { AgentUnderTest } from "./testing/agent-under-test.ts";
import { ElectionTap } from "./testing/election-tap.ts";

const stop = { drainMs: 5_000, graceMs: 2_000 };

async function elect(agent: AgentUnderTest, changes: object = {}): Promise<void> {
  const lead = { kind: "elected", run: agent.electedProgram, stop, ...changes };
  const cluster = { name: "test", gateway: { port: agent.port }, services: { lead } };
  const answer = await agent.call("POST", "/v1/apply", { cluster, folder: agent.folder });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

async function started(changes: object = {}): Promise<AgentUnderTest> {
  const agent = await AgentUnderTest.start();
  await elect(agent, changes);
  await agent.until("somebody leads", async () => (await agent.status()).converged);
  return agent;
}

async function instances(agent: AgentUnderTest): Promise<readonly InstanceStatus[]> {
  return (await agent.status()).services[0]?.instances ?? [];
}

async function leaderOf(agent: AgentUnderTest): Promise<InstanceStatus> {
  const leaders = (await instances(agent)).filter(({ leads }) => leads === true);
  assert.equal(leaders.length, 1, "one leads");
  return leaders[0] as InstanceStatus;
}

async function election(agent: AgentUnderTest): Promise<ElectionStatus> {
  return (await agent.call("GET", "/v1/services/lead/election")).body;
}

/** Another one, or the same one in its next life: whoever was quicker. */
async function successor(agent: AgentUnderTest, before: InstanceStatus): Promise<void> {
  await agent.until("a later term has a leader", async () => {
    const { leader, term } = await election(agent);
    return leader !== null && term > (before.term ?? 0);
  });
  assert.notEqual(life(await leaderOf(agent)), life(before));
}

function life({ name, incarnation }: InstanceStatus): string {
  return `${name}/${incarnation}`;
}

function announce(agent: AgentUnderTest, body: object, token?: string) {
  return agent.call("POST", "/v1/services/lead/election/leader", body, token);
}

test("three instances elect, and status, view and history say who leads", async () => {
  await using agent = await started();
  const leader = await leaderOf(agent);
  const all = await instances(agent);
  assert.deepEqual(new Set(all.map(({ term }) => term)).size, 1);
  assert.ok((leader.term ?? 0) > 0);
  const { history, state, term } = await election(agent);
  assert.equal(state, "leading");
  assert.deepEqual(
    history.map((row) => [row.leader, row.term, row.to, row.why]),
    [[leader.name, term, null, "start"]],
  );
  const { name: member, incarnation } = leader;
  await agent.until("the gateway has written down who leads", async () => {
    const view = agent.gatewayView().services[0];
    const expected = { member, incarnation, term, state: "leading" };
    return view?.kind === "elected" && isDeepStrictEqual(view.leader, expected);
  });
});

test("a leader that is killed is told at once, and the next one leads under a higher term", async () => {
  await using agent = await started();
  const before = await leaderOf(agent);
  await using tap = await ElectionTap.open(agent, "lead");
  assert.equal((await tap.members()).length, 3);
  process.kill(before.pid ?? 0, "SIGKILL");
  const exit = await tap.exit();
  assert.deepEqual(
    [exit.name, exit.incarnation, exit.pid],
    [before.name, before.incarnation, before.pid],
  );
  await successor(agent, before);
  const [first, second] = (await election(agent)).history;
  assert.match(first?.ending ?? "", new RegExp(`^${before.name} .*SIGKILL`));
  assert.equal(second?.why, "crash");
  assert.ok((second?.leaderlessMs ?? -1) >= 0);
});

// Goal: LR1 and LR2 over the death of an agent. Method: kill it, let the next one take over.
test("LR1: the next agent knows the term and its leader, and refuses what came before", async () => {
  await using agent = await started();
  const before = await leaderOf(agent);
  const file = join(agent.folder, ".prunella", "elections", "lead", "terms.json");
  assert.equal(JSON.parse(readFileSync(file, "utf8")).term, before.term);
  await agent.kill();
  await agent.restart();
  await agent.until("it has settled", async () => (await agent.status()).converged);
  const after = await leaderOf(agent);
  assert.deepEqual([after.name, after.term], [before.name, before.term]);
  const claim = { name: before.name, incarnation: before.incarnation, state: "leading" };
  const stale = await announce(agent, { ...claim, term: (before.term ?? 0) - 1 });
  assert.deepEqual([stale.status, stale.body.error.code], [409, "TERM_CONFLICT"]);
  assert.equal(stale.body.error.details.term, before.term);
});

test("LR1: a leader that dies while no agent looks is gone for the next one, and its term stays", async () => {
  await using agent = await started();
  const before = await leaderOf(agent);
  await agent.kill();
  process.kill(before.pid ?? 0, "SIGKILL");
  await agent.restart();
  await successor(agent, before);
  assert.ok((await election(agent)).history[0]?.ending !== null);
});

test("a forged word, another leader of the same term and a dead one change nothing", async () => {
  await using agent = await started();
  const leader = await leaderOf(agent);
  const other = (await instances(agent)).find(({ leads }) => leads === false);
  const term = leader.term ?? 0;
  const word = { name: other?.name, incarnation: other?.incarnation, state: "leading" };
  const forged = await announce(agent, { ...word, term: term + 1 }, "x".repeat(43));
  assert.deepEqual([forged.status, forged.body.error.code], [401, "TOKEN_REFUSED"]);
  const twin = await announce(agent, { ...word, term });
  assert.deepEqual([twin.status, twin.body.error.code], [409, "TERM_CONFLICT"]);
  const nobody = await announce(agent, { ...word, name: "lead-9", term: term + 1 });
  assert.equal(nobody.status, 404);
  const future = await announce(agent, { ...word, incarnation: 99, term: term + 1 });
  assert.equal(future.status, 409);
  const far = await announce(agent, { ...word, term: Number.MAX_SAFE_INTEGER });
  assert.match(far.body.error.message, /ten years ahead/);
  assert.equal((await leaderOf(agent)).name, leader.name);
  const told = (await agent.events(0)).filter(({ type }) => type === "election.conflict");
  assert.equal(told.length, 1, "the conflict is told, once");
});

test("the token of a service opens its election and nothing else, and no secret is in the environment", async () => {
  await using agent = await started();
  const folder = join(agent.folder, ".prunella", "elections", "lead");
  for (const file of ["key", "token"]) {
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  }
  const token = readFileSync(join(folder, "token"), "utf8").trim();
  const key = readFileSync(join(folder, "key"), "utf8").trim();
  for (const [method, path] of [
    ["GET", "/v1/status"],
    ["POST", "/v1/down"],
    ["GET", "/v1/services/lead/election"],
    ["POST", "/v1/services/lead/election/resign"],
    ["POST", "/v1/services/other/election/leader"],
  ] as const) {
    assert.equal((await agent.call(method, path, undefined, token)).status, 401, path);
  }
  const { name, incarnation, term } = await leaderOf(agent);
  const word = { name, incarnation, term, state: "leading" };
  assert.equal((await announce(agent, word, token)).status, 200);
  const { pid } = await leaderOf(agent);
  const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
  assert.ok(environment.includes(`PRUNELLA_ELECTION_KEY_FILE=${join(folder, "key")}`));
  assert.ok(!environment.includes(token) && !environment.includes(key));
  for (const variable of [
    "POD_ID=",
    "POD_IP=127.0.0.1",
    "WEB_PORT=",
    "PRUNELLA_ELECTION_MODE=quorum",
  ]) {
    assert.ok(environment.includes(`\0${variable}`), variable);
  }
});

test("resign hands over to the one that is named, and refuses one that cannot lead", async () => {
  await using agent = await started();
  const before = await leaderOf(agent);
  const resign = (body: object) => agent.call("POST", "/v1/services/lead/election/resign", body);
  assert.match((await resign({ to: "lead-9" })).body.error.message, /is no member of lead/);
  assert.match((await resign({ to: before.name })).body.error.message, /leads lead already/);
  const heir = (await instances(agent)).findLast(({ leads }) => leads === false)?.name ?? "";
  const answer = await resign({ to: heir });
  assert.deepEqual([answer.status, answer.body.leader], [200, heir]);
  const row = answer.body.history.at(-1);
  assert.equal(row.why, "resign");
  assert.equal((await leaderOf(agent)).name, heir);
  assert.equal((await instances(agent)).find(({ name }) => name === before.name)?.restarts, 0);
});

test("a leader that is restarted, or scaled away, hands over before it ends", async () => {
  await using agent = await started({ count: 4, scale: { min: 3 } });
  const before = await leaderOf(agent);
  await agent.call("POST", `/v1/instances/${before.name}/restart`);
  await agent.until("it is back", async () => {
    const one = (await instances(agent)).find(({ name }) => name === before.name);
    return one?.incarnation === 2 && (await agent.status()).converged;
  });
  const last = (await instances(agent)).at(-1)?.name ?? "";
  if ((await leaderOf(agent)).name !== last) {
    await agent.call("POST", "/v1/services/lead/election/resign", { to: last });
  }
  await agent.call("POST", "/v1/services/lead/scale", { count: 3 });
  await agent.until("three are left, and one leads", async () => {
    return (await agent.status()).converged && (await instances(agent)).length === 3;
  });
  const { history } = await election(agent);
  assert.deepEqual(
    history
      .slice(1)
      .map(({ why }) => why)
      .filter((why) => why !== "resign"),
    [],
    "every change was a planned one",
  );
  const types = (await agent.events(0)).map(({ type }) => type);
  assert.ok(!types.includes("election.no-handover"));
});

test("VS1: a quorum grows and shrinks by one voter at a time", async () => {
  await using agent = await started();
  await using tap = await ElectionTap.open(agent, "lead");
  await agent.call("POST", "/v1/services/lead/scale", { count: 5 });
  await agent.until("five vote", async () => {
    return (await agent.status()).converged && (await instances(agent)).length === 5;
  });
  await agent.call("POST", "/v1/services/lead/scale", { count: 3 });
  await agent.until("three vote", async () => {
    return (await agent.status()).converged && (await instances(agent)).length === 3;
  });
  const sizes = tap.sizes();
  const steps = sizes.slice(1).map((size, index) => Math.abs(size - (sizes[index] ?? 0)));
  assert.ok(Math.max(...steps) <= 1, `sizes were ${sizes}`);
  assert.equal(Math.max(...sizes), 5);
});

test("a changed file restarts one after the other, and the leader last", async () => {
  await using agent = await started();
  const before = await leaderOf(agent);
  const lastId = (await agent.events(0)).at(-1)?.id ?? 0;
  await elect(agent, { env: { COLOUR: "blue" } });
  await agent.until("all have a second life", async () => {
    const all = await instances(agent);
    return all.every(({ incarnation }) => incarnation === 2) && (await agent.status()).converged;
  });
  const launched = (await agent.events(lastId)).filter(({ type }) => type === "instance.launched");
  assert.deepEqual(launched.length, 3);
  assert.equal(launched.at(-1)?.instance, before.name, "the leader was the last one");
  assert.equal((await election(agent)).history.at(-1)?.why, "resign");
});

test("what a voter must not forget stays over restarts, and goes with the service", async () => {
  await using agent = await started();
  const folder = join(agent.folder, ".prunella", "elections", "lead");
  assert.ok(existsSync(join(folder, "voters", "lead-1")));
  const api = { kind: "replicas", run: "./server.mjs", stop: { drainMs: 0, graceMs: 500 } };
  const cluster = { name: "test", gateway: { port: agent.port }, services: { api } };
  await agent.call("POST", "/v1/apply", { cluster, folder: agent.folder });
  await agent.until("its folder has gone", async () => !existsSync(folder));
  const answer = await agent.call("GET", "/v1/services/api/election");
  assert.match(answer.body.error.message, /api elects no leader: its kind is replicas/);
});
