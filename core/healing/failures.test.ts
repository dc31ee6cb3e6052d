import assert from "node:assert/strict";
import { test } from "node:test";
import { rngFrom } from "../kernel/index.ts";
import { backoffMsMax, freshBackoff, nextPause, stableAfterMs } from "./backoff.ts";
import { spend, wasTaken } from "./failures.ts";
import { findEvidence, fingerprintOf, noEvidence, template } from "./fingerprint.ts";
import { faultOfExit } from "./start-fault.ts";

test("the first restart is at once, later ones wait 200 ms to three times longer, a minute at most", () => {
  let patient = 0;
  for (let seed = 1; seed <= 200; seed++) {
    let backoff = freshBackoff;
    let rng = rngFrom(seed);
    const pausesMs: number[] = [];
    for (let restart = 0; restart < 30; restart++) {
      const next = nextPause(backoff, rng);
      const previousMs = backoff.previousMs ?? 0;
      assert.ok(next.pauseMs <= Math.max(600, previousMs * 3) && next.pauseMs <= backoffMsMax);
      pausesMs.push(next.pauseMs);
      ({ backoff, rng } = next);
    }
    assert.equal(pausesMs[0], 0);
    assert.ok(pausesMs.slice(1).every((pauseMs) => pauseMs >= 200));
    if (Math.max(...pausesMs) > 10_000) patient += 1;
  }
  assert.ok(patient > 150, `only ${patient} of 200 ever waited long`);
});

test("a copy is stable after 30 s, or ten times its usual start", () => {
  assert.equal(stableAfterMs([]), 30_000);
  assert.equal(stableAfterMs([80, 90, 9_000]), 30_000);
  assert.equal(stableAfterMs([7_000, 8_000, 9_000]), 80_000);
});

test("what differs between two runs is replaced by slots", () => {
  const table: readonly (readonly [string, string])[] = [
    ["listen EADDRINUSE 127.0.0.1:8080", "listen EADDRINUSE <n>:<n>"],
    ["no file '/home/me/app/server.ts'", "no file '<path>'"],
    ["job 550e8400-e29b-41d4-a716-446655440000 lost", "job <id> lost"],
    ["at 0x7fff5fbff8c0 after 12.5 s", "at <id> after <n> s"],
    ["GET https://example.org/a?b=1 failed", "GET <url> failed"],
    ["commit 99daf64cafe1234 is bad", "commit <id> is bad"],
  ];
  for (const [line, expected] of table) assert.equal(template(line), expected);
});

test("two crashes of one kind have one fingerprint, two kinds have two", () => {
  const crash = (port: number, frame: string) =>
    findEvidence([
      "up",
      `Error: connect ECONNREFUSED 10.0.0.7:${port}`,
      `    at ${frame} (/app/db.ts:12:3)`,
    ]);
  const one = fingerprintOf("exited with code 1", crash(5432, "connect"));
  assert.equal(fingerprintOf("exited with code 1", crash(6543, "connect")), one);
  assert.notEqual(fingerprintOf("exited with code 1", crash(5432, "reconnect")), one);
  assert.notEqual(fingerprintOf("exited with code 2", crash(5432, "connect")), one);
  assert.match(one, /^[0-9a-f]{8}$/);
});

test("the error is found among the last lines of a Node program", () => {
  const evidence = findEvidence([
    "server failed to warm its cache, going on",
    "node:internal/modules/cjs/loader:1478",
    "  throw err;",
    "  ^",
    "",
    "Error: Cannot find module '/app/missing.js'",
    "    at Module._resolveFilename (node:internal/modules/cjs/loader:1475:15)",
    "    at Module._load (node:internal/modules/cjs/loader:1286:25) {",
    "  code: 'MODULE_NOT_FOUND',",
    "}",
    "",
    "Node.js v24.21.0",
  ]);
  assert.equal(evidence.errorLine, "Error: Cannot find module '/app/missing.js'");
  assert.match(evidence.topFrame ?? "", /_resolveFilename/);
  assert.equal(faultOfExit(1, evidence)?.kind, "module missing");
});

test("a program of any language leaves evidence, and silence leaves none", () => {
  const python = [
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 3, in <module>',
    "ModuleNotFoundError: No module named 'flask'",
  ];
  assert.equal(findEvidence(python).errorLine, "ModuleNotFoundError: No module named 'flask'");
  assert.equal(findEvidence(["hello", "fatal: no disk", "bye"]).errorLine, "fatal: no disk");
  assert.equal(findEvidence(["hello", "bye", ""]).errorLine, "bye");
  assert.deepEqual(findEvidence(["", " "]), noEvidence);
});

test("an outside signal says nothing against a program; its own exit and a segfault do", () => {
  assert.ok(wasTaken(undefined, "SIGKILL"));
  assert.ok(wasTaken(undefined, undefined), "nobody saw it");
  assert.ok(!wasTaken(undefined, "SIGSEGV"));
  assert.ok(!wasTaken(0, undefined));
});

test("the budget for restarts at once is spent and comes back", () => {
  let budget = spend({ tokens: 2, atMs: 0 }, 0);
  budget = budget && spend(budget, 0);
  assert.equal(budget && spend(budget, 0), undefined);
  assert.notEqual(budget && spend(budget, 2_000), undefined);
});
