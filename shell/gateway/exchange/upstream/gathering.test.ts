/**
 * Goal: requests to a quick member leave together with what comes while others are under way, and none
 * of them waits for longer than it may, whatever becomes of those.
 * Method: lines on links in memory, and a clock that only the test turns.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { answerTo, get, PipelineBench } from "../../../../lab/peers/pipeline-bench.ts";
import { defaultLimits } from "../../limits.ts";

const { upstreamGatherMs, upstreamPipelineMax } = defaultLimits;

/** A member whose last line was home in time, with `/front` under way on its first connection. */
function busyPipe(answeredAfterMs = upstreamGatherMs): PipelineBench {
  const pipe = new PipelineBench();
  pipe.warm(2);
  pipe.line(get("/quick"));
  pipe.bench.nowMs += answeredAfterMs;
  pipe.serve();
  pipe.line(get("/front"));
  return pipe;
}

/** Who carries `/front`, and the other one. */
function connectionsOf(pipe: PipelineBench) {
  const front = pipe.bench.upstreams.find((each) => pipe.targetsOf(each).includes("/front"));
  const other = pipe.bench.upstreams.find((each) => each !== front);
  assert.ok(front !== undefined && other !== undefined);
  return { front, other };
}

const isAsked = (pipe: PipelineBench, target: string): boolean =>
  pipe.bench.upstreams.some((each) => pipe.targetsOf(each).includes(target));

test("what comes while a line is under way leaves as one write when that is home", () => {
  const pipe = busyPipe();
  const { front, other } = connectionsOf(pipe);
  const before = other.link.writeCount;
  const askers = ["/1", "/2", "/3"].flatMap((target) => pipe.line(get(target)));
  assert.ok(!isAsked(pipe, "/1"), "it waits for the one in front");
  pipe.bench.reply(front, answerTo("/front"));
  pipe.bench.flush();
  assert.equal(other.link.writeCount - before, 1);
  assert.deepEqual(pipe.targetsOf(other).slice(-3), ["/1", "/2", "/3"]);
  pipe.skip(front, 1);
  pipe.serve();
  assert.deepEqual(
    askers.map(({ link }) => link.written.slice(-2)),
    ["/1", "/2", "/3"],
  );
});

test("it waits no longer than it may, and leaves although the line in front is still out", () => {
  const pipe = busyPipe();
  pipe.line(get("/1"));
  assert.ok(!isAsked(pipe, "/1"));
  pipe.bench.nowMs += upstreamGatherMs;
  pipe.bench.flush();
  assert.ok(isAsked(pipe, "/1"));
});

test("nobody waits for a member whose last line took longer, nor while none is under way", () => {
  const late = busyPipe(upstreamGatherMs + 1);
  late.line(get("/1"));
  assert.ok(isAsked(late, "/1"));
  const idle = new PipelineBench();
  for (const target of ["/1", "/2"]) {
    idle.line(get(target));
    assert.ok(isAsked(idle, target));
    idle.serve();
  }
});

test("a full line leaves at the end of its turn", () => {
  const pipe = busyPipe();
  const targets = Array.from({ length: upstreamPipelineMax }, (_, n) => `/${n}`);
  pipe.line(...targets.map((target) => get(target)));
  assert.ok(targets.every((target) => isAsked(pipe, target)));
});

test("when the line in front dies nobody is left waiting", () => {
  const pipe = busyPipe();
  const { front } = connectionsOf(pipe);
  pipe.line(get("/1"));
  assert.ok(!isAsked(pipe, "/1"));
  front.link.destroy();
  pipe.bench.core.upstreamClosed(front.upstream, pipe.bench.nowMs);
  pipe.bench.flush();
  assert.ok(isAsked(pipe, "/1"));
  assert.equal(front.upstream.member.linesUnderWay, 1, "its own");
});

test("clients that leave while they wait cost a connection, and nothing is sent for them", () => {
  const pipe = busyPipe();
  const { other } = connectionsOf(pipe);
  const [asker] = pipe.line(get("/1"));
  assert.ok(asker !== undefined);
  pipe.bench.core.clientClosed(asker.client, pipe.bench.nowMs);
  pipe.bench.flush();
  assert.ok(!isAsked(pipe, "/1"));
  assert.equal(other.link.state, "destroyed");
  assert.equal(pipe.bench.core.state.gathering.length, 0);
});
