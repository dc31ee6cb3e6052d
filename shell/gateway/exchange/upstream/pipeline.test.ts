/**
 * Goal: requests that share a connection each get their own answer, whatever the member, the other
 * clients and the clock do (G3, G21), and a framing fault ends the sharing (G22).
 * Method: lines of requests on links in memory. Faults come at every place of a line.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asker, answerTo, get, PipelineBench } from "../../../../lab/peers/pipeline-bench.ts";
import { defaultLimits } from "../../limits.ts";

const targets = ["/a", "/b", "/c", "/d"];
const head = (target: string) => get(target).replace("GET", "HEAD");

function bodyOf({ link }: Asker): string {
  return link.written.slice(link.written.lastIndexOf("\r\n\r\n") + 4);
}

const bodiesOf = (askers: readonly Asker[]): readonly string[] => askers.map(bodyOf);
const lineOf = (pipe: PipelineBench) => pipe.line(...targets.map((target) => get(target)));

test("G21: requests of one turn leave as one line, and their answers come back in its order", () => {
  const pipe = new PipelineBench();
  const before = pipe.first.link.writeCount;
  const askers = lineOf(pipe);
  assert.deepEqual(pipe.targetsOf(pipe.first), ["/warm", ...targets]);
  assert.equal(pipe.first.link.writeCount - before, 1);
  pipe.bench.reply(pipe.first, targets.map(answerTo).join(""));
  assert.deepEqual(bodiesOf(askers), targets);
  assert.equal(pipe.bench.upstreams.length, 1);
  const [service] = pipe.bench.core.state.services.values();
  assert.equal(service?.counters.pipelined, 3);
  assert.equal(service?.load.total, 0);
});

test("G21: a line has a limit; what is above it in the turn gets another connection", () => {
  const pipe = new PipelineBench();
  const { upstreamPipelineMax } = defaultLimits;
  const asked = Array.from({ length: upstreamPipelineMax + 2 }, (_, n) => `/${n}`);
  const askers = pipe.line(...asked.map((target) => get(target)));
  // The one that made the connection, and those in line.
  assert.deepEqual(pipe.targetsOf(pipe.first).length, 1 + upstreamPipelineMax);
  pipe.serve();
  assert.deepEqual(bodiesOf(askers), asked);
  assert.equal(pipe.bench.upstreams.length, 3, "a new connection must prove itself first");
});

test("nothing joins a line of an earlier turn, and a lone request waits for nobody", () => {
  const pipe = new PipelineBench();
  pipe.warm(2);
  const [slow] = pipe.line(get("/slow"));
  const [quick] = pipe.line(get("/quick"));
  const asked = pipe.bench.upstreams.map((each) => pipe.targetsOf(each).at(-1));
  assert.deepEqual(asked.toSorted(), ["/quick", "/slow"]);
  pipe.serve();
  assert.deepEqual(bodiesOf([slow, quick].flatMap((asker) => asker ?? [])), ["/slow", "/quick"]);
});

test("G21: what is no GET or HEAD without a body never shares a connection", () => {
  const alone = [
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    "POST /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  ];
  for (const request of alone) {
    const pipe = new PipelineBench();
    pipe.warm(3);
    pipe.line(get("/a"), request, get("/b"));
    pipe.bench.openAll();
    const lines = pipe.bench.upstreams.map((each) =>
      pipe.targetsOf(each).filter((target) => target !== "/warm"),
    );
    assert.ok(
      lines.some((line) => line.join() === "/a,/b"),
      request,
    );
    assert.ok(
      lines.some((line) => line.join() === "/x"),
      request,
    );
  }
});

test("without `pipelining` nothing is shared, and on a connection that streamed last nothing either", () => {
  const pipe = new PipelineBench();
  const [asker] = pipe.line(get("/long"));
  pipe.skip(pipe.first, 1);
  pipe.bench.reply(
    pipe.first,
    `HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n${"x".repeat(9_000)}`,
  );
  pipe.bench.reply(pipe.first, "x".repeat(11_000));
  assert.equal(asker?.link.state, "open");
  lineOf(pipe);
  assert.equal(pipe.targetsOf(pipe.first).length, 3, "one of them alone");
  pipe.serve();
  lineOf(pipe);
  assert.equal(pipe.bench.upstreams.length, 4, "small answers: they share again");
});

/** Each kind of whole answer, as the second of three. */
const kinds: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "HEAD with a length",
    head("/b"),
    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
    /: 99\r\n.*\r\n\r\n$/s,
  ],
  ["204", get("/b"), "HTTP/1.1 204 No Content\r\n\r\n", /^HTTP\/1\.1 204/],
  ["304", get("/b"), "HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", /^HTTP\/1\.1 304/],
  [
    "chunks",
    get("/b"),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    /2\r\nhi\r\n0\r\n\r\n$/,
  ],
  [
    "interim answers",
    get("/b"),
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\n\r\n${answerTo("/b")}`,
    /^HTTP\/1\.1 100 .*103 .*\/b$/s,
  ],
  ["an empty body", get("/b"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", /^HTTP\/1\.1 200/],
  [
    "a large body",
    get("/b"),
    `HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${"y".repeat(40_000)}`,
    /y{40000}$/,
  ],
];

test("G21: answers of every kind keep their place, however the bytes were cut", () => {
  for (const [name, request, answer, expected] of kinds) {
    const whole = answerTo("/a") + answer + answerTo("/c");
    const positions =
      whole.length > 2_000 ? [1, 60, 200, 20_000, 40_090] : Array.from(whole, (_, index) => index);
    for (const cut of positions) {
      const pipe = new PipelineBench();
      const [a, b, c] = pipe.line(get("/a"), request, get("/c"));
      assert.ok(a && b && c);
      pipe.bench.reply(pipe.first, whole.slice(0, cut));
      pipe.bench.reply(pipe.first, whole.slice(cut));
      assert.match(b.link.written, expected, `${name}, cut at ${cut}`);
      assert.deepEqual(bodiesOf([a, c]), ["/a", "/c"], `${name}, cut at ${cut}`);
      assert.equal(pipe.first.link.state, "open", name);
    }
  }
});

const close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast";

test("a close in the middle of a line sends those behind it elsewhere, at no cost", () => {
  for (const last of [
    close,
    "HTTP/1.1 200 OK\r\n\r\nlast",
    "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nlast",
  ]) {
    for (const place of targets.keys()) {
      const pipe = new PipelineBench();
      const askers = lineOf(pipe);
      pipe.bench.reply(pipe.first, targets.slice(0, place).map(answerTo).join("") + last);
      pipe.bench.core.upstreamEnded(pipe.first.upstream, pipe.bench.nowMs);
      pipe.serve();
      const bodies = bodiesOf(askers).map((body) => (/^4\r\nlast/.test(body) ? "last" : body));
      const wrapped = askers[place]?.link.written ?? "";
      assert.match(wrapped, /last/, `place ${place}`);
      assert.deepEqual(bodies.toSpliced(place, 1), targets.toSpliced(place, 1), `place ${place}`);
      const [service] = pipe.bench.core.state.services.values();
      assert.equal(service?.counters.retries.snapshot()["free"], 3 - place);
      assert.equal(service?.counters.retries.snapshot()["spent"], 0);
      const others = pipe.bench.upstreams.slice(1).map((each) => pipe.targetsOf(each));
      assert.ok(
        others.every((line) => line.length === 1),
        "a retry shares no connection",
      );
    }
  }
});

type Fault = {
  readonly name: string;
  /** What the member says in place of the answer; then it closes, or not. */
  readonly says: string;
  readonly closes: boolean;
  /** What the client at this place hears. */
  readonly hears: RegExp;
  readonly isFraming: boolean;
};

const faults: readonly Fault[] = [
  { name: "dies before the head", says: "", closes: true, hears: /\/[a-d]$/, isFraming: false },
  {
    name: "dies in the head",
    says: "HTTP/1.1 200 O",
    closes: true,
    hears: /\/[a-d]$/,
    isFraming: false,
  },
  {
    name: "dies in a small body",
    says: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    closes: true,
    hears: /\/[a-d]$/,
    isFraming: false,
  },
  {
    name: "sends 100 and dies",
    says: "HTTP/1.1 100 Continue\r\n\r\n",
    closes: true,
    hears: /^HTTP\/1\.1 100 .*\/[a-d]$/s,
    isFraming: false,
  },
  {
    name: "dies between chunks",
    says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
    closes: true,
    hears: /hi\r\n$/,
    isFraming: false,
  },
  {
    name: "breaks a chunk",
    says: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhixx",
    closes: false,
    hears: /\r\n\r\n$/,
    isFraming: true,
  },
];

test("a connection that fails at any place fails all behind it; each of them is asked once more", () => {
  for (const fault of faults) {
    for (const place of targets.keys()) {
      const pipe = new PipelineBench();
      const askers = lineOf(pipe);
      pipe.addSibling();
      pipe.bench.reply(pipe.first, targets.slice(0, place).map(answerTo).join("") + fault.says);
      if (fault.closes) pipe.bench.core.upstreamClosed(pipe.first.upstream, pipe.bench.nowMs);
      pipe.serve();
      const where = `${fault.name} at ${place}`;
      assert.match(askers[place]?.link.written ?? "", fault.hears, where);
      assert.deepEqual(bodiesOf(askers).toSpliced(place, 1), targets.toSpliced(place, 1), where);
      const [member] = [...pipe.bench.core.state.services.values()].flatMap(
        ({ members }) => members,
      );
      assert.equal((member?.shareAgainAtMs ?? 0) > pipe.bench.nowMs, fault.isFraming, where);
    }
  }
});

test("garbage in place of an answer is 502 for the first in line, and another try for those behind", () => {
  for (const place of targets.keys()) {
    const pipe = new PipelineBench();
    const askers = lineOf(pipe);
    pipe.addSibling();
    pipe.bench.reply(
      pipe.first,
      `${targets.slice(0, place).map(answerTo).join("")}garbage\r\n\r\n`,
    );
    pipe.serve();
    assert.equal(pipe.first.link.state, "destroyed");
    for (const [index, asker] of askers.entries()) {
      if (index === 0 && place === 0) assert.match(asker.link.written, /^HTTP\/1\.1 502 /);
      else assert.equal(bodyOf(asker), targets[index], `${index}, garbage at ${place}`);
    }
  }
});

test("G22: a framing fault ends the sharing with its member for a minute", () => {
  const surplus: readonly ((pipe: PipelineBench) => void)[] = [
    (pipe) => {
      lineOf(pipe);
      pipe.bench.reply(pipe.first, `${targets.map(answerTo).join("")}more`);
    },
    (pipe) => {
      lineOf(pipe);
      pipe.bench.reply(pipe.first, [...targets, "/again"].map(answerTo).join(""));
    },
    (pipe) => pipe.bench.reply(pipe.first, answerTo("/nobody")),
    (pipe) => {
      for (const target of targets) pipe.ask(get(target));
      pipe.bench.reply(pipe.first, answerTo("/nobody")); // Gathered, but not sent.
    },
  ];
  for (const misbehave of surplus) {
    const pipe = new PipelineBench();
    pipe.warm(1);
    misbehave(pipe);
    assert.equal(pipe.first.link.state, "destroyed");
    pipe.serve();
    pipe.bench.pass(500);
    const lengths = () => pipe.bench.upstreams.map((each) => pipe.targetsOf(each).length);
    pipe.warm(4);
    const before = lengths();
    const askers = lineOf(pipe);
    assert.ok(
      lengths().every((length, index) => length - (before[index] ?? 0) <= 1),
      "shared",
    );
    pipe.serve();
    assert.deepEqual(bodiesOf(askers), targets);
    pipe.bench.pass(60_000);
    pipe.warm(4);
    const later = lengths();
    lineOf(pipe);
    assert.ok(
      lengths().some((length, index) => length - (later[index] ?? 0) === 4),
      "never again",
    );
  }
});

test("G22: each fault after a time without sharing makes the next one twice as long, up to an hour", () => {
  const pipe = new PipelineBench();
  const member = pipe.bench.core.state.services.get("hello")?.members[0];
  assert.ok(member);
  const restMinutes = () => {
    member.framingFaulted(pipe.bench.nowMs);
    return (member.shareAgainAtMs - pipe.bench.nowMs) / 60_000;
  };
  const rests: number[] = [];
  for (let fault = 0; fault < 8; fault++) {
    rests.push(restMinutes());
    assert.equal(restMinutes(), rests[fault], "a second fault of the same burst adds nothing");
    pipe.bench.pass(member.shareAgainAtMs - pipe.bench.nowMs);
  }
  assert.deepEqual(rests, [1, 2, 4, 8, 16, 32, 60, 60]);
});

test("G22: what was gathered before a fault of its member was seen is not sent together", () => {
  const pipe = new PipelineBench();
  pipe.warm(2);
  const askers = targets.map((target) => pipe.ask(get(target)));
  const gathering = pipe.bench.core.state.gathering[0];
  const idle = pipe.bench.upstreams.find(({ upstream }) => upstream !== gathering);
  assert.ok(idle);
  pipe.bench.reply(idle, "unsolicited");
  pipe.serve();
  assert.deepEqual(bodiesOf(askers), targets);
  const last = pipe.bench.upstreams.map((each) => pipe.targetsOf(each).join());
  assert.ok(
    last.every((line) => !line.includes("/a,/b")),
    last.join(" | "),
  );
});

test("a retry shares no connection, although there is one (RFC 9112, section 9.3.2)", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  pipe.addSibling();
  pipe.bench.core.state.nowMs = pipe.bench.nowMs;
  const before = pipe.bench.upstreams.length;
  const more = Array.from({ length: 12 }, () => pipe.ask(get("/more").replace("GET", "DELETE")));
  pipe.serve(); // Idle connections to both members, proved; the line is answered as well.
  assert.ok(pipe.bench.upstreams.length > before && more.length === 12);
  const again = lineOf(pipe);
  const lines = () => pipe.bench.upstreams.map((each) => pipe.targetsOf(each).length);
  const busy = pipe.bench.upstreams.filter(({ upstream }) => upstream.line.length > 0);
  assert.ok(busy.length > 0, "some share");
  const sent = lines();
  for (const { upstream } of busy) pipe.bench.core.upstreamClosed(upstream, pipe.bench.nowMs);
  pipe.bench.flush();
  assert.ok(lines().every((length, index) => length - (sent[index] ?? 0) <= 1));
  pipe.serve();
  assert.deepEqual(bodiesOf(again), targets);
  assert.deepEqual(bodiesOf(askers), targets);
});

test("a connection that ends before its line was written costs nobody anything", () => {
  const pipe = new PipelineBench();
  const askers = targets.map((target) => pipe.ask(get(target)));
  pipe.bench.core.upstreamEnded(pipe.first.upstream, pipe.bench.nowMs);
  pipe.serve();
  assert.deepEqual(bodiesOf(askers), targets);
  const [service] = pipe.bench.core.state.services.values();
  assert.deepEqual(service?.counters.retries.snapshot()["spent"], 0);
});

test("an answer to a request that has not left yet is a fault", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  pipe.addSibling();
  pipe.first.link.unsentBytes = 400; // More than one of the four.
  pipe.bench.reply(pipe.first, targets.map(answerTo).join(""));
  pipe.serve();
  assert.equal(pipe.first.link.state, "destroyed");
  assert.ok(pipe.bench.upstreams.length > 1, "they were asked again");
  assert.deepEqual(bodiesOf(askers), targets);
});
