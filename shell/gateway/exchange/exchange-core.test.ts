/**
 * The connection core without sockets: cuts at every byte, and deadlines on a clock that we turn.
 *
 * Goal of the cut tests: G5, the outcome of an input does not depend on how it was cut into packets.
 * Method: each conversation runs whole, byte by byte, cut in two at every position, and cut at random
 * with fixed seeds; what the member and the client received must be equal to the last byte.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "@prunella/core/kernel";
import { CoreBench } from "../../../lab/peers/core-bench.ts";
import { dechunk } from "../../../lab/peers/raw-client.ts";

type Conversation = {
  readonly client: string;
  /** Answers in the order of whole requests. */
  readonly answers: readonly string[];
  /** The member closes behind the last answer. */
  readonly closes?: boolean;
  /** The last request is refused in its middle. */
  readonly refused?: boolean;
};

const ok = "HTTP/1.1 200 OK\r\n";
const length = (body: string) => `${ok}Content-Length: ${body.length}\r\n\r\n${body}`;

const conversations: Readonly<Record<string, Conversation>> = {
  "two plain requests": {
    client: "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    answers: [length("one"), length("two")],
  },
  "bodies with a length": {
    client:
      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    answers: [length(""), length("x".repeat(40))],
  },
  "chunks with extensions and trailers": {
    client:
      'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a="b c"\r\nabc\r\n0\r\nX-T: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n',
    answers: [
      `${ok}Transfer-Encoding: chunked\r\n\r\n2;q=1\r\nhi\r\n0\r\nX-R: 2\r\n\r\n`,
      length("end"),
    ],
  },
  "interim answers": {
    client: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    answers: [`HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n${length("body")}`],
  },
  "an answer that ends with its connection": {
    client: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    answers: [`${ok}\r\nuntil the end`],
    closes: true,
  },
  "HTTP/1.0": {
    client: "GET /a HTTP/1.0\r\nX: y\r\n\r\n",
    answers: [`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`],
  },
  "a surplus behind the answer": {
    client: "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
    answers: [length("one"), length("two")],
  },
  "a refusal behind a good request": {
    client:
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost : a\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
    answers: [length("one")],
  },
  "a malformed chunk": {
    client: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd",
    answers: [],
    refused: true,
  },
  "an answer with a bad head": {
    client: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    answers: [`${ok}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
  },
};

type Outcome = { readonly upstream: string; readonly client: string; readonly end: string };

/** Runs a conversation; `cut` says into which pieces a text falls. */
function converse(
  bench: CoreBench,
  talk: Conversation,
  cut: (text: string) => readonly string[],
): Outcome {
  const { client, link } = bench.accept();
  let answered = 0;
  const serve = () => {
    for (;;) {
      bench.openAll();
      const each = bench.upstreams.find(({ link: { state } }) => state === "open");
      const answer = talk.answers[answered];
      if (each === undefined || answer === undefined) return;
      const sent = bench.upstreams.map(({ link: { written } }) => written).join("");
      if (wholeRequests(sent) <= answered) return;
      answered += 1;
      for (const piece of cut(answer)) bench.reply(each, piece);
      if (talk.closes === true) bench.core.upstreamEnded(each.upstream, bench.nowMs);
    }
  };
  for (const piece of cut(talk.client)) {
    bench.send(client, piece);
    serve();
  }
  const upstream = bench.upstreams
    .map((each) => each.link.written)
    .join("")
    .replaceAll(/X-Request-Id: \w+/g, "X-Request-Id: one");
  // Wrapped pieces are chunks of their own: compare what they carry.
  const received = talk.closes === true ? unwrapped(link.written) : link.written;
  const outcome = { upstream, client: received, end: link.state };
  bench.core.clientClosed(client, bench.nowMs);
  for (const each of bench.upstreams) bench.core.upstreamClosed(each.upstream, bench.nowMs);
  bench.upstreams.length = 0;
  return outcome;
}

/** Counts requests that have arrived completely; the conversations above keep this simple. */
function wholeRequests(text: string): number {
  let count = 0;
  let at = 0;
  for (;;) {
    const headEnd = text.indexOf("\r\n\r\n", at);
    if (headEnd < 0) return count;
    const head = text.slice(at, headEnd);
    at = headEnd + 4;
    const size = Number(/Content-Length: (\d+)/.exec(head)?.[1] ?? 0);
    if (head.includes("Transfer-Encoding: chunked")) {
      const last = text.indexOf("0\r\n", at);
      const end = last < 0 ? -1 : text.indexOf("\r\n\r\n", last);
      if (end < 0) return count;
      at = end + 4;
    } else if (text.length < at + size) return count;
    else at += size;
    count += 1;
  }
}

function unwrapped(text: string): string {
  const headEnd = text.indexOf("\r\n\r\n") + 4;
  return text.slice(0, headEnd) + dechunk(text.slice(headEnd));
}

function cutAtRandom(seed: number): (text: string) => readonly string[] {
  let rng = rngFrom(seed);
  return (text) => {
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const next = draw(rng);
      rng = next.rng;
      const size = 1 + Math.floor(next.value * 12);
      pieces.push(text.slice(at, at + size));
      at += size;
    }
    return pieces;
  };
}

for (const [what, talk] of Object.entries(conversations)) {
  test(`G5: ${what}: whole, byte by byte and cut anywhere, the outcome is the same`, () => {
    const bench = new CoreBench(1);
    const whole = converse(bench, talk, (text) => [text]);
    assert.ok(whole.client.length > 0, "otherwise this shows nothing");
    const compare = (cut: (text: string) => readonly string[], how: string) => {
      const outcome = converse(bench, talk, cut);
      assert.deepEqual({ ...outcome, upstream: whole.upstream }, whole, how);
      // G1: of a refused message a prefix may have gone out; its connection is destroyed then.
      if (talk.refused === true) assert.ok(!outcome.upstream.endsWith("\r\n0\r\n\r\n"));
      else assert.equal(outcome.upstream, whole.upstream, how);
    };
    compare((text) => [...text], "byte by byte");
    const longest = Math.max(talk.client.length, ...talk.answers.map((answer) => answer.length));
    for (let at = 1; at < longest; at++) {
      compare(
        (text) => [text.slice(0, at), text.slice(at)].filter((part) => part !== ""),
        `at ${at}`,
      );
    }
    for (let seed = 1; seed <= 50; seed++) compare(cutAtRandom(seed), `seed ${seed}`);
  });
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";

test("a connect that takes too long goes to the next member, even with a POST", () => {
  for (const request of [get, post]) {
    const bench = new CoreBench(3);
    const { client, link } = bench.accept();
    bench.send(client, request);
    assert.equal(bench.upstreams.length, 1);
    bench.nowMs += 251;
    bench.core.fineTick(bench.nowMs);
    assert.equal(bench.upstreams.length, 2);
    assert.equal(bench.upstreams[0]?.link.state, "destroyed");
    assert.notEqual(bench.upstreams[1]?.port, bench.upstreams[0]?.port);
    bench.openAll();
    const second = bench.upstreams[1];
    assert.ok(second);
    bench.reply(second, length("there"));
    assert.ok(link.written.endsWith("there"));
  }
});

test("when nobody accepts, the request waits for the members and then gets 503", () => {
  const bench = new CoreBench(2);
  const { client, link } = bench.accept();
  bench.send(client, get);
  for (let step = 0; step < 40 && link.written === ""; step++) {
    bench.nowMs += 100;
    for (const { upstream } of bench.upstreams) bench.core.upstreamClosed(upstream, bench.nowMs);
    bench.core.fineTick(bench.nowMs);
  }
  assert.match(link.written, /^HTTP\/1\.1 50[23] /);
  assert.ok(bench.nowMs <= 1_000 + 2_500, "holdMs bounds the wait");
  assert.ok(bench.upstreams.length <= 9, `${bench.upstreams.length} connects`);
});

test("a slow reader stops the member at once, and is let go after its time", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  bench.send(client, get);
  bench.openAll();
  const [each] = bench.upstreams;
  assert.ok(each);
  link.takes = false;
  bench.reply(each, `${ok}Content-Length: 1000000\r\n\r\n${"x".repeat(1_000)}`);
  assert.ok(each.link.paused, "nothing more is read from the member");
  bench.pass(30_000);
  link.takes = true;
  bench.core.clientDrained(client, bench.nowMs);
  assert.ok(!each.link.paused);
  link.takes = false;
  bench.reply(each, "x".repeat(1_000));
  assert.equal(link.state, "open");
  bench.pass(60_250);
  assert.equal(link.state, "destroyed");
  assert.equal(each.link.state, "destroyed");
  assert.equal(bench.core.state.closed.get("slow-reader"), 1);
});

test("a member that does not take the body stops the client, not memory", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  bench.send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  bench.openAll();
  const [each] = bench.upstreams;
  assert.ok(each);
  each.link.takes = false;
  bench.send(client, "x".repeat(60_000));
  assert.ok(link.paused);
  each.link.takes = true;
  bench.core.upstreamDrained(each.upstream, bench.nowMs);
  assert.ok(!link.paused);
});

test("a request without a connection is paused when its body is larger than what is kept", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  bench.send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  for (let n = 0; n < 10 && !link.paused; n++) bench.send(client, "x".repeat(16_384));
  assert.ok(link.paused);
  assert.ok(bench.core.state.keptBytesTotal <= 65_536 + 16_384);
  bench.openAll();
  assert.ok(!link.paused, "sent, so there is room again");
  assert.equal(bench.core.state.keptBytesTotal, 0, "larger than the bound: not kept any longer");
});

test("a body that grows beyond what is kept while it is being sent is let go, and flows on", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  bench.send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
  bench.openAll();
  for (let sent = 0; sent < 200_000; sent += 10_000) {
    bench.send(client, "x".repeat(10_000));
    assert.ok(bench.core.state.keptBytesTotal <= 65_536);
  }
  assert.ok(!link.paused);
  assert.equal(bench.core.state.keptBytesTotal, 0);
  assert.ok((bench.upstreams[0]?.link.written.length ?? 0) > 200_000);
});

test("after an early answer the rest of the body goes to nobody, while the answer streams on", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  bench.send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n");
  bench.openAll();
  const [each] = bench.upstreams;
  assert.ok(each);
  bench.send(client, "x".repeat(10_000));
  bench.reply(each, `${ok}Content-Length: 100000\r\n\r\n${"y".repeat(50_000)}`);
  const sent = each.link.written.length;
  bench.send(client, "x".repeat(20_000) + get);
  assert.equal(each.link.written.length, sent);
  bench.reply(each, "y".repeat(50_000));
  assert.match(link.written, /Connection: close\r\n/);
  assert.equal(link.state, "ended");
  assert.equal(each.link.state, "destroyed");
  assert.equal(bench.upstreams.length, 1, "what followed the body is no request");
});

test("a client that was paused for a member goes on when another one has its request, or the answer came", () => {
  const bench = new CoreBench(2);
  const { client, link } = bench.accept();
  bench.send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
  bench.openAll();
  const [first] = bench.upstreams;
  assert.ok(first);
  first.link.takes = false;
  bench.send(client, "x".repeat(10_000));
  assert.ok(link.paused);
  bench.core.upstreamClosed(first.upstream, bench.nowMs);
  bench.openAll();
  const second = bench.upstreams[1];
  assert.ok(second);
  assert.ok(!link.paused);
  second.link.takes = false;
  bench.send(client, "x".repeat(10_000));
  assert.ok(link.paused);
  assert.ok(second.link.written.endsWith("x".repeat(20_000)));
  bench.reply(second, length("thanks"));
  assert.ok(!link.paused, "the next request is welcome");
  assert.ok(link.written.endsWith("thanks"));
});

test("what a client sent ahead counts as buffered, and as nothing once it is refused", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  const ahead = `NOT A REQUEST ${"x".repeat(5_000)}\r\n\r\n`;
  bench.send(client, get + ahead);
  bench.openAll();
  bench.pass(250);
  assert.equal(bench.core.state.bufferedBytes, ahead.length);
  const [each] = bench.upstreams;
  assert.ok(each);
  bench.reply(each, length("one"));
  assert.match(link.written, /GATEWAY_REQUEST_LINE/);
  bench.pass(250);
  assert.equal(bench.core.state.bufferedBytes, 0);
});

test("an answer longer than what may be held is given as it comes", () => {
  const bench = new CoreBench(1, { heldResponseBytesMax: 10 });
  const { client, link } = bench.accept();
  bench.send(client, get);
  bench.openAll();
  const [each] = bench.upstreams;
  assert.ok(each);
  bench.reply(each, `${ok}Content-Length: 11\r\n\r\nhello`);
  assert.ok(link.written.endsWith("hello"));
  bench.reply(each, " world");
  bench.send(client, get);
  bench.reply(each, `${ok}Content-Length: 10\r\n\r\nhello`);
  assert.ok(link.written.endsWith("hello world"), "held until it is whole");
  bench.reply(each, "again");
  assert.ok(link.written.endsWith("helloagain"));
});

test("an early answer that breaks before it was given is not repeated with half a body", () => {
  const bench = new CoreBench(2);
  const { client, link } = bench.accept();
  bench.send(client, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nhalf");
  bench.openAll();
  const [first] = bench.upstreams;
  assert.ok(first);
  bench.reply(first, `${ok}Content-Length: 10\r\n\r\nhalf`);
  bench.send(client, "the other half.");
  bench.core.upstreamClosed(first.upstream, bench.nowMs);
  bench.openAll();
  assert.equal(bench.upstreams.length, 1);
  assert.match(link.written, /^HTTP\/1\.1 502 /);
});

test("a client that pipelines without end is paused at 64 KiB", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  for (let n = 0; n < 10_000 && !link.paused; n++) bench.send(client, get);
  assert.ok(link.paused);
  assert.ok(client.pending.length <= 65_536 + get.length);
  assert.equal(bench.upstreams.length, 1);
});

test("answers that come one by one to a client that reads nothing stop at the first", () => {
  const bench = new CoreBench(1);
  const { client, link } = bench.accept();
  bench.send(client, get.repeat(100));
  bench.openAll();
  const [each] = bench.upstreams;
  assert.ok(each);
  link.takes = false;
  bench.reply(each, length("one"));
  bench.flush();
  assert.equal(wholeRequests(each.link.written), 1, "the next one waits until this is taken");
  link.takes = true;
  bench.core.clientDrained(client, bench.nowMs);
  bench.flush();
  assert.equal(wholeRequests(each.link.written), 2);
});

test("waiting requests are bounded, and five faults in a row put a member out, but never too many", () => {
  const bench = new CoreBench(3);
  const { client } = bench.accept();
  const fault = "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n";
  const bad = 1;
  for (let n = 0; n < 60; n++) {
    bench.send(client, get);
    bench.openAll();
    const busy = bench.upstreams.find(({ upstream }) => upstream.exchange !== undefined);
    assert.ok(busy);
    bench.reply(busy, busy.port === bad ? fault : length("x"));
  }
  const service = [...bench.core.state.services.values()][0];
  const out = service?.members.filter((member) => member.isOut(bench.nowMs)) ?? [];
  assert.deepEqual(
    out.map(({ port }) => port),
    [bad],
  );
  assert.ok((service?.counters.diverted.get("faults") ?? 0) > 0);
  bench.pass(2_000);
  assert.equal(
    service?.members.some((member) => member.isOut(bench.nowMs)),
    false,
    "it returns",
  );
});

test("when everything fails, all are admitted again and somebody hears of it", () => {
  const bench = new CoreBench(3);
  const { client } = bench.accept();
  for (let n = 0; n < 100; n++) {
    bench.send(client, get);
    bench.openAll();
    const busy = bench.upstreams.find(({ upstream }) => upstream.exchange !== undefined);
    assert.ok(busy);
    bench.reply(busy, "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n");
  }
  const service = [...bench.core.state.services.values()][0];
  const out = service?.members.filter((member) => member.isOut(bench.nowMs)) ?? [];
  assert.ok(out.length <= 1, "at most a third, and at least one, may be out");
});
