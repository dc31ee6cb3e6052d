import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceName } from "@prunella/core/kernel";
import { defaults } from "../spec/index.ts";
import { leftoverService } from "./leftover.ts";

test("what nobody describes any more is ended and logged as the cluster file has it by default", () => {
  const { log, stop, members } = leftoverService(serviceName("gone"));
  assert.deepEqual(stop, defaults.stop);
  assert.deepEqual(log, defaults.log);
  assert.deepEqual(members, []);
});
