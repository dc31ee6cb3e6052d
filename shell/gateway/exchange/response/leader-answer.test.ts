/**
 * Leader routes on a clock that we turn: the term changes at every byte of every kind of answer.
 *
 * Goal: no client ever sees a whole answer that was given under a term which is no longer the highest
 * (G12), nothing that may not be repeated reaches two leaders, and everything else gets an answer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceView } from "@prunella/wire/view";
import { type BenchUpstream, CoreBench } from "../../../../lab/peers/core-bench.ts";
import { electedOf } from "../../../../lab/peers/data-path-fixture.ts";
import { readResponse } from "../../../../lab/peers/raw-client.ts";

const shapes = [{ port: 1 }, { port: 2 }, { port: 3 }];
const elect = (leads: number | undefined, term: number, changes: Partial<ServiceView> = {}) =>
  electedOf(shapes, leads, term, changes);
const get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\npay";
const answered = (body: string, ...fields: readonly string[]) =>
  ["HTTP/1.1 200 OK", ...fields, `Content-Length: ${body.length}`, "", body].join("\r\n");

function benchOf(service: ServiceView, limits = {}): CoreBench {
  const bench = new CoreBench(3, limits);
  bench.show(service);
  return bench;
}

function ask(bench: CoreBench, text: string) {
  const accepted = bench.accept();
  bench.send(accepted.client, text);
  bench.openAll();
  return accepted;
}

/** The newest connection that still lives. */
function newest(bench: CoreBench): BenchUpstream {
  const each = bench.upstreams.findLast(({ link }) => link.state === "open");
  if (each === undefined) throw new Error("nobody was asked");
  return each;
}

const termTold = ({ link }: BenchUpstream) => /Prunella-Term: (\d+)/.exec(link.written)?.[1];
const received = (bench: CoreBench) =>
  bench.upstreams.filter(({ link }) => link.written.length > 0).map(({ port }) => port);
const counters = (bench: CoreBench) => {
  const service = bench.core.state.services.get("hello");
  if (service === undefined) throw new Error("no service");
  return service.counters;
};

test("the leader gets all requests, and is told its term; what a client claims is not passed on", () => {
  const bench = benchOf(elect(1, 7));
  for (let n = 0; n < 10; n++) {
    const { client, link } = ask(bench, get.replace("Host", "Prunella-Term: 99\r\nHost"));
    bench.reply(newest(bench), answered("mine"));
    assert.match(link.written, /mine$/);
    bench.core.clientClosed(client, bench.nowMs);
  }
  assert.deepEqual(new Set(received(bench)), new Set([2]));
  const [only] = bench.upstreams;
  assert.deepEqual(
    new Set(only?.link.written.match(/Prunella-Term: \d+/g)),
    new Set(["Prunella-Term: 7"]),
  );
});

const kindsOfAnswer: Readonly<Record<string, string>> = {
  small: answered("old".repeat(20)),
  large: answered("old".repeat(7_000)),
  chunked:
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\noldold\r\n3\r\nold\r\n0\r\n\r\n",
  "with an early word": `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${answered("oldold")}`,
};

