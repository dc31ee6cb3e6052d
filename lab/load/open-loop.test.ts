import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { freePort } from "../peers/free-port.ts";
import { respond, ScriptedBackend } from "../peers/scripted-backend.ts";
import { LatencyRecord } from "./latency-record.ts";
import { openLoop } from "./open-loop.ts";

test("it sends what was asked for, whatever the answers are, and tells them apart", async () => {
  await using backend = await ScriptedBackend.start({
    answer: ({ target }, connection) => {
      const n = Number(target.slice(1));
      if (n % 10 === 1) return "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n";
      if (n % 10 !== 2) return respond("ok");
      connection.socket.resetAndDestroy();
      return undefined;
    },
  });
  const load = openLoop({
    url: `http://127.0.0.1:${backend.port}/{n}`,
    rate: 200,
    seconds: 0.5,
    connections: 8,
  });
  const report = await load.finished;
  assert.equal(report.sent, 100);
  assert.equal(report.httpErrors, 10);
  assert.equal(report.ok + report.httpErrors + report.transportErrors, 100);
  // A reset may also hit the request that was about to use the same connection.
  assert.ok(report.transportErrors >= 10 && report.transportErrors <= 20);
  assert.equal(report.byStatus["503"], 10);
  assert.ok(report.firstFailures.length > 0);
});

test("a slow server does not slow the sender down, and its slowness shows in the latencies", async () => {
  const waiting: (() => void)[] = [];
  await using backend = await ScriptedBackend.start({
    answer: (_, connection) => {
      waiting.push(() => connection.write(respond("late")));
      return undefined;
    },
  });
  const load = openLoop({
    url: `http://127.0.0.1:${backend.port}/`,
    rate: 100,
    seconds: 0.3,
    connections: 64,
  });
  const release = setInterval(() => {
    if (waiting.length >= 30) for (const answer of waiting.splice(0)) answer();
  }, 5);
  const report = await load.finished;
  clearInterval(release);
  assert.equal(report.ok, 30);
  assert.ok(report.latencyMs.max >= 200, "the first one waited for the last one");
});

test("stop ends it early, with what is under way", async () => {
  await using backend = await ScriptedBackend.start({ answer: () => respond("ok") });
  const load = openLoop({ url: `http://127.0.0.1:${backend.port}/`, rate: 200, seconds: 3_600 });
  const first = await new Promise<number>((resolve) => {
    const look = setInterval(() => {
      if (backend.requests.length < 20) return;
      clearInterval(look);
      resolve(backend.requests.length);
    }, 5);
  });
  const report = await load.stop();
  assert.ok(report.ok >= first);
  assert.equal(report.transportErrors, 0);
});

test("a refused rate says which rates there are", () => {
  assert.throws(() => openLoop({ url: "http://x", rate: 0, seconds: 1 }), /rate must be 1 to/);
  assert.throws(() => openLoop({ url: "http://x", rate: 1, seconds: 9e9 }), /seconds must be/);
});

test("as a command it prints one JSON report", async () => {
  const port = await freePort();
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...["-C", "@prunella/source", new URL("./open-loop.ts", import.meta.url).pathname],
    ...["--url", `http://127.0.0.1:${port}/`, "--rate", "50", "--seconds", "0.2"],
  ]);
  const report = JSON.parse(stdout);
  assert.equal(report.sent, 10);
  assert.equal(report.byError.ECONNREFUSED, 10);
});

test("percentiles are exact within one per cent", () => {
  const record = new LatencyRecord();
  for (let n = 1; n <= 10_000; n++) record.add(n / 10);
  const { count, p50, p99, max } = record.percentiles();
  assert.equal(count, 10_000);
  assert.ok(Math.abs(p50 - 500) <= 5.1, `${p50}`);
  assert.ok(Math.abs(p99 - 990) <= 10, `${p99}`);
  assert.equal(max, 1_000);
});
