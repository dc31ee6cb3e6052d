import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError, instanceName } from "../kernel/index.ts";
import { configOf, type ElectionSettings, leaseMs, validateConfig } from "./config.ts";
import { allRules } from "./rules.ts";
import { type TimingName, timingProfiles } from "./timing-profiles.ts";

const members = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: instanceName(`fortune-${index + 1}`),
    number: index + 1,
    priority: 0,
  }));

function settings(changes: Partial<ElectionSettings> = {}): ElectionSettings {
  const self = instanceName("fortune-1");
  return { self, boot: "b1", mode: "quorum", voters: members(3), ...changes };
}

function problems(changes: Partial<ElectionSettings>): readonly string[] {
  try {
    validateConfig(configOf(settings(changes)));
    return [];
  } catch (error) {
    assert.ok(ClusterError.is(error, "CONFIG_INVALID"));
    return (error.details as { problems: readonly string[] }).problems;
  }
}

test("every profile keeps the relations that a lease rests on, at the default clock error", () => {
  for (const name of Object.keys(timingProfiles) as TimingName[]) {
    assert.deepEqual(problems({ timing: timingProfiles[name] }), [], name);
  }
});

test("a lease is shorter than stickiness by twice the clock error, and a mutant has no margin", () => {
  const config = configOf(settings({ clockErrorMax: 0.05 }));
  assert.equal(Math.round(leaseMs(config)), Math.round((600 * 0.95) / 1.05));
  assert.equal(leaseMs({ ...config, rules: { ...allRules, driftMargin: false } }), 600);
});

const lan = timingProfiles.lan;
const refused: readonly (readonly [string, Partial<ElectionSettings>, RegExp])[] = [
  ["heartbeats too rare", { timing: { ...lan, heartbeatMs: 200 } }, /quarter of stickinessMs/],
  ["a zero", { timing: { ...lan, jitterMs: 0 } }, /positive/],
  [
    "a lease shorter than a round",
    { timing: { ...lan, roundTripP99Ms: 500 } },
    /ends before one round/,
  ],
  ["an inquiry too short", { timing: { ...lan, inquiryMs: 30 } }, /four round trips/],
  ["successors together", { timing: { ...lan, staggerMs: 2 } }, /start together/],
  ["a wild clock", { clockErrorMax: 0.5 }, /clockErrorMax/],
  ["a stranger", { self: instanceName("other") }, /not among its own members/],
  ["one member twice", { voters: [...members(3), ...members(1)] }, /listed twice/],
  [
    "one number twice",
    { voters: members(3).map((member) => ({ ...member, number: 1 })) },
    /numbers have to be unique/,
  ],
  [
    "a number too large",
    { voters: members(3).map((member) => ({ ...member, number: 70_000 + (member.number ?? 0) })) },
    /within 0 to 65535/,
  ],
  ["two voters", { voters: members(2) }, /survives no failure/],
  ["nine voters", { voters: members(9) }, /make the others observers/],
  ["a view of nobody", { mode: "available", viewMin: 0 }, /viewMin/],
  ["a view of more than all", { mode: "available", viewMin: 4 }, /viewMin/],
  ["a record renewed too late", { mode: "arbiter", recordRenewMs: 4_000 }, /more than half/],
  ["a record too short", { mode: "arbiter", recordLeaseMs: 800, recordRenewMs: 300 }, /whole sec/],
  ["old peers that vote", { compat: true }, /available only/],
];

for (const [name, changes, why] of refused) {
  test(`a configuration is refused for ${name}, and the sentence says so`, () => {
    assert.match(problems(changes).join("\n"), why);
  });
}

test("all problems are told at once", () => {
  assert.equal(
    problems({ self: instanceName("other"), voters: members(2), compat: true }).length,
    3,
  );
});
