/**
 * Goal: G6 and G19 in a gateway process of its own: what clients do at their worst costs bounded memory,
 * and when they have gone nothing of it stays: no handle, no buffered byte, no memory to speak of.
 * Method: each hardship against one process, which is asked before, while and after. With 10,000 idle
 * connections and whole gigabytes: `npm run bench -- gateway-idle` and `gateway-stream`.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { download, StreamServer, upload } from "../../../lab/peers/byte-stream.ts";
import { eventually } from "../../../lab/peers/eventually.ts";
import { GatewayProcess, type Holding } from "../../../lab/peers/gateway-process.ts";
import { RawClient } from "../../../lab/peers/raw-client.ts";

const mebi = 1_048_576;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

let member: StreamServer;
let gateway: GatewayProcess;
let atStart: Holding;

before(async () => {
  member = await StreamServer.start();
  gateway = await GatewayProcess.start(member.port);
  // Everything that is made once: slab, compiled code, pools.
  await idle(100, async () => undefined);
  await download(gateway.port, 20 * mebi);
  await upload(gateway.port, 20 * mebi);
  await pipeline(500);
  atStart = await settled();
});

after(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await member?.[Symbol.asyncDispose]();
});

/** What the process holds once nobody is connected to it any more. */
async function settled(): Promise<Holding> {
  let last = await gateway.holding();
  const untilMs = performance.now() + 60_000;
  const wanted = (): boolean =>
    last.bufferedBytes === 0 && (atStart === undefined || last.handles <= atStart.handles);
  // The first time there is no number to compare with: the pool of idle connections must have aged out.
  let same = 0;
  while (performance.now() < untilMs && !(wanted() && same > 5)) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const next = await gateway.holding();
    same = next.handles === last.handles ? same + 1 : 0;
    last = next;
  }
  return last;
}

async function idle(count: number, work: () => Promise<void>): Promise<void> {
  const clients: RawClient[] = [];
  for (let n = 0; n < count; n += 50) {
    const some = await Promise.all(
      Array.from({ length: 50 }, () => RawClient.connect(gateway.port, false)),
    );
    for (const client of some) clients.push(client.send(get("/2")));
  }
  await eventually("all to be answered", () => clients.every(({ byteCount }) => byteCount > 0));
  await work();
  for (const client of clients) client.destroy();
}

async function pipeline(count: number): Promise<string> {
  const client = await RawClient.connect(gateway.port);
  client.send(Array.from({ length: count }, (_, n) => get(`/${n % 7}`)).join(""));
  client.end();
  const received = await client.untilEnd();
  client.destroy();
  return received;
}

function assertBack(now: Holding): void {
  assert.equal(now.bufferedBytes, 0);
  assert.ok(now.handles <= atStart.handles, `${now.handles} handles, ${atStart.handles} at first`);
  const [inUse, atFirst] = [now, atStart].map(({ heapMiB, buffersMiB }) => heapMiB + buffersMiB);
  assert.ok(
    inUse !== undefined && atFirst !== undefined && inUse < 1.1 * atFirst,
    `${atFirst} MiB of heap and buffers -> ${inUse} MiB`,
  );
}

test("1,000 idle connections cost less than 20 KiB of heap each, and nothing afterwards", async () => {
  let during: Holding | undefined;
  await idle(1_000, async () => {
    during = await gateway.holding();
  });
  assert.ok(during);
  const each = (during.heapMiB + during.buffersMiB - atStart.heapMiB - atStart.buffersMiB) * 1.024;
  assert.ok(each < 20, `${each} KiB each`);
  assert.ok(during.handles > 1_000, "they were there");
  assertBack(await settled());
});

test("10,000 requests pipelined in one go are all answered, in order", async () => {
  const received = await pipeline(10_000);
  const lengths = [...received.matchAll(/Content-Length: (\d+)/g)].map(([, size]) => Number(size));
  assert.equal(lengths.length, 10_000);
  assert.ok(lengths.every((size, n) => size === n % 7));
  assertBack(await settled());
});

test("200 MB stream each way with flat memory", async () => {
  const bytes = 200 * mebi;
  let mostMiB = 0;
  let isOver = false;
  // One look at a time: each collects garbage over there, and a heap of them would slow the streams.
  const looking = (async () => {
    while (!isOver) {
      const { heapMiB, buffersMiB } = await gateway.holding();
      mostMiB = Math.max(mostMiB, heapMiB + buffersMiB);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  assert.equal(await download(gateway.port, bytes), bytes);
  assert.equal(await upload(gateway.port, bytes), bytes);
  isOver = true;
  await looking;
  const grown = mostMiB - atStart.heapMiB - atStart.buffersMiB;
  assert.ok(mostMiB > 0, "memory was looked at");
  assert.ok(grown < 16, `${grown} MiB more while it streams`);
  assertBack(await settled());
});

test("1,000 readers that never read, 1,000 half-sent heads and 50 huge heads leave nothing behind", async () => {
  const clients: RawClient[] = [];
  const crowd = async (text: string, reads: boolean): Promise<void> => {
    const client = await RawClient.connect(gateway.port, false);
    if (!reads) client.socket.pause();
    clients.push(client.send(text));
  };
  for (let n = 0; n < 1_000; n++) await crowd(get(`/${10 * mebi}`), false);
  for (let n = 0; n < 1_000; n++) await crowd("GET / HTTP/1.1\r\nHost: a\r\nX-Half: ", true);
  for (let n = 0; n < 50; n++) {
    const client = await RawClient.connect(gateway.port);
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(mebi)}\r\n\r\n`);
    // Nothing at all when the reset overtakes the answer, because the client was still sending.
    assert.match(await client.untilEnd(), /^(HTTP\/1\.1 431 |$)/);
    client.destroy();
  }
  const during = await fullest();
  assert.ok(during.handles >= atStart.handles + 3_000, `only ${during.handles} handles`);
  // A piece each way per reader, and what its socket did not take: see the bound of one exchange.
  const bound = (1_000 * 4 * 65_536) / mebi + 16;
  const grown = during.buffersMiB - atStart.buffersMiB;
  assert.ok(grown < bound, `${grown} MiB of buffers, bound ${bound}`);
  assert.ok(grown > 16, `${grown} MiB of buffers: nobody was slow`);
  const residentGrown = during.residentMiB - atStart.residentMiB;
  assert.ok(residentGrown < bound, `${residentGrown} MiB resident, bound ${bound}`);
  for (const client of clients) client.destroy();
  const last = await settled();
  assertBack(last);
  // The allocator keeps pages for the next crowd, so this is a coarse net; what is in use is exact.
  const keptMiB = last.residentMiB - atStart.residentMiB;
  assert.ok(keptMiB < bound, `${atStart.residentMiB} -> ${last.residentMiB} MiB`);
});

/** What the process holds when its buffers have stopped to fill. */
async function fullest(): Promise<Holding> {
  let last = await gateway.holding();
  const untilMs = performance.now() + 60_000;
  for (let still = 0; still < 5 && performance.now() < untilMs; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const next = await gateway.holding();
    const isSame = next.handles === last.handles && next.bufferedBytes === last.bufferedBytes;
    still = isSame ? still + 1 : 0;
    last = next;
  }
  return last;
}
