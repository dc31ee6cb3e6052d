/** Passive ejection: who is put out, for how long, how many at most, and what ends it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CoreBench } from "../../../lab/peers/core-bench.ts";
import { serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { blame } from "./rotation.ts";
import type { Service } from "./service.ts";

function benchOf(memberCount: number): { bench: CoreBench; service: Service } {
  const bench = new CoreBench(memberCount);
  const service = bench.core.state.services.get("hello");
  if (service === undefined) throw new Error("no service");
  return { bench, service };
}

function fail(bench: CoreBench, service: Service, index: number, times = 5): void {
  const member = service.members[index];
  if (member === undefined) throw new Error("no such member");
  for (let n = 0; n < times; n++) blame(bench.core.state, service, member, "status");
}

const outOf = (bench: CoreBench, service: Service) =>
  service.members.flatMap((member, index) => (member.isOut(bench.nowMs) ? [index] : []));

test("five faults in a row put a member out; a good answer in between begins a new row", () => {
  const { bench, service } = benchOf(3);
  fail(bench, service, 0, 4);
  service.members[0]?.succeeded();
  fail(bench, service, 0, 4);
  assert.deepEqual(outOf(bench, service), []);
  fail(bench, service, 0, 1);
  assert.deepEqual(outOf(bench, service), [0]);
});

test("each time it stays out twice as long, up to 30 s, with jitter; a clean minute halves that", () => {
  const { bench, service } = benchOf(3);
  const [member] = service.members;
  const restMs = () => {
    fail(bench, service, 0);
    const untilMs = member?.ejectedUntilMs ?? 0;
    const rest = untilMs - bench.nowMs;
    bench.pass(rest + 1);
    return rest;
  };
  const rests = Array.from({ length: 8 }, restMs);
  for (const [k, rest] of rests.entries()) {
    const middle = Math.min(1_000 * 2 ** k, 30_000);
    assert.ok(rest >= 0.74 * middle && rest <= Math.min(1.26 * middle, 30_000), `${k}: ${rest}`);
  }
  assert.ok(new Set(rests).size > 5, "no jitter");
  bench.pass(10 * 60_000);
  assert.ok(restMs() < 1_300, "ten clean minutes forgive all");
});

test("at most a third is out, and at least one may be; one more, and all are back and it is told", () => {
  for (const [memberCount, outMax] of [
    [2, 1],
    [3, 1],
    [5, 1],
    [6, 2],
    [10, 3],
  ] as const) {
    const { bench, service } = benchOf(memberCount);
    for (let index = 0; index < outMax; index++) fail(bench, service, index);
    assert.equal(outOf(bench, service).length, outMax, `of ${memberCount}`);
    assert.ok(bench.facts.every(({ type }) => type === "ejected"));
    fail(bench, service, outMax);
    assert.deepEqual(outOf(bench, service), [], `of ${memberCount}`);
    assert.equal(bench.facts.at(-1)?.type, "fail-open");
  }
});

test("G15: the last member that serves is never put out", () => {
  const { bench, service } = benchOf(2);
  const shapes = [{ port: 1 }, { port: 2, state: "draining" as const }];
  bench.show(serviceOf(shapes));
  fail(bench, service, 0, 50);
  assert.deepEqual(outOf(bench, service), []);
});

test("a new incarnation starts clean, and the view overrules", () => {
  const { bench, service } = benchOf(3);
  fail(bench, service, 0);
  const shapes = [{ port: 1, incarnation: 2 }, { port: 2 }, { port: 3 }];
  bench.show(serviceOf(shapes));
  assert.deepEqual(outOf(bench, service), []);
  bench.show(serviceOf([...shapes.slice(0, 2), { port: 3, state: "detached" }]));
  const { client } = bench.accept();
  for (let n = 0; n < 60; n++) bench.send(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(bench.upstreams.filter(({ port }) => port === 3).length, 0);
});
