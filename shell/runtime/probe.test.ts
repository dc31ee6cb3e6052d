import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer, type Server } from "node:net";
import { test } from "node:test";
import { probe } from "./probe.ts";
import type { Address } from "./runtime.ts";

test("a listener passes, and a port where nobody listens fails at once", async () => {
  const server = createTcpServer((socket) => socket.on("error", () => {}).resume());
  const address = await listening(server);
  assert.equal((await probe(address, undefined, 1_000)).outcome, "good");
  await closed(server);
  const answer = await probe(address, undefined, 1_000);
  assert.deepEqual([answer.outcome, /ECONNREFUSED/.test(answer.detail)], ["failed", true]);
});

test("2xx and 3xx are good, anything else is not", async () => {
  const answers: readonly (readonly [number, string])[] = [
    [200, "good"],
    [204, "good"],
    [302, "good"],
    [404, "failed"],
    [500, "failed"],
    [503, "failed"],
  ];
  for (const [status, outcome] of answers) {
    await withServer(
      (request, response) => {
        assert.deepEqual([request.method, request.url], ["GET", "/heartbeat?deep=1"]);
        response.writeHead(status).end("body");
      },
      async (address) => {
        const answer = await probe(address, "/heartbeat?deep=1", 1_000);
        assert.equal(answer.outcome, outcome, answer.detail);
      },
    );
  }
});

test("one that accepts and says nothing is a timeout, by HTTP only", async () => {
  await withServer(
    () => {},
    async (address) => {
      assert.equal((await probe(address, "/", 60)).outcome, "timeout");
      assert.equal((await probe(address, undefined, 60)).outcome, "good");
    },
  );
});

test("one that hangs up, or speaks something else, fails", async () => {
  const rude = createTcpServer((socket) => socket.destroy());
  assert.equal((await probe(await listening(rude), "/", 1_000)).outcome, "failed");
  await closed(rude);
  const babble = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.resume().end("SSH-2.0-OpenSSH_9.9\r\n");
  });
  assert.equal((await probe(await listening(babble), "/", 1_000)).outcome, "failed");
  await closed(babble);
});

test("a body without end costs neither memory nor the answer", async () => {
  await withServer(
    (_, response) => {
      const flood = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
      };
      response
        .writeHead(200)
        .on("drain", flood)
        .on("error", () => {});
      flood();
    },
    async (address) => assert.equal((await probe(address, "/", 1_000)).outcome, "good"),
  );
});

async function withServer(
  listener: RequestListener,
  body: (address: Address) => Promise<void>,
): Promise<void> {
  const server = createServer(listener);
  try {
    await body(await listening(server));
  } finally {
    server.closeAllConnections();
    await closed(server);
  }
}

async function listening(server: Server): Promise<Address> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { host: "127.0.0.1", port: address.port };
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}
