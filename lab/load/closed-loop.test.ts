import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { test } from "node:test";
import { closedLoop } from "./closed-loop.ts";

test("Little's law holds: users = throughput x response time, line included", async () => {
  await withServer(1, async (url) => {
    const report = await closedLoop({
      url,
      users: 300,
      connectionsMax: 20,
      requests: 1_500,
      secondsMax: 60,
    });
    assert.equal(report.failed, 0);
    assert.equal(report.answered, 1_500);
    assert.ok(Math.abs(report.meanMs / report.littleMs - 1) < 0.25, JSON.stringify(report));
    // 15 users share a connection, and each answer takes 1 ms.
    assert.ok(report.latencyMs.p50 > 10, "the line is part of the response time");
  });
});

test("each user asks at least twice, even if fewer requests were asked for", async () => {
  await withServer(0, async (url) => {
    const options = { url, users: 50, connectionsMax: 100, requests: 10, secondsMax: 60 };
    assert.equal((await closedLoop(options)).answered, 100);
  });
});

test("a failure is counted and told, and does not end the run", async () => {
  let count = 0;
  await withServer(
    0,
    async (url) => {
      const options = { url, users: 4, connectionsMax: 4, requests: 40, secondsMax: 60 };
      const report = await closedLoop(options);
      assert.equal(report.failed, 10);
      assert.equal(report.answered, 30);
      assert.deepEqual(new Set(report.firstFailures), new Set(["HTTP 500"]));
    },
    () => (count++ % 4 === 0 ? 500 : 200),
  );
});

test("it ends when its time is over or it is told to", async () => {
  await withServer(1, async (url) => {
    const options = { url, users: 10, connectionsMax: 10, requests: 1_000_000 };
    const timed = await closedLoop({ ...options, secondsMax: 0.2 });
    assert.ok(timed.answered > 0 && timed.answered < 1_000_000);
    const stop = new AbortController();
    const stopped = closedLoop({ ...options, secondsMax: 60, signal: stop.signal });
    stop.abort();
    assert.ok((await stopped).answered < 1_000_000);
  });
});

test("no users, or more than fit, is a mistake of the caller", () => {
  const options = { url: "http://127.0.0.1:1/", connectionsMax: 1, requests: 1, secondsMax: 1 };
  assert.throws(() => closedLoop({ ...options, users: 0 }), RangeError);
  assert.throws(() => closedLoop({ ...options, users: 1_000_001 }), RangeError);
});

async function withServer(
  delayMs: number,
  use: (url: string) => Promise<void>,
  status: () => number = () => 200,
): Promise<void> {
  const server: Server = createServer((_request, response) => {
    setTimeout(() => response.writeHead(status()).end("hello"), delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  try {
    await use(`http://127.0.0.1:${address.port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