for (const [kind, answer] of Object.entries(kindsOfAnswer)) {
  // Every byte of the heads and of the small ones; a large body is the same wherever it is cut.
  const cuts = Array.from({ length: answer.length + 1 }, (_, cut) => cut).filter(
    (cut) => cut < 200 || cut > answer.length - 20,
  );

  test(`G12: a term that begins at any byte of an answer (${kind}): no stale one is ever whole`, () => {
    for (const cut of cuts) {
      const bench = benchOf(elect(0, 1));
      const { link } = ask(bench, get);
      const old = newest(bench);
      if (cut > 0) bench.reply(old, answer.slice(0, cut));
      const given = link.written;
      bench.show(elect(1, 2));
      bench.openAll();
      bench.reply(old, answer.slice(cut));
      if (cut === answer.length) {
        assert.match(link.written, /old/);
        continue;
      }
      assert.equal(old.link.state, "destroyed");
      if (/HTTP\/1\.1 200/.test(given)) {
        assert.equal(link.state, "destroyed", `cut ${cut}`);
        assert.equal(link.written, given, `cut ${cut}`);
        assert.deepEqual(received(bench), [1]);
        continue;
      }
      const next = newest(bench);
      assert.equal(next.port, 2, `cut ${cut}`);
      assert.equal(termTold(next), "2");
      bench.reply(next, answered("new"));
      assert.equal(readResponse(link.written)?.body, "new", `cut ${cut}`);
      assert.doesNotMatch(link.written, /old/);
    }
  });

  test(`a POST whose answer is overtaken (${kind}) is never sent twice, and says that nobody knows`, () => {
    for (const cut of cuts.filter((at) => at < answer.length)) {
      const bench = benchOf(elect(0, 1));
      const { link } = ask(bench, post);
      const old = newest(bench);
      if (cut > 0) bench.reply(old, answer.slice(0, cut));
      const given = link.written;
      bench.show(elect(1, 2));
      bench.openAll();
      bench.reply(old, answer.slice(cut));
      bench.pass(3_000);
      assert.deepEqual(received(bench), [1], `cut ${cut}`);
      if (/HTTP\/1\.1 200/.test(given)) assert.equal(link.written, given);
      else assert.match(link.written, /503 [^\n]*\r\n[\s\S]*GATEWAY_LEADER_CHANGED/, `cut ${cut}`);
    }
  });
}

