/**
 * Goal: on a shared connection one client, one slow answer or one late member does not hold the others
 * up, and whoever leaves takes nobody's answer along (G3, G19).
 * Method: lines of requests on links in memory, and a clock that the test turns.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asker, answerTo, get, PipelineBench } from "../../../../lab/peers/pipeline-bench.ts";

const targets = ["/a", "/b", "/c", "/d"];
const lineOf = (pipe: PipelineBench) => pipe.line(...targets.map((target) => get(target)));
const large = `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${"x".repeat(70_000)}`;

function bodiesOf(askers: readonly Asker[]): readonly string[] {
  return askers.map(({ link }) => link.written.slice(link.written.lastIndexOf("\r\n\r\n") + 4));
}

function counters(pipe: PipelineBench) {
  const [service] = pipe.bench.core.state.services.values();
  assert.ok(service);
  return service.counters;
}

test("a client that goes away takes nobody along: its answer is read and thrown away", () => {
  for (const place of targets.keys()) {
    for (const begun of ["", answerTo("/a").slice(0, 20), answerTo("/a").slice(0, -1)]) {
      const pipe = new PipelineBench();
      const askers = lineOf(pipe);
      pipe.bench.reply(pipe.first, begun);
      const gone = askers[place];
      assert.ok(gone);
      pipe.bench.core.clientClosed(gone.client, pipe.bench.nowMs);
      pipe.bench.reply(pipe.first, targets.map(answerTo).join("").slice(begun.length));
      assert.deepEqual(bodiesOf(askers.toSpliced(place, 1)), targets.toSpliced(place, 1));
      assert.equal(gone.link.written, "");
      assert.equal(counters(pipe).clientAborts, 1);
      // A vacant place at the end is not worth waiting for.
      assert.equal(pipe.first.link.state, place === 3 ? "destroyed" : "open", `${place}`);
      assert.equal(pipe.bench.upstreams.length, 1, "nobody was asked twice");
    }
  }
});

test("when all have gone the connection is closed, and before the write nothing is sent", () => {
  for (const sent of [true, false]) {
    const pipe = new PipelineBench();
    const askers = targets.map((target) => pipe.ask(get(target)));
    if (sent) pipe.bench.flush();
    for (const { client } of askers) pipe.bench.core.clientClosed(client, pipe.bench.nowMs);
    pipe.bench.flush();
    assert.equal(pipe.first.link.state, "destroyed");
    assert.equal(pipe.targetsOf(pipe.first).length, sent ? 5 : 1);
  }
});

test("an answer for a vacant place is read up to 64 KiB, then those behind it go elsewhere", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  pipe.addSibling();
  pipe.bench.core.clientClosed(askers[0]?.client ?? assert.fail(), pipe.bench.nowMs);
  pipe.bench.reply(pipe.first, large.slice(0, 30_000));
  assert.equal(pipe.first.link.state, "open");
  pipe.bench.reply(pipe.first, large.slice(30_000, 60_000));
  assert.equal(pipe.first.link.state, "open", "less than that");
  pipe.bench.reply(pipe.first, large.slice(60_000));
  assert.equal(pipe.first.link.state, "destroyed");
  pipe.serve();
  assert.deepEqual(bodiesOf(askers.slice(1)), targets.slice(1));
});

test("who waits for a second behind an answer that does not come goes elsewhere, from the budget", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  pipe.bench.pass(1_000);
  assert.equal(pipe.bench.upstreams.length, 1);
  pipe.bench.pass(250);
  pipe.skip(pipe.first, 4);
  pipe.serve();
  assert.deepEqual(bodiesOf(askers.slice(1)), targets.slice(1));
  assert.equal(counters(pipe).retries.snapshot()["spent"], 3);
  const lines = pipe.bench.upstreams.slice(1).map((each) => pipe.targetsOf(each));
  assert.ok(
    lines.every((line) => line.length === 1),
    "each has a connection of its own",
  );
  // The late answers: one is awaited, the others were given up with their places.
  pipe.bench.reply(pipe.first, targets.map(answerTo).join(""));
  assert.deepEqual(bodiesOf(askers), targets);
});

test("without budget those behind stay where they are, and are asked about it once", () => {
  const pipe = new PipelineBench();
  const [service] = pipe.bench.core.state.services.values();
  const askers = lineOf(pipe);
  pipe.bench.nowMs += 100;
  while (service?.budget.spend(pipe.bench.nowMs + 1_500) === true);
  pipe.bench.pass(1_500);
  pipe.bench.pass(500);
  assert.equal(counters(pipe).retries.snapshot()["exhausted"], 3);
  pipe.bench.reply(pipe.first, targets.map(answerTo).join(""));
  assert.deepEqual(bodiesOf(askers), targets);
});

test("a client that does not read a small answer stops nobody", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  const slow = askers[1];
  assert.ok(slow);
  slow.link.takes = false;
  pipe.bench.reply(pipe.first, targets.map(answerTo).join(""));
  assert.deepEqual(bodiesOf(askers), targets);
  assert.equal(pipe.first.link.paused, false);
  assert.equal(pipe.first.link.state, "open");
});

test("a client that does not read a large answer holds the others for a second at most", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  const slow = askers[0];
  assert.ok(slow);
  slow.link.takes = false;
  pipe.bench.reply(pipe.first, large);
  assert.equal(pipe.first.link.paused, true);
  pipe.bench.pass(1_250);
  pipe.skip(pipe.first, 4);
  pipe.serve();
  assert.deepEqual(bodiesOf(askers.slice(1)), targets.slice(1));
  assert.equal(pipe.first.link.state, "open", "its own answer goes on");
  slow.link.takes = true;
  pipe.bench.core.clientDrained(slow.client, pipe.bench.nowMs);
  pipe.bench.reply(pipe.first, "x".repeat(130_000));
  assert.equal(slow.link.written.length, large.length + 130_000 + dateBytes(slow));
});

function dateBytes({ link }: Asker): number {
  return (/^Date: .*\r\n/m.exec(link.written)?.[0] ?? "").length;
}

test("a client behind that reads again does not open the tap of the one in front", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  const [slow, behind] = askers;
  assert.ok(slow && behind);
  slow.link.takes = false;
  pipe.bench.reply(pipe.first, large);
  pipe.bench.core.clientDrained(behind.client, pipe.bench.nowMs);
  assert.equal(pipe.first.link.paused, true);
});

test("a late answer is 504 for the one in front; those behind are asked again", () => {
  const pipe = new PipelineBench({ upstreamPipelineMs: 100_000 });
  const askers = lineOf(pipe);
  pipe.addSibling();
  pipe.bench.pass(9_000);
  pipe.bench.reply(pipe.first, answerTo("/a"));
  pipe.bench.pass(1_250); // Ten seconds for each of them, the two in the middle of the line as well.
  assert.match(askers[1]?.link.written ?? "", /^HTTP\/1\.1 504 /);
  assert.equal(bodiesOf(askers)[0], "/a");
  const statuses = askers.map(({ link }) => link.written.slice(9, 12));
  assert.deepEqual(statuses, ["200", "504", "504", "504"]);
  assert.equal(pipe.first.link.state, "destroyed");
});

test("a client that pipelines into a shared connection gets its answers in order", () => {
  const pipe = new PipelineBench();
  const both = [get("/a1") + get("/a2"), get("/b1") + get("/b2"), get("/c1")];
  const askers = both.map((text) => pipe.ask(text));
  pipe.serve();
  const [a, b, c] = askers.map(({ link }) => link.written);
  assert.match(a ?? "", /\/a1HTTP.*\/a2$/s);
  assert.match(b ?? "", /\/b1HTTP.*\/b2$/s);
  assert.match(c ?? "", /\/c1$/);
});

test("each access line tells the time of its own exchange", () => {
  const pipe = new PipelineBench();
  lineOf(pipe);
  pipe.bench.entries.length = 0;
  for (const target of targets) {
    pipe.bench.nowMs += 20;
    pipe.bench.reply(pipe.first, answerTo(target));
  }
  const lines = pipe.bench.entries.map(({ target, durationMs, status }) => [
    target,
    durationMs,
    status,
  ]);
  assert.deepEqual(lines, [
    ["/a", 20, 200],
    ["/b", 40, 200],
    ["/c", 60, 200],
    ["/d", 80, 200],
  ]);
});

test("G16: a member that drains finishes its line, and its connection is not used again", () => {
  const pipe = new PipelineBench();
  const askers = lineOf(pipe);
  pipe.addSibling();
  pipe.retire();
  pipe.bench.reply(pipe.first, answerTo("/a"));
  pipe.bench.reply(pipe.first, targets.slice(1).map(answerTo).join(""));
  assert.deepEqual(bodiesOf(askers), targets);
  assert.equal(pipe.first.link.state, "destroyed");
});
