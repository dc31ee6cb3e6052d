/** Options that make no sense are refused before anything starts, all of them at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { configFrom, type ElectionOptions } from "./options.ts";

const good: ElectionOptions = {
  cluster: "c",
  self: { id: "m-1" },
  members: [1, 2, 3].map((number) => ({
    id: `m-${number}`,
    host: "127.0.0.1",
    port: 1_000 + number,
    number,
  })),
  folder: "/nowhere",
  key: { secret: "a secret that is long enough for this" },
};

function problems(changes: object): string {
  try {
    configFrom({ ...good, ...changes } as ElectionOptions, "i0-p1-00");
    return "";
  } catch (error) {
    assert.ok(ClusterError.is(error, "CONFIG_INVALID"));
    return error.message;
  }
}

test("good options are taken", () => {
  assert.equal(problems({}), "");
  assert.equal(problems({ preempt: "always", leaseBreak: "never", followers: "refuse" }), "");
});

test("each setting that is one of a few words is checked, whoever gives it", () => {
  const text = problems({ mode: "best", preempt: "some", leaseBreak: "nver", followers: "drop" });
  assert.match(text, /mode "best" is none of quorum, available, arbiter/);
  assert.match(text, /preempt "some" is none of never, after-stable, always/);
  assert.match(text, /leaseBreak "nver" is none of proof, never, refused/);
  assert.match(text, /followers "drop" is none of proxy, redirect, refuse/);
});

test("numbers that an environment made of nonsense are refused by name", () => {
  const self = { id: "m-1", incarnation: Number.NaN, web: { host: "x", port: Number.NaN } };
  const text = problems({ self, listen: { host: "x", port: 70_000 }, stableMs: -1 });
  assert.match(text, /the incarnation NaN is not a whole number/);
  assert.match(text, /the web port NaN is none/);
  assert.match(text, /the port to listen at, 70000, is none/);
  assert.match(text, /stableMs -1 is not a span of time/);
});

test("a timing of one's own has to be whole", () => {
  assert.match(
    problems({ timing: { heartbeatMs: 100, stickinessMs: 600 } }),
    /does not say .*inquiryMs/,
  );
});

test("a member that is no member of its own list, twins, and too few voters are refused", () => {
  assert.match(problems({ self: { id: "m-9" } }), /m-9 is not among its own members/);
  assert.match(problems({ members: [...good.members, ...good.members] }), /listed twice/);
  assert.match(problems({ members: good.members.slice(0, 2) }), /a majority of 2 survives/);
});