test("with finishStarted an answer that has begun ends; its connection is not used again", () => {
  const bench = benchOf(elect(0, 1, { finishStarted: true }));
  const { link } = ask(bench, get);
  const old = newest(bench);
  bench.reply(old, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nold\r\n");
  bench.show(elect(1, 2, { finishStarted: true }));
  bench.reply(old, "0\r\n\r\n");
  assert.equal(readResponse(link.written)?.body, "old");
  assert.equal(old.link.state, "destroyed");
});

test("a request that has no connection yet goes to the new leader, whatever its method", () => {
  for (const text of [get, post]) {
    const bench = benchOf(elect(0, 1));
    const { client, link } = bench.accept();
    bench.send(client, text);
    bench.show(elect(1, 2));
    bench.openAll();
    assert.deepEqual(received(bench), [2]);
    bench.reply(newest(bench), answered("new"));
    assert.match(link.written, /new$/);
  }
});

test("G11: terms never fall, and a term has one leader", () => {
  const bench = benchOf(elect(1, 5));
  const leadsTo = () => {
    const { client } = ask(bench, get);
    const { port } = newest(bench);
    bench.core.clientClosed(client, bench.nowMs);
    return port;
  };
  assert.equal(leadsTo(), 2);
  bench.show(elect(0, 4));
  assert.equal(leadsTo(), 2);
  assert.equal(bench.facts.at(-1)?.type, "term-lower");
  bench.show(elect(2, 5));
  assert.equal(leadsTo(), 2);
  assert.equal(bench.facts.at(-1)?.type, "term-conflict");
  const restarted = shapes.map((shape, index) => ({ ...shape, incarnation: index === 1 ? 2 : 1 }));
  bench.show(electedOf(restarted, 1, 5));
  assert.throws(leadsTo, /nobody was asked/, "the leader of the term was another incarnation");
  bench.show(elect(1, 5));
  assert.equal(leadsTo(), 2);
  bench.show(elect(0, 6));
  assert.equal(leadsTo(), 1);
});

test("an answer that names a lower term reaches nobody; GET is asked again, POST is told", () => {
  const bench = benchOf(elect(0, 5));
  const { link } = ask(bench, get);
  bench.reply(newest(bench), answered("stale", "Prunella-Term: 4"));
  assert.equal(link.written, "");
  bench.pass(250);
  bench.openAll();
  bench.reply(newest(bench), answered("fresh", "Prunella-Term: 5"));
  assert.match(link.written, /fresh$/);
  assert.doesNotMatch(link.written, /Prunella-Term|stale/);
  const second = ask(bench, post);
  bench.reply(newest(bench), answered("stale", "Prunella-Term: 4"));
  assert.match(second.link.written, /GATEWAY_LEADER_CHANGED/);
  assert.equal(counters(bench).staleAnswersDropped, 2);
});

test("G12: an answer under a lower term reaches nobody, also when nobody took the request back", () => {
  const bench = benchOf(elect(0, 5));
  const asked = ask(bench, get);
  const [each] = bench.upstreams;
  assert.ok(each);
  const next = elect(1, 6);
  bench.core.state.services.get("hello")?.leaderRoute?.take(next.leader);
  bench.reply(each, answered("stale"));
  assert.equal(asked.link.written, "");
  bench.show(next);
  bench.openAll();
  bench.reply(newest(bench), answered("fresh"));
  assert.match(asked.link.written, /fresh$/);
  assert.equal(counters(bench).staleAnswersDropped, 1);
});

test("an answer that names a higher term is served and does not move the route", () => {
  const bench = benchOf(elect(0, 5));
  for (let n = 0; n < 3; n++) {
    const { client, link } = ask(bench, get);
    bench.reply(newest(bench), answered("ahead", "Prunella-Term: 9"));
    assert.match(link.written, /ahead$/);
    bench.core.clientClosed(client, bench.nowMs);
  }
  assert.deepEqual(new Set(received(bench)), new Set([1]));
  assert.equal(bench.facts.at(-1)?.type, "view-behind");
});

test("421 means that nothing was done: even a POST waits for the leader, and is done once", () => {
  for (const refusal of [
    "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 Service Unavailable\r\nPrunella-Refused: not-leader\r\nContent-Length: 0\r\n\r\n",
  ]) {
    const bench = benchOf(elect(0, 1));
    const { link } = ask(bench, post);
    bench.reply(newest(bench), refusal);
    assert.equal(link.written, "");
    bench.openAll();
    assert.deepEqual(received(bench), [1], "it waits");
    bench.show(elect(1, 2));
    bench.openAll();
    bench.reply(newest(bench), answered("done"));
    assert.match(link.written, /done$/);
    assert.deepEqual(received(bench), [1, 2]);
  }
});

test("while nobody leads, or the leader hands over, requests wait; nobody else gets them", () => {
  const handingOver = (): ServiceView => {
    const service = elect(0, 1);
    const { leader } = service;
    return leader === undefined
      ? service
      : { ...service, leader: { ...leader, state: "handing-over" } };
  };
  for (const without of [elect(undefined, 0), handingOver()]) {
    const bench = benchOf(elect(0, 1));
    bench.show(without);
    const first = ask(bench, post);
    const late = ask(bench, get);
    bench.pass(1_500);
    assert.equal(first.link.written, "");
    bench.show(elect(2, 2));
    bench.openAll();
    assert.deepEqual(received(bench), [3, 3]);
    for (const { upstream } of bench.upstreams) {
      bench.core.upstreamBytes(upstream, Buffer.from(answered("here")), bench.nowMs);
    }
    assert.match(first.link.written + late.link.written, /here[\s\S]*here/);
  }
  const bench = benchOf(elect(undefined, 0));
  const { link } = ask(bench, get);
  bench.pass(2_500);
  assert.match(link.written, /503 [\s\S]*Retry-After: 1[\s\S]*GATEWAY_UNAVAILABLE/);
});

test("more requests than the queue holds are told at once", () => {
  const bench = benchOf(elect(undefined, 0), { heldMax: 3 });
  const links = Array.from({ length: 5 }, () => ask(bench, get).link);
  const told = links.map(({ written }) => written.includes("GATEWAY_QUEUE_FULL"));
  assert.deepEqual(told, [false, false, false, true, true]);
});

test("a dead leader: GETs wait for the next one, even when no retry is left in the budget", () => {
  const bench = benchOf(elect(0, 1));
  const gets = Array.from({ length: 60 }, () => ask(bench, get));
  const { link: unsafe } = ask(bench, post);
  for (const each of [...bench.upstreams]) bench.core.upstreamClosed(each.upstream, bench.nowMs);
  for (let n = 0; n < 40; n++) {
    for (const each of [...bench.upstreams]) {
      if (each.link.state === "open") bench.core.upstreamClosed(each.upstream, bench.nowMs);
    }
    bench.pass(25);
  }
  assert.match(unsafe.written, /502 [\s\S]*GATEWAY_OUTCOME_UNKNOWN/);
  bench.show(elect(1, 2));
  bench.openAll();
  for (const each of bench.upstreams.filter(({ link }) => link.state === "open")) {
    assert.equal(each.port, 2);
    bench.reply(each, answered("alive"));
  }
  assert.equal(gets.filter(({ link }) => link.written.endsWith("alive")).length, 60);
});

test("without news, followers that pass requests on are asked; only an answer with a term counts", () => {
  const bench = benchOf(elect(0, 3, { followers: "proxy" }));
  const misdirected = "HTTP/1.1 421 Misdirected Request\r\nContent-Length: 0\r\n\r\n";
  const first = ask(bench, get);
  bench.reply(newest(bench), misdirected);
  bench.pass(250);
  bench.openAll();
  bench.reply(newest(bench), misdirected); // The leader that the view knows is asked once more.
  bench.pass(400);
  bench.openAll();
  const follower = newest(bench);
  assert.equal(termTold(follower), undefined, "a follower is told no term");
  bench.reply(follower, answered("from nobody knows whom"));
  assert.equal(first.link.written, "");
  bench.openAll();
  bench.reply(newest(bench), answered("from the third", "Prunella-Term: 4"));
  assert.match(first.link.written, /from the third$/);
  // From now on it is known that the view is behind: nobody waits for news.
  const second = ask(bench, post);
  assert.equal(termTold(newest(bench)), undefined);
  bench.reply(newest(bench), answered("at once", "Prunella-Term: 4"));
  assert.match(second.link.written, /at once$/);
  bench.show(elect(2, 4, { followers: "proxy" }));
  ask(bench, get);
  assert.equal(newest(bench).port, 3);
  assert.equal(termTold(newest(bench)), "4");
});

test("followers that do not pass requests on are never asked", () => {
  for (const followers of ["redirect", "refuse"] as const) {
    const bench = benchOf(elect(0, 3, { followers }));
    const { link } = ask(bench, get);
    bench.core.upstreamClosed(newest(bench).upstream, bench.nowMs);
    bench.pass(3_000);
    assert.deepEqual(new Set(bench.upstreams.map(({ port }) => port)), new Set([1]));
    assert.match(link.written, /50[23] /);
  }
});

test("followers that know no leader either are asked again and again, within the patience", () => {
  const bench = benchOf(elect(undefined, 0, { followers: "proxy" }));
  const { link } = ask(bench, post);
  for (let n = 0; n < 100; n++) {
    bench.pass(25);
    bench.openAll();
    for (const each of bench.upstreams.filter((one) => one.link.state === "open")) {
      bench.reply(each, "HTTP/1.1 503 No\r\nPrunella-Refused: x\r\nContent-Length: 0\r\n\r\n");
    }
  }
  assert.match(link.written, /503 [\s\S]*GATEWAY_UNAVAILABLE/);
  assert.ok(
    bench.upstreams.length > 3 && bench.upstreams.length <= 12,
    `${bench.upstreams.length}`,
  );
});

test("the leader is never ejected, however often it fails", () => {
  const bench = benchOf(elect(0, 1));
  for (let n = 0; n < 20; n++) {
    const { link } = ask(bench, get);
    bench.reply(newest(bench), "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    assert.match(link.written, /^HTTP\/1\.1 500/);
  }
});
