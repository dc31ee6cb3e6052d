import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FortuneStore, type Opener } from "./fortune-store.ts";
import { fortunes } from "./fortunes.ts";

const folder = mkdtempSync(join(tmpdir(), "fortune-"));
after(() => rmSync(folder, { recursive: true }));

let count = 0;
function path(): string {
  count += 1;
  return join(folder, `${count}.sqlite`);
}

function leaderOf(term: number): Opener {
  return { token: `${term}`, term, leader: `fortune-${term}` };
}

test("there are at least 200 fortunes, each once, each short enough for a slip", () => {
  assert.ok(fortunes.length >= 200);
  assert.equal(new Set(fortunes).size, fortunes.length);
  for (const fortune of fortunes) assert.ok(fortune.length > 10 && fortune.length <= 120, fortune);
});

test("cookies are numbered over leaders and restarts, and each fortune comes once a round", () => {
  const file = path();
  const first = new FortuneStore(file, fortunes);
  const half = Math.floor(fortunes.length / 2);
  const seen = first.open(leaderOf(1), keys("a", half)).map((cookie) => cookie.fortune);
  first.close();
  const second = new FortuneStore(file, fortunes);
  assert.equal(second.opened(), half);
  const rest = second.open(leaderOf(2), keys("b", fortunes.length - half));
  assert.equal(rest[0]?.number, half + 1);
  assert.equal(new Set([...seen, ...rest.map((cookie) => cookie.fortune)]).size, fortunes.length);
  second.close();
});

test("FO2: a key opens one cookie, by whichever leader it is asked for again", () => {
  const store = new FortuneStore(path(), fortunes);
  const [first] = store.open(leaderOf(1), ["key"]);
  assert.deepEqual(store.open(leaderOf(2), ["key", "key"]), [first, first]);
  assert.equal(store.opened(), 1);
  store.close();
});

test("FO1: once a successor has raised the fence, a write of the old leader changes nothing", async () => {
  const file = path();
  const old = new FortuneStore(file, fortunes);
  const young = new FortuneStore(file, fortunes);
  old.open(leaderOf(1), ["a"]);
  await young.raise("2");
  assert.throws(() => old.open(leaderOf(1), ["b"]), { code: "FENCE_STALE" });
  await assert.rejects(old.raise("1"), { code: "FENCE_STALE" });
  assert.equal(young.opened(), 1);
  const [cookie] = young.open(leaderOf(2), ["c"]);
  assert.equal(cookie?.number, 2, "FO3: no number is skipped");
  old.close();
  young.close();
});

test("keys are kept for ten thousand cookies, so the file does not grow for ever", () => {
  const store = new FortuneStore(path(), fortunes);
  store.open(leaderOf(1), keys("old", 1));
  for (let batch = 0; batch < 11; batch++) store.open(leaderOf(1), keys(`batch ${batch}`, 1_000));
  const [again] = store.open(leaderOf(1), ["old 0"]);
  assert.equal(again?.number, 11_002);
  store.close();
});

function keys(prefix: string, length: number): readonly string[] {
  return Array.from({ length }, (_, index) => `${prefix} ${index}`);
}

test("a damaged file is named, with what to do", () => {
  const damaged = path();
  writeFileSync(damaged, "this was a cookie jar once, before somebody sat on it ".repeat(100));
  assert.throws(
    () => new FortuneStore(damaged, fortunes),
    (error: Error) => error.message.startsWith(`${damaged} cannot hold fortunes: file is not a`),
  );
});
