/**
 * Goal: G3 and G21 whatever happens: each client gets the answers to its own requests, in order and
 * whole, or something that is visibly no answer of a member.
 * Method: random turns with seeds on links in memory. Members answer in order, sooner or later, in
 * pieces, in every framing, and now and then die, break off, close, or add bytes that are no answer;
 * clients pipeline, stop reading and vanish. Each answer names its request, so that any other is found.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "@prunella/core/kernel";
import { type BenchUpstream, CoreBench } from "../../../../lab/peers/core-bench.ts";
import { memberOf, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import type { Asker } from "../../../../lab/peers/pipeline-bench.ts";

const seedCount = 150;
const turnCount = 120;

type Customer = Asker & { readonly asked: { readonly method: string; readonly name: string }[] };
type Request = { readonly method: string; readonly name: string };

class Market {
  readonly bench = new CoreBench(2, { upstreamPipelineMs: 500 }, { pipelining: "safe" });
  readonly customers: Customer[] = [];
  faults = 0;
  /** Turns whose end somebody spent in a line that waits for more. */
  waits = 0;
  #rng;
  #names = 0;
  /** Per connection: how far its requests were read, and bytes of answers not yet said. */
  readonly #read = new Map<BenchUpstream, number>();
  readonly #unsaid = new Map<BenchUpstream, string>();

  constructor(seed: number) {
    this.#rng = rngFrom(seed);
  }

  below(count: number): number {
    const next = draw(this.#rng);
    this.#rng = next.rng;
    return Math.floor(next.value * count);
  }

  /** Some ask, some answer; then everything that was gathered leaves. */
  turn(): void {
    const { bench } = this;
    for (let n = this.below(8); n > 0; n--) this.#ask();
    if (this.below(4) === 0) bench.nowMs += 1;
    if (this.below(6) > 0) {
      bench.openAll();
      if (bench.core.state.gathering.length > 0) this.waits += 1;
    }
    for (const each of [...bench.upstreams]) if (this.below(3) > 0) this.#answer(each);
    const customer = this.customers[this.below(this.customers.length)];
    const luck = this.below(30);
    if (customer !== undefined && luck === 0) {
      bench.core.clientClosed(customer.client, bench.nowMs);
    } else if (customer !== undefined && luck <= 2) {
      customer.link.takes = !customer.link.takes;
      if (customer.link.takes) bench.core.clientDrained(customer.client, bench.nowMs);
    } else if (luck === 3) {
      bench.pass(this.below(3) * 400);
    } else if (luck === 4) {
      const members = [1, 2].map((port, n) =>
        memberOf(
          { port, incarnation: 1 + this.below(2), state: n === 0 ? "serving" : "draining" },
          n,
        ),
      );
      bench.show({ ...serviceOf([], { pipelining: "safe" }), members });
    }
  }

  #ask(): void {
    const index = this.below(12);
    const known = this.customers.filter(({ client }) => client.index >= 0)[index];
    const customer = known ?? { ...this.bench.accept(), asked: [] };
    if (known === undefined) this.customers.push(customer);
    const name = `r${++this.#names}.`;
    const luck = this.below(10);
    const method = luck === 0 ? "POST" : luck === 1 ? "HEAD" : "GET";
    const length = method === "POST" ? "Content-Length: 0\r\n" : "";
    customer.asked.push({ method, name });
    const text = `${method} /${name} HTTP/1.1\r\nHost: a\r\n${length}\r\n`;
    this.bench.send(customer.client, text);
  }

  #answer(each: BenchUpstream): void {
    if (!each.open || each.link.state !== "open") return;
    const { bench } = this;
    const requests = this.#requestsOf(each);
    const unsaid = (this.#unsaid.get(each) ?? "") + requests.map((r) => this.#answerTo(r)).join("");
    const isAll = this.below(4) > 0;
    const piece = isAll ? unsaid : unsaid.slice(0, this.below(unsaid.length + 1));
    this.#unsaid.set(each, unsaid.slice(piece.length));
    if (piece.length > 0) bench.reply(each, piece);
    const luck = this.below(40);
    if (each.link.state !== "open") return;
    if (luck === 0) {
      this.faults += 1;
      each.link.destroy();
      bench.core.upstreamClosed(each.upstream, bench.nowMs);
    } else if (luck === 1 && isAll) {
      this.faults += 1;
      bench.reply(each, "no answer");
      bench.reply(each, "\r\n\r\n");
    } else if (luck === 2) {
      bench.core.upstreamEnded(each.upstream, bench.nowMs);
      each.link.destroy();
    }
  }

  /** Whole requests that have come on this connection since the last look. */
  #requestsOf(each: BenchUpstream): readonly Request[] {
    const from = this.#read.get(each) ?? 0;
    this.#read.set(each, each.link.written.length);
    const lines = each.link.written.slice(from).matchAll(/^([A-Z]+) \/(\S+) HTTP\/1\.1\r$/gm);
    return [...lines].map(([, method = "", name = ""]) => ({ method, name }));
  }

  #answerTo({ method, name }: Request): string {
    const size = [0, 0, 0, 200, 20_000][this.below(5)] ?? 0;
    const body = `<${name}${"x".repeat(size)}>`;
    const luck = this.below(25);
    const id = `X-Name: ${name}\r\n`;
    const interim = luck === 0 ? "HTTP/1.1 103 x\r\n\r\n" : "";
    if (luck === 1) return `${interim}HTTP/1.1 204 x\r\n${id}\r\n`;
    const ends = luck === 2 ? "Connection: close\r\n" : "";
    const isChunked = luck > 18;
    const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
    const head = `${interim}HTTP/1.1 200 OK\r\n${id}${ends}${framing}\r\n\r\n`;
    if (method === "HEAD") return head;
    return head + (isChunked ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
  }
}

