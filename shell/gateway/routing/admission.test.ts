import assert from "node:assert/strict";
import { test } from "node:test";
import { mix32 } from "@prunella/core/kernel";
import type { MemberView } from "@prunella/wire/view";
import { memberOf, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { ClientConnection } from "../exchange/state/client-connection.ts";
import type { Exchange } from "../exchange/state/exchange.ts";
import { defaultLimits } from "../limits.ts";
import { createRequestLimits } from "../parser/index.ts";
import { choose } from "./admission.ts";
import type { Member } from "./member.ts";
import { Service } from "./service.ts";

function exchangeOf(hash: number): Exchange {
  const none = Buffer.alloc(0);
  const { exchange } = new ClientConnection("::1", false, none, createRequestLimits(), 0);
  exchange.begin(0);
  exchange.hash = hash;
  return exchange;
}

function serviceWith(count: number, changes: Parameters<typeof serviceOf>[1] = {}): Service {
  const view = serviceOf([], changes);
  const service = new Service(view, 0);
  const members = Array.from({ length: count }, (_, n) => memberOf({ port: n + 1 }, n));
  service.apply({ ...view, members }, 0);
  return service;
}

function pick(service: Service, exchange: Exchange, nowMs = 0): Member {
  const member = choose(service, exchange, defaultLimits, nowMs);
  assert.ok(member);
  return member;
}

test("a key goes home as long as home has at most the floor of eight in flight", () => {
  const service = serviceWith(3);
  const home = pick(service, exchangeOf(77));
  for (let n = 0; n < 8; n++) {
    assert.equal(pick(service, exchangeOf(77)), home);
    service.began(home);
  }
  const exchange = exchangeOf(77);
  assert.notEqual(pick(service, exchange), home);
  assert.equal(exchange.diverted, "load");
  service.ended(home);
  assert.equal(pick(service, exchangeOf(77)), home, "and comes back when the load is gone");
});

test("one hot key spreads, and no member gets more than its bound", () => {
  const service = serviceWith(10);
  const given = new Map<Member, number>();
  for (let n = 0; n < 1_000; n++) {
    const member = pick(service, exchangeOf(12_345));
    service.began(member);
    given.set(member, (given.get(member) ?? 0) + 1);
  }
  assert.ok(given.size >= 8, "eight times 125 is a thousand");
  assert.ok(Math.max(...given.values()) <= 126, `${Math.max(...given.values())}`);
});

test("members that do not serve take no share of the load bound from those that do", () => {
  const service = serviceWith(3);
  const members = service.view.members.map((member, n) =>
    n === 0 ? member : { ...member, state: "starting" as const },
  );
  service.apply({ ...service.view, members }, 0);
  const exchange = exchangeOf(1);
  for (let n = 0; n < 100; n++) service.began(pick(service, exchange));
  assert.equal(service.counters.failOpen, 0);
});

test("a refused member is passed over for 200 ms, twice as long the next time", () => {
  const service = serviceWith(3);
  const home = pick(service, exchangeOf(5));
  home.refused(1_000);
  assert.notEqual(pick(service, exchangeOf(5), 1_199), home);
  assert.equal(pick(service, exchangeOf(5), 1_200), home);
  home.refused(1_200);
  assert.notEqual(pick(service, exchangeOf(5), 1_599), home);
  assert.equal(pick(service, exchangeOf(5), 1_600), home);
  home.connected();
  home.refused(2_000);
  assert.equal(pick(service, exchangeOf(5), 2_200), home);
});

test("G15: when everybody is out, the least loaded one serves all the same", () => {
  const service = serviceWith(2);
  const [a, b] = service.members;
  assert.ok(a && b);
  a.refused(0);
  b.refused(0);
  service.began(a);
  assert.equal(pick(service, exchangeOf(9), 10), b);
  assert.equal(service.counters.failOpen, 1);
});

test("the concurrency limit is never passed: then the request waits", () => {
  const service = serviceWith(2);
  for (const member of service.members) member.inFlight = defaultLimits.maxInFlight;
  assert.equal(choose(service, exchangeOf(1), defaultLimits, 0), undefined);
});

test("what was tried is not tried again, and when nobody is left the request waits", () => {
  const service = serviceWith(3);
  const exchange = exchangeOf(42);
  const seen = new Set<Member>();
  for (let n = 0; n < 3; n++) {
    const member = pick(service, exchange);
    seen.add(member);
    exchange.tried.push(member);
  }
  assert.equal(seen.size, 3);
  assert.equal(choose(service, exchange, defaultLimits, 0), undefined);
});

test("keys spread evenly over the members, and a restart moves none of them", () => {
  const service = serviceWith(4);
  const home = (n: number) => pick(service, exchangeOf(mix32(n))).view.id;
  const before = Array.from({ length: 4_000 }, (_, n) => home(n));
  const shares = new Map<string, number>();
  for (const id of before) shares.set(id, (shares.get(id) ?? 0) + 1);
  assert.ok(Math.max(...shares.values()) < 1_150);
  const [first, ...rest] = service.view.members;
  assert.ok(first);
  const traffic = { slowStartMs: 0 };
  for (const state of ["starting", "serving"] as const) {
    const restarted: MemberView = { ...first, incarnation: 2, port: 99, state };
    const view = { ...service.view, traffic, members: [restarted, ...rest] };
    assert.equal(service.apply(view, 0).rebuilt, false);
  }
  assert.deepEqual(
    before.map((_, n) => home(n)),
    before,
  );
});

test("the source's map has no load bound", () => {
  const service = serviceWith(3, { placement: "seed-512" });
  const exchange = exchangeOf(0);
  exchange.requestNumber = 132_574;
  for (let n = 0; n < 500; n++) {
    const member = pick(service, exchange);
    assert.equal(member.view.number, 3);
    service.began(member);
  }
});
