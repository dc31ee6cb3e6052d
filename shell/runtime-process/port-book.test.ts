import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { instanceName } from "@prunella/core/kernel";
import { PortBook, portMin } from "./port-book.ts";

const one = instanceName("hello-1");
const ephemeral = [32_768, 60_999] as const;

async function occupy(port: number, host = "127.0.0.1"): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return server;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

test("a name keeps its port, in this book and in the next", async () => {
  const mark = `${process.pid}-keep`;
  const book = new PortBook(mark, ephemeral);
  const port = await book.choose(one);
  assert.ok(port >= portMin && port < portMin + 10_000);
  assert.equal(await book.choose(one), port);
  assert.equal(await new PortBook(mark, ephemeral).choose(one), port);
});

test("two hundred names at once get two hundred ports", async () => {
  const book = new PortBook(`${process.pid}-many`, ephemeral);
  const names = Array.from({ length: 200 }, (_, index) => instanceName(`hello-${index}`));
  const ports = await Promise.all(names.map((name) => book.choose(name)));
  assert.equal(new Set(ports).size, 200);
});

test("a port on which a stranger listens, or was seen, is passed over", async () => {
  const book = new PortBook(`${process.pid}-taken`, ephemeral);
  const first = await book.choose(one);
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    const stranger = await occupy(first, host);
    assert.notEqual(await book.choose(one), first);
    await close(stranger);
  }
  book.release(one);
  assert.equal(await book.choose(one), first);
  book.avoid(one, first);
  const second = await book.choose(one);
  assert.notEqual(second, first);
  assert.equal(await book.choose(one), second);
});

test("a port that a sibling holds is passed over also while the sibling does not run", async () => {
  const mark = `${process.pid}-sibling`;
  const port = await new PortBook(mark, ephemeral).choose(one);
  const book = new PortBook(mark, ephemeral);
  book.hold(instanceName("hello-2"), port);
  assert.notEqual(await book.choose(one), port);
});

test("ports that the kernel gives to outgoing connections are left to it", async () => {
  const book = new PortBook(`${process.pid}-range`, [20_100, 60_999]);
  for (let index = 0; index < 50; index++) {
    const port = await book.choose(instanceName(`hello-${index}`));
    assert.ok(port < 20_100, `${port}`);
  }
  const everything = new PortBook(`${process.pid}-all`, [1_024, 65_535]);
  assert.ok((await everything.choose(one)) >= portMin, "where all are ephemeral, any will do");
});

test("when no port is left the error says so, and the book is as before", async () => {
  const book = new PortBook(`${process.pid}-none`, [20_003, 60_999]);
  for (let index = 0; index < 3; index++) book.hold(instanceName(`other-${index}`), 20_000 + index);
  await assert.rejects(book.choose(one), { code: "RUNTIME_UNAVAILABLE", message: /No free port/ });
  book.release(instanceName("other-1"));
  assert.equal(await book.choose(one), 20_001);
});
