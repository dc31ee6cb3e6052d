/** The agent's side of a gateway, against a gateway that takes its time. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Bell } from "@prunella/driver";
import type { View } from "@prunella/wire/view";
import { GatewayLink } from "./gateway-link.ts";

type Put = { readonly version: number; readonly answer: (status: number) => void };

const view = (version: number): View => ({
  ...{ cluster: "shop", agentTerm: 1, version, controlUrl: "", services: [] },
});

/** A gateway that answers when the test says so. */
async function open() {
  const folder = mkdtempSync(join(tmpdir(), "prunella-link-"));
  const announceFile = join(folder, "gateway.json");
  const puts: Put[] = [];
  const refusals: string[] = [];
  const news = new Bell();
  const server = createServer(async (request, response: ServerResponse) => {
    if (request.method !== "PUT") return; // A question for troubles waits for ever.
    const text = (await request.toArray()).join("");
    const { version } = JSON.parse(text) as View;
    puts.push({ version, answer: (status) => response.writeHead(status).end("{}") });
    news.ring();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  writeFileSync(announceFile, JSON.stringify({ pid: 7, adminUrl: `http://127.0.0.1:${port}` }));
  const stop = new AbortController();
  const link = new GatewayLink({
    ...{ announceFile, token: "t", onTroubles: () => undefined },
    onChange: () => news.ring(),
    onRefused: (why) => refusals.push(why),
  });
  const until = (check: () => boolean) => news.until(check, AbortSignal.timeout(60_000));
  const close = (): void => {
    link.offer(view(0), undefined, stop.signal);
    stop.abort();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  };
  const offer = (version: number): void => link.offer(view(version), 7, stop.signal);
  return { link, puts, refusals, offer, until, [Symbol.dispose]: close };
}

test("a newer view does not wait for the answer to the one before it", async () => {
  using gateway = await open();
  const { link, puts } = gateway;
  gateway.offer(1);
  await gateway.until(() => puts.length === 1);
  gateway.offer(2);
  await gateway.until(() => puts.length === 2);
  assert.deepEqual(
    puts.map(({ version }) => version),
    [1, 2],
  );
  puts[1]?.answer(200);
  await gateway.until(() => link.acknowledged === 2);
  puts[0]?.answer(409); // Overtaken: that it was refused is no news.
  gateway.offer(3);
  await gateway.until(() => puts.length === 3);
  puts[2]?.answer(200);
  await gateway.until(() => link.acknowledged === 3);
  assert.deepEqual(gateway.refusals, []);
});

test("of many views that come at once, a gateway that is slow gets few, and the newest", async () => {
  using gateway = await open();
  const { link, puts } = gateway;
  for (let version = 1; version <= 60; version++) gateway.offer(version);
  let answered = 0;
  while (link.acknowledged !== 60) {
    await gateway.until(() => puts.length > answered || link.acknowledged === 60);
    puts[answered++]?.answer(200);
  }
  assert.ok(puts.length <= 4, `${puts.length} views`);
});
