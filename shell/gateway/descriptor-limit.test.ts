import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionsWithin, openFilesLimit, openFilesOf } from "./descriptor-limit.ts";

test("the soft limit is read from what the system says, and no limit is none", () => {
  const text = (limit: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${limit} files     \n`;
  assert.equal(openFilesOf(text("1024                 524288              ")), 1_024);
  assert.equal(openFilesOf(text("unlimited            unlimited           ")), undefined);
  assert.equal(openFilesOf(""), undefined);
});

test("on Linux this process has a limit", { skip: process.platform !== "linux" }, () => {
  assert.ok((openFilesLimit() ?? Number.POSITIVE_INFINITY) > 0);
});

test("few members leave more than half to the clients", () => {
  assert.equal(connectionsWithin(20_256, 3_000), 17_000);
  assert.equal(connectionsWithin(20_256, 15_000), 10_000);
});

test("half of what the reserve leaves is for clients, and a few always get in", () => {
  assert.equal(connectionsWithin(1_024), 384);
  assert.equal(connectionsWithin(100_000), 49_872);
  assert.equal(connectionsWithin(64), 16);
  assert.equal(connectionsWithin(undefined), Number.POSITIVE_INFINITY);
});
