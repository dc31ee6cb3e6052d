/** Members whose ways to each other lead through proxies that can be cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freePorts, Group, pause } from "./testing/group.ts";
import { TcpProxy } from "./testing/tcp-proxy.ts";

const deadline = { timeout: 240_000 };

/** A proxy for every way from one member to another. */
async function meshed(count: number): Promise<{
  readonly group: Group;
  readonly between: (a: string, b: string) => readonly TcpProxy[];
  readonly all: readonly TcpProxy[];
}> {
  const ports = await freePorts(count);
  const ways = new Map<string, TcpProxy>();
  const ids = ports.map((_, index) => `m-${index + 1}`);
  for (const from of ids) {
    for (const [index, to] of ids.entries()) {
      if (from !== to) ways.set(`${from} ${to}`, await TcpProxy.start(ports[index] ?? 0));
    }
  }
  const group = await Group.start({
    count,
    ports,
    via: (member, by) => ({ ...member, port: ways.get(`${by} ${member.id}`)?.port ?? 0 }),
  });
  const between = (a: string, b: string): readonly TcpProxy[] =>
    [ways.get(`${a} ${b}`), ways.get(`${b} ${a}`)].filter((way) => way !== undefined);
  return { group, between, all: [...ways.values()] };
}

test(
  "a leader that is cut off quietly stops before another one leads, and follows it after the heal",
  deadline,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { group, between, all } = await meshed(3);
    for (const way of all) stack.use(way);
    stack.use(group);
    const first = await group.settled();
    const others = group.processes.filter((process) => process !== first.process);
    for (const { id } of others) for (const way of between(first.process.id, id)) way.cut();
    const next = await group.leader(first.term);
    const ended = await first.process.fact("ended");
    assert.match(`${ended["why"]}`, /lease/);
    assert.ok(others.includes(next.process));
    for (const way of all) way.heal();
    const after = await group.settled(first.term);
    assert.equal(after.term, next.fact["term"], "coming back costs no term");
  },
);

test("a follower that loses its own way to the leader deposes nobody", deadline, async () => {
  await using stack = new AsyncDisposableStack();
  const { group, between, all } = await meshed(3);
  for (const way of all) stack.use(way);
  stack.use(group);
  const first = await group.settled();
  const follower = group.processes.find((process) => process !== first.process);
  assert.ok(follower !== undefined);
  for (const way of between(first.process.id, follower.id)) way.cut();
  await follower.fact("suspect");
  await pause(1_500); // Several attempts, each answered "there is a leader" by the third member.
  const { fact } = await group.leader();
  assert.equal(fact["term"], first.term);
});

test("connections that are reset again and again cost no leadership", deadline, async () => {
  await using stack = new AsyncDisposableStack();
  const { group, all } = await meshed(3);
  for (const way of all) stack.use(way);
  stack.use(group);
  const first = await group.settled();
  for (let round = 0; round < 20; round++) {
    for (const way of all) way.reset();
    await pause(40);
  }
  const { fact } = await group.leader();
  assert.equal(fact["term"], first.term);
});
