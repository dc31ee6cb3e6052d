/** What one leader answers, over a real connection and with a real store. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CookieJar } from "./cookie-jar.ts";
import { EventStream } from "./event-stream.ts";
import { answerHealth, fortuneHandler } from "./fortune-server.ts";
import { type Cookie, FortuneStore } from "./fortune-store.ts";
import { fortunes } from "./fortunes.ts";

type Leader = {
  readonly url: string;
  readonly store: FortuneStore;
  readonly stream: EventStream;
  jar: CookieJar | undefined;
  isDemo: boolean;
  kills: number;
};

async function leader(t: TestContext): Promise<Leader> {
  const folder = mkdtempSync(join(tmpdir(), "fortune-"));
  const store = new FortuneStore(join(folder, "fortune.sqlite"), fortunes);
  const stream = new EventStream(() => ({ opened: store.opened() }));
  const jar = new CookieJar(store, { token: "7", term: 7, leader: "fortune-2" });
  const kill = () => {
    self.kills += 1;
  };
  const server = createServer((request, response) => {
    const service = { jar: () => self.jar, state: () => ({ term: 7 }), stream };
    const demo = self.isDemo ? kill : undefined;
    if (!answerHealth(request, response)) {
      fortuneHandler({ ...service, kill: demo })(request, response);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const self: Leader = { url, store, stream, jar, isDemo: true, kills: 0 };
  t.after(() => {
    stream.close();
    server.close();
    server.closeAllConnections();
    store.close();
    rmSync(folder, { recursive: true });
  });
  return self;
}

test("a fortune is JSON with the fortune, its number, who led and in which term", async (t) => {
  const { url } = await leader(t);
  const answer = await fetch(`${url}/fortune`);
  assert.equal(answer.headers.get("content-type"), "application/json");
  const { fortune, ...rest } = (await answer.json()) as Cookie;
  assert.ok(fortunes.includes(fortune));
  assert.deepEqual(rest, { number: 1, leader: "fortune-2", term: 7 });
});

test("a request that comes twice finds its cookie, by its key or by its request id", async (t) => {
  const { url, store } = await leader(t);
  for (const headers of [{ "idempotency-key": "a" }, { "x-request-id": "b" }]) {
    const twice = [1, 2].map(async () => {
      const answer = await fetch(`${url}/fortune`, { method: "POST", headers });
      return ((await answer.json()) as Cookie).number;
    });
    const [first, second] = await Promise.all(twice);
    assert.equal(first, second);
  }
  assert.equal(store.opened(), 2);
  const headers = { "idempotency-key": "k".repeat(201) };
  assert.equal((await fetch(`${url}/fortune`, { headers })).status, 400);
});

test("many at once are opened together, each with a number of its own", async (t) => {
  const { url } = await leader(t);
  const asked = Array.from({ length: 50 }, async () => {
    return ((await (await fetch(`${url}/fortune`)).json()) as Cookie).number;
  });
  const numbers = await Promise.all(asked);
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
});

test("whoever does not lead any more says that nothing was done, so a gateway may ask again", async (t) => {
  const self = await leader(t);
  await self.store.raise("8");
  const stale = await fetch(`${self.url}/fortune`);
  assert.equal(stale.status, 503);
  assert.equal(stale.headers.get("prunella-refused"), "not-started");
  assert.match(await stale.text(), /Stop acting as leader/);
  self.jar = undefined;
  assert.equal((await fetch(`${self.url}/fortune`)).status, 503);
  assert.equal(self.store.opened(), 0);
  assert.equal((await fetch(`${self.url}/health`)).status, 200);
});

test("the page is whole, loads nothing from elsewhere, and says so", async (t) => {
  const { url } = await leader(t);
  const types = {
    "/": /html/,
    "/style.css": /css/,
    "/app.ts": /javascript/,
    "/drawing.ts": /javascript/,
    "/icon.svg": /svg/,
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await fetch(url + path);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get("content-type") ?? "", type);
    assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'self'/);
    assert.doesNotMatch((await answer.text()).replaceAll("http://www.w3.org/", ""), /https?:\/\//);
  }
});

test("unknown paths and wrong methods are told what would be right", async (t) => {
  const { url } = await leader(t);
  assert.equal((await fetch(`${url}/other`)).status, 404);
  const wrong = await fetch(`${url}/fortune`, { method: "DELETE" });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get("allow"), "GET, POST");
});

test("a leader is killed in demo mode only, and not by a page of somebody else", async (t) => {
  const self = await leader(t);
  const kill = (headers: Record<string, string>) =>
    fetch(`${self.url}/demo/kill`, { method: "POST", headers });
  assert.equal((await kill({})).status, 403);
  self.isDemo = false;
  assert.equal((await kill({ "x-fortune": "demo" })).status, 404);
  assert.equal(self.kills, 0);
  self.isDemo = true;
  assert.equal((await kill({ "x-fortune": "demo" })).status, 202);
  assert.equal(self.kills, 1);
});

test("a page that watches hears of each state, and is sent away when the leadership ends", async (t) => {
  const { url, stream, store } = await leader(t);
  const answer = await fetch(`${url}/events`);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert.deepEqual(await reader?.read(), { done: false, value: 'data: {"opened":0}\n\n' });
  store.open({ token: "7", term: 7, leader: "fortune-2" }, ["a"]);
  stream.tell();
  assert.equal((await reader?.read())?.value, 'data: {"opened":1}\n\n');
  stream.endAll();
  await assert.rejects(async () => {
    while ((await reader?.read())?.done === false);
    throw new Error("it has ended");
  });
});
