/**
 * Planned handovers as a gateway sees them: what the old leader has accepted is answered, what it has not
 * begun goes to the next one, whatever the method, and nobody waits for an old leader that is mute.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceView } from "@prunella/wire/view";
import { type BenchUpstream, CoreBench } from "../../../lab/peers/core-bench.ts";
import { electedOf } from "../../../lab/peers/data-path-fixture.ts";

const shapes = [{ port: 1 }, { port: 2 }, { port: 3 }];
const get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\npay";
const answered = (body: string) =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const refusals = [
  "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 503 Service Unavailable\r\nPrunella-Refused: not-started\r\nContent-Length: 0\r\n\r\n",
];

/** The view in which `leads` has taken over from a leader that left by itself. */
function handedOver(leads: number, term: number): ServiceView {
  const service = electedOf(shapes, leads, term);
  const { leader } = service;
  if (leader === undefined) throw new Error("nobody leads");
  return { ...service, leader: { ...leader, handedOver: true } };
}

function benchOf(service: ServiceView): CoreBench {
  const bench = new CoreBench(3);
  bench.show(service);
  return bench;
}

function ask(bench: CoreBench, text: string) {
  const accepted = bench.accept();
  bench.send(accepted.client, text);
  bench.openAll();
  return accepted;
}

function newest(bench: CoreBench): BenchUpstream {
  const each = bench.upstreams.findLast(({ link }) => link.state === "open");
  if (each === undefined) throw new Error("nobody was asked");
  return each;
}

const asked = (bench: CoreBench) =>
  bench.upstreams.filter(({ link }) => link.written.length > 0).map(({ port }) => port);

test("what the old leader finished before it left reaches its client; then its successor is asked", () => {
  for (const text of [get, post]) {
    const bench = benchOf(electedOf(shapes, 0, 1));
    const first = ask(bench, text);
    const old = newest(bench);
    bench.show(handedOver(1, 2));
    const second = ask(bench, text);
    assert.deepEqual(asked(bench), [1], "new requests wait");
    bench.reply(old, answered("done before"));
    assert.match(first.link.written, /done before$/);
    bench.openAll();
    bench.reply(newest(bench), answered("next"));
    assert.match(second.link.written, /next$/);
    assert.deepEqual(asked(bench), [1, 2]);
  }
});

test("without anything outstanding the successor is asked at once", () => {
  const bench = benchOf(electedOf(shapes, 0, 1));
  const { leader, ...nobody } = electedOf(shapes, 0, 1);
  assert.ok(leader);
  bench.show({ ...nobody, leader: { ...leader, state: "handing-over" } });
  const { link } = ask(bench, post);
  bench.show(handedOver(1, 2));
  bench.openAll();
  assert.deepEqual(asked(bench), [2]);
  bench.reply(newest(bench), answered("next"));
  assert.match(link.written, /next$/);
});

test("a request on its way to a leader that left is refused by it, and done by the next, also a POST", () => {
  for (const refusal of refusals) {
    for (const next of [handedOver(1, 2), electedOf(shapes, 1, 2)]) {
      const bench = benchOf(electedOf(shapes, 0, 1));
      const { link } = ask(bench, post);
      const old = newest(bench);
      bench.show(next);
      bench.reply(old, refusal);
      bench.openAll();
      bench.reply(newest(bench), answered("done"));
      assert.match(link.written, /done$/);
      assert.deepEqual(asked(bench), [1, 2]);
    }
  }
});

test("an old leader that says nothing holds nobody up for long; its POST is told that nobody knows", () => {
  const bench = benchOf(electedOf(shapes, 0, 1));
  const mute = ask(bench, post);
  const idempotent = ask(bench, get);
  bench.show(handedOver(1, 2));
  const late = ask(bench, get);
  bench.pass(250);
  bench.openAll();
  assert.deepEqual(asked(bench), [1, 1, 2, 2]);
  for (const each of bench.upstreams.filter(({ link }) => link.state === "open")) {
    if (each.port === 2) bench.reply(each, answered("next"));
  }
  assert.match(idempotent.link.written, /next$/);
  assert.match(late.link.written, /next$/);
  bench.pass(500);
  assert.match(mute.link.written, /503 [\s\S]*GATEWAY_LEADER_CHANGED/);
});

test("after a crash nobody waits for the old leader", () => {
  const bench = benchOf(electedOf(shapes, 0, 1));
  const first = ask(bench, get);
  bench.show(electedOf(shapes, 1, 2));
  bench.openAll();
  assert.deepEqual(asked(bench), [1, 2]);
  bench.reply(newest(bench), answered("next"));
  assert.match(first.link.written, /next$/);
});

test("a POST that was refused by a leader that left may take its whole time with the next one", () => {
  const bench = benchOf(electedOf(shapes, 0, 1));
  const { link } = ask(bench, post);
  const old = newest(bench);
  bench.show(electedOf(shapes, 1, 2));
  bench.reply(old, refusals[0] ?? "");
  bench.openAll();
  bench.pass(5_000);
  assert.equal(link.written, "");
  bench.reply(newest(bench), answered("slow"));
  assert.match(link.written, /slow$/);
});