type Seen = { readonly own: number; readonly refused: number };

/** Reads what a client received as the answers to what it asked; throws at the first foreign byte. */
function check({ link, asked }: Customer, where: string): Seen {
  let rest = link.written;
  let own = 0;
  const refused = 0;
  for (const { method, name } of asked) {
    rest = rest.replace(/^(?:HTTP\/1\.1 103 x\r\n\r\n)+/, "");
    const headEnd = rest.indexOf("\r\n\r\n") + 4;
    if (headEnd < 4) break;
    const head = rest.slice(0, headEnd);
    const status = Number(head.slice(9, 12));
    if (status >= 500) {
      assert.match(rest, /"code":"GATEWAY_|^HTTP\/1\.1 50\d [\s\S]*\r\n\r\n$/, where);
      return { own, refused: refused + 1 };
    }
    assert.ok(head.includes(`\r\nX-Name: ${name}\r\n`), `${where}: ${name} got ${head}`);
    rest = rest.slice(headEnd);
    if (method !== "HEAD" && status === 200) {
      const { body, left } = bodyOf(head, rest);
      // Broken off: what is there of it is its own, and nothing follows.
      if (body === undefined) {
        const content = left.replace(/^[0-9a-f]*\r?\n?/, "");
        const beginning = `<${name}`;
        assert.equal(content.slice(0, beginning.length), beginning.slice(0, content.length), where);
        assert.ok(!content.includes("<r", 1), `${where}: a second answer`);
        return { own, refused };
      }
      assert.ok(
        body.startsWith(`<${name}`) && body.endsWith(">"),
        `${where}: ${body.slice(0, 40)}`,
      );
      rest = left;
    }
    own += 1;
  }
  return { own, refused };
}

function bodyOf(
  head: string,
  rest: string,
): { readonly body: string | undefined; readonly left: string } {
  const length = /Content-Length: (\d+)/.exec(head)?.[1];
  const size = length === undefined ? Number.parseInt(rest, 16) : Number(length);
  const start = length === undefined ? rest.indexOf("\r\n") + 2 : 0;
  const end = start + size;
  const tail = length === undefined ? "\r\n0\r\n\r\n" : "";
  if (!(rest.length >= end) || !rest.startsWith(tail, end)) return { body: undefined, left: rest };
  return { body: rest.slice(start, end), left: rest.slice(end + tail.length) };
}

test("G3, G21: in any disorder each client gets exactly the answers to its own requests", () => {
  const sum = { own: 0, refused: 0, pipelined: 0, faults: 0, waits: 0 };
  for (let seed = 1; seed <= seedCount; seed++) {
    const market = new Market(seed);
    const { bench } = market;
    const services = [...bench.core.state.services.values()];
    for (let turn = 0; turn < turnCount; turn++) market.turn();
    for (const customer of market.customers) {
      const { own, refused } = check(customer, `seed ${seed}`);
      sum.own += own;
      sum.refused += refused;
    }
    sum.faults += market.faults;
    sum.waits += market.waits;
    for (const { client } of market.customers) bench.core.clientClosed(client, bench.nowMs);
    bench.flush();
    for (const each of bench.upstreams) bench.core.upstreamClosed(each.upstream, bench.nowMs);
    assert.equal(bench.core.state.clients.length, 0, `seed ${seed}`);
    assert.equal(bench.core.state.unsettled.length, 0, `seed ${seed}`);
    for (const { load, counters } of services) {
      assert.equal(load.total, 0, `seed ${seed}: in flight`);
      sum.pipelined += counters.pipelined;
    }
    for (const { upstream } of bench.upstreams) {
      assert.equal(upstream.member.inFlight, 0, `seed ${seed}: in flight`);
      assert.equal(upstream.member.connectionCount, 0, `seed ${seed}: connections`);
      assert.equal(upstream.member.linesUnderWay, 0, `seed ${seed}: lines`);
      assert.equal(upstream.line.length, 0, `seed ${seed}: a line`);
    }
  }
  assert.ok(sum.own > 20_000 && sum.pipelined > 2_000 && sum.faults > 500, JSON.stringify(sum));
  assert.ok(sum.waits > 500, JSON.stringify(sum));
});
