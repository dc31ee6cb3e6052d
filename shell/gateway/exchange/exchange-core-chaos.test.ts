/**
 * Goal: whatever order of events clients, members, the clock and the agent come up with, the core
 * throws nothing and loses no book-keeping: when everybody has gone, nothing is in flight, kept,
 * waiting, connecting or open, and what went upstream was well-formed all the time (G2).
 * Method: random events with seeds on links in memory, from fragments of good and bad messages.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "@prunella/core/kernel";
import type { MemberState } from "@prunella/wire/view";
import { type BenchUpstream, CoreBench, type MemoryLink } from "../../../lab/peers/core-bench.ts";
import { memberOf, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import type { ClientConnection } from "./state/client-connection.ts";

const seedCount = 100;
const eventCount = 120;

const requests = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /?a=b HTTP/1.0\r\n\r\n",
  "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  `PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n${"x".repeat(90_000)}`,
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  "BROKEN\r\n\r\n",
  "GET / HTT",
  "3\r\nabc\r\n",
];
const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
  `HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${"y".repeat(40_000)}`,
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  "3\r\ndef\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 503 x\r\nPrunella-Refused: 1\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "nonsense\r\n\r\n",
  "HTTP/1.1 200 O",
];
const states: readonly MemberState[] = ["serving", "serving", "starting", "draining", "leaving"];

class Chaos {
  readonly bench = new CoreBench(3);
  readonly clients: { readonly client: ClientConnection; readonly link: MemoryLink }[] = [];
  #rng;
  #version = 1;
  served = 0;

  constructor(seed: number) {
    this.#rng = rngFrom(seed);
  }

  below(count: number): number {
    const next = draw(this.#rng);
    this.#rng = next.rng;
    return Math.floor(next.value * count);
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  step(): void {
    const { bench } = this;
    const client = this.pick(this.clients.filter(({ client: { index } }) => index >= 0));
    const upstream = this.pick(bench.upstreams.filter(({ link: { state } }) => state === "open"));
    const kind = this.below(20);
    if (kind % 3 === 0) bench.flush();
    if (kind <= 1 || client === undefined) this.clients.push(bench.accept());
    else if (kind <= 7) this.#send(client.client);
    else if (kind === 8) bench.core.clientEnded(client.client, bench.nowMs);
    else if (kind === 9) bench.core.clientClosed(client.client, bench.nowMs);
    else if (kind === 10) this.#turnClientTap(client);
    else if (kind === 11) this.#publish();
    else if (kind === 12) bench.pass(this.below(3) === 0 ? 5_000 : 60);
    else if (upstream !== undefined) this.#actUpstream(upstream, kind);
  }

  #send(client: ClientConnection): void {
    const text = this.pick(requests) ?? "";
    if (this.below(4) > 0) {
      this.bench.send(client, text);
      return;
    }
    const at = this.below(text.length);
    this.bench.send(client, text.slice(0, at));
    this.bench.send(client, text.slice(at));
  }

  #turnClientTap({ client, link }: { client: ClientConnection; link: MemoryLink }): void {
    link.takes = !link.takes;
    if (link.takes) this.bench.core.clientDrained(client, this.bench.nowMs);
  }

  #publish(): void {
    this.#version += 1;
    const members = [1, 2, 3].map((port, n) => ({
      ...memberOf({ port, incarnation: 1 + this.below(3) }, n),
      state: this.pick(states) ?? "serving",
    }));
    const services = this.below(15) === 0 ? [] : [{ ...serviceOf([]), members }];
    const view = {
      cluster: "shop",
      agentTerm: 1,
      version: this.#version,
      controlUrl: "",
      services,
    };
    this.bench.core.applyView(view, this.bench.nowMs);
  }

  #actUpstream(each: BenchUpstream, kind: number): void {
    const { core, nowMs } = this.bench;
    if (!each.open) {
      if (kind === 13) {
        each.link.destroy();
        core.upstreamClosed(each.upstream, nowMs);
      } else {
        each.open = true;
        core.upstreamOpen(each.upstream, nowMs);
      }
    } else if (kind <= 17) {
      this.bench.reply(each, this.pick(responses) ?? "");
    } else if (kind === 18) {
      core.upstreamEnded(each.upstream, nowMs);
    } else if (this.below(2) === 0) {
      each.link.destroy();
      core.upstreamClosed(each.upstream, nowMs);
    } else {
      each.link.takes = !each.link.takes;
      if (each.link.takes) core.upstreamDrained(each.upstream, nowMs);
    }
  }

  /** Everybody goes, and the clock runs on. */
  finish(): void {
    const { core, nowMs } = this.bench;
    for (const { client } of this.clients) core.clientClosed(client, nowMs);
    for (const each of this.bench.upstreams) core.upstreamClosed(each.upstream, nowMs);
    this.bench.pass(10_000);
  }
}

test("random events lose no book-keeping", () => {
  let answered = 0;
  let reused = 0;
  for (let seed = 1; seed <= seedCount; seed++) {
    const chaos = new Chaos(seed);
    const { core, upstreams } = chaos.bench;
    const services = new Set(core.state.services.values());
    for (let event = 0; event < eventCount; event++) {
      chaos.step();
      for (const service of core.state.services.values()) services.add(service);
    }
    for (const { link } of upstreams) checkUpstream(link.written, seed);
    chaos.finish();
    const { state } = core;
    assert.equal(state.clients.length, 0, `seed ${seed}: clients`);
    assert.equal(state.connecting.size, 0, `seed ${seed}: connecting`);
    assert.equal(state.keptBytesTotal, 0, `seed ${seed}: kept bytes`);
    assert.equal(state.finishing.size, 0, `seed ${seed}: finishing`);
    assert.equal(state.clientsByAddress.size, 0, `seed ${seed}: addresses`);
    for (const service of services) {
      assert.equal(service.waiting.length, 0, `seed ${seed}: waiting`);
      assert.equal(service.load.total, 0, `seed ${seed}: load`);
      answered += [...service.counters.classes].reduce((sum, count) => sum + count, 0);
      for (const member of service.members) {
        assert.equal(member.inFlight, 0, `seed ${seed}: in flight`);
        assert.equal(member.connectionCount, 0, `seed ${seed}: connections`);
      }
    }
    for (const { upstream } of upstreams) {
      assert.equal(upstream.member.inFlight, 0, `seed ${seed}: a retired member`);
      assert.equal(upstream.member.connectionCount, 0, `seed ${seed}: a retired member`);
      if (upstream.useCount > 1) reused += 1;
    }
  }
  assert.ok(answered > 500 && reused > 20, `${answered} exchanges, ${reused} reused connections`);
});

/** What a member received is a row of heads that we wrote, each with the body that it announces. */
function checkUpstream(written: string, seed: number): void {
  let at = 0;
  while (at < written.length) {
    const headEnd = written.indexOf("\r\n\r\n", at);
    assert.ok(headEnd >= 0, `seed ${seed}: half a head: ${written.slice(at, at + 80)}`);
    const head = written.slice(at, headEnd);
    assert.match(head, /^[A-Z]+ \/\S* HTTP\/1\.1\r\n/, `seed ${seed}`);
    assert.match(head, /\r\nVia: 1\.1 shop\r\n/, `seed ${seed}`);
    at = headEnd + 4;
    if (head.includes("Upgrade: websocket")) {
      // Behind it come tunnelled bytes, or the next request: either is the client's own.
      return;
    }
    const size = Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0);
    if (head.includes("chunked")) {
      const end = written.indexOf("0\r\n\r\n", at);
      if (end < 0) return;
      at = end + 5;
    } else at += Math.min(size, written.length - at);
  }
}
