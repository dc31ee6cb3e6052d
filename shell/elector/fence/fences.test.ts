import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import fc from "fast-check";
import { FileFence } from "./file-fence.ts";
import { fencingMiddleware } from "./http-fence.ts";
import { MemoryFence } from "./memory-fence.ts";
import { RedisFence } from "./redis-fence.ts";
import { type RunSql, SqlFence, SqliteFence } from "./sql-fence.ts";
import { compareTokens, isToken } from "./token.ts";

const older = "1763740800000";
const newer = "1763740800001";

function folder(t: { after: (clean: () => void) => void }): string {
  const path = mkdtempSync(join(tmpdir(), "prunella-fence-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const stale = { code: "FENCE_STALE" };

test("tokens compare as the numbers that they are, in both forms", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(0n, 2n ** 63n - 1n), (a, b) => {
      assert.equal(Math.sign(compareTokens(`${a}`, `${b}`)), a < b ? -1 : a > b ? 1 : 0);
      const [wideA, wideB] = [a, b].map((value) => value.toString(16).padStart(32, "0"));
      assert.equal(Math.sign(compareTokens(wideA ?? "", wideB ?? "")), a < b ? -1 : a > b ? 1 : 0);
    }),
    { seed: 3 },
  );
  for (const text of ["", "-1", "01", "1e3", `${2n ** 63n}`, "x", "0".repeat(31)]) {
    assert.equal(isToken(text), false, text);
  }
});

test("memory: the newest token passes again and again, older ones never", async () => {
  const fence = new MemoryFence();
  fence.admit(older);
  await fence.raise(newer);
  fence.admit(newer);
  assert.throws(() => fence.admit(older), stale);
  assert.equal(fence.highest, newer);
});

test("file: a stale leader's write leaves the file as it is", async (t) => {
  const path = join(folder(t), "state.json");
  const fence = new FileFence(path);
  fence.write(older, "one");
  await fence.raise(newer);
  assert.throws(() => fence.write(older, "late"), stale);
  assert.equal(readFileSync(path, "utf8"), "one");
  new FileFence(path).write(newer, "two");
  assert.equal(readFileSync(path, "utf8"), "two");
});

test("file: writers of several processes take turns, and tokens never fall", async (t) => {
  const path = join(folder(t), "counter");
  const module = join(import.meta.dirname, "..", "fixtures", "fenced-writer.ts");
  const writers = Array.from({ length: 4 }, (_, index) =>
    fork(module, [path, `${index + 1}`], { execArgv: ["-C", "@prunella/source"] }),
  );
  const codes = await Promise.all(writers.map(async (child) => (await once(child, "exit"))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  const lines = readFileSync(path, "utf8").trim().split("\n").map(Number);
  assert.equal(lines.at(-1), 4, "the highest token wrote last");
  assert.deepEqual(
    lines,
    lines.toSorted((a, b) => a - b),
  );
});

test("SQLite: the check and the write are one transaction", async () => {
  const database = new DatabaseSync(":memory:");
  const fence = new SqliteFence(database, { resource: "fortune" });
  database.exec("CREATE TABLE counter (value INTEGER); INSERT INTO counter VALUES (0)");
  const add = (): unknown => database.exec("UPDATE counter SET value = value + 1");
  fence.transaction(older, add);
  fence.transaction(older, add);
  await fence.raise(newer);
  assert.throws(() => fence.transaction(older, add), stale);
  assert.throws(() =>
    fence.transaction(newer, () => {
      add();
      throw new Error("the write failed");
    }),
  );
  assert.deepEqual({ ...database.prepare("SELECT value FROM counter").get() }, { value: 2 });
  fence.transaction(newer, add);
});

test("SQL of any client: the statements work as they are written for it", async () => {
  const database = new DatabaseSync(":memory:");
  const statements: string[] = [];
  const run: RunSql = async (sql, values) => {
    statements.push(sql);
    const plain = sql.replace(/\$(\d)/g, "?");
    return { rows: Number(database.prepare(plain).run(...values).changes) };
  };
  const fence = new SqlFence({ resource: "fortune", placeholders: "dollar", run });
  await fence.raise(older);
  await fence.admit(newer, run);
  await assert.rejects(fence.admit(older, run), stale);
  await assert.rejects(fence.raise(older), stale);
  assert.match(statements.at(-1) ?? "", /token = \$1, uses = uses \+ 1 WHERE resource = \$2/);
  assert.throws(() => new SqlFence({ resource: "x", table: "a; DROP TABLE b", run }), {
    code: "CONFIG_INVALID",
  });
  await assert.rejects(fence.admit("0".repeat(32), run), { code: "CONFIG_INVALID" });
});

test("Redis: what the script answers is what happens", async () => {
  const asked: unknown[] = [];
  let passes = 1;
  const fence = new RedisFence(async (_script, keys, values) => {
    asked.push([keys, values]);
    return passes;
  }, "fence");
  await fence.raise(older);
  await fence.set(newer, "key", "value");
  assert.deepEqual(asked, [
    [["fence"], [older]],
    [
      ["fence", "key"],
      [newer, "value"],
    ],
  ]);
  passes = 0;
  await assert.rejects(fence.set(older, "key", "late"), stale);
});

test("HTTP: stale tokens get 412, missing ones 428, nonsense 400, and none of them is served", async (t) => {
  const fence = new MemoryFence("the store");
  const guard = fencingMiddleware(fence);
  let served = 0;
  const server = createServer((request, response) =>
    guard(request, response, () => {
      served += 1;
      response.end("done");
    }),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const put = async (token: string | undefined, method = "PUT"): Promise<number> => {
    const headers = token === undefined ? {} : { "x-fencing-token": token };
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method, headers });
    await answer.text();
    return answer.status;
  };
  assert.equal(await put(newer), 200);
  assert.equal(await put(older), 412);
  assert.equal(await put(undefined), 428);
  assert.equal(await put("soon"), 400);
  assert.equal(await put(undefined, "GET"), 200);
  assert.equal(await put(older, "GET"), 412);
  assert.equal(served, 2);
});

test("a refusal says what to do and is nobody's fault but the caller's peer", () => {
  const fence = new MemoryFence("the counter");
  fence.admit(newer);
  try {
    fence.admit(older);
    assert.fail("it must throw");
  } catch (error) {
    assert.ok(ClusterError.is(error, "FENCE_STALE"));
    assert.match(error.message, /the counter refuses token .* Stop acting as leader/);
    assert.equal(error.fault, "peer");
  }
});

test("a full disk is called that, nothing is half written, and with room again it goes on", async () => {
  const database = new DatabaseSync(":memory:");
  const fence = new SqliteFence(database, { resource: "r" });
  database.exec("CREATE TABLE note (text TEXT)");
  await fence.raise("7");
  database.exec("PRAGMA max_page_count = 4");
  const insert = database.prepare("INSERT INTO note VALUES (?)");
  const write = (): unknown => insert.run("x".repeat(100_000));
  assert.throws(() => fence.transaction("8", write), /database or disk is full/);
  assert.equal(database.isTransaction, false);
  database.exec("PRAGMA max_page_count = 1000");
  fence.transaction("7", write);
  assert.equal(database.prepare("SELECT COUNT(*) AS n FROM note").get()?.["n"], 1);
});
