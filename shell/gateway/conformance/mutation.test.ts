import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

// Goal: the tests notice when the data path or the ring breaks one of its rules. Method: the sources are
// copied to a temporary folder; there one line at a time is changed, the named test must fail, and the
// line is put back. The rules of the parser have a gate of their own: `parser/mutation.test.ts`.

type Mutant = {
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in the file; when the source changes, the mutant must follow. */
  readonly from: string;
  readonly to: string;
  /** The file and the name of the test that must turn red. */
  readonly test: readonly [file: string, name: string];
};

const core = "shell/gateway/exchange/exchange-core.test.ts";
const leader = "shell/gateway/exchange/response/leader-answer.test.ts";
const pipeline = "shell/gateway/exchange/upstream/pipeline.test.ts";
const responses = "shell/gateway/exchange/response/responses.test.ts";

const mutants: readonly Mutant[] = [
  {
    name: "a connection with surplus bytes is used again",
    file: "shell/gateway/exchange/response/response-ending.ts",
    from: "if (surplus) ",
    to: "if (surplus && core.nowMs < 0) ",
    test: [responses, "G4: bytes behind a response are dropped"],
  },
  {
    name: "a connection is used again after an early answer",
    file: "shell/gateway/exchange/response/response-ending.ts",
    from: "if (wasEarly) ",
    to: "if (wasEarly && core.nowMs < 0) ",
    test: ["shell/gateway/exchange/exchanges.test.ts", "G4: a final answer before the body came"],
  },
  {
    name: "an exchange is repeated after a byte of its answer was given",
    file: "shell/gateway/exchange/dispatch/failures.ts",
    from: "if (exchange.given) {",
    to: "if (exchange.given && core.nowMs < 0) {",
    test: ["shell/gateway/exchange/dispatch/retries.test.ts", "G9: a small answer that breaks"],
  },
  {
    name: "POST is repeated",
    file: "shell/gateway/exchange/dispatch/failures.ts",
    from: "mayRepeat(core, service, exchange, exchange.idempotent)",
    to: "mayRepeat(core, service, exchange, true)",
    test: [
      "shell/gateway/exchange/dispatch/retries.test.ts",
      "G8: POST is never sent to a second member",
    ],
  },
  {
    name: "what a client pipelines is kept without bound",
    file: "shell/gateway/exchange/request/request-intake.ts",
    from: "if (pending.length >= core.limits.pendingBytesMax) client.pause(pauseFor.pending);",
    to: "",
    test: [core, "a client that pipelines without end"],
  },
  {
    name: "the last chunk is written after a broken upstream",
    file: "shell/gateway/exchange/exchange-core.ts",
    from: "        exchangeFailed(state, upstream, closedBeforeResponse);",
    to: "        upstreamFinished(state, upstream);",
    test: [responses, "G7: an answer until the close that is reset"],
  },
  {
    name: "a trailer is forwarded before it is judged",
    file: "shell/gateway/parser/chunk-scanner.ts",
    from: "if (result === more && cutAt < this.at) dropRange(this, cutAt, this.at);",
    to: "this.ahead = none;",
    test: ["shell/gateway/conformance/requests.test.ts", "the table of chunked bodies"],
  },
  {
    name: "an answer that streams outlives the term of its leader",
    file: "shell/gateway/view/succession.ts",
    from: "    endLowerTerms(core, service, leaderRoute);\n",
    to: "",
    test: [leader, "G12: a term that begins at any byte of an answer .large"],
  },
  {
    name: "an answer to a request of a lower term is served",
    file: "shell/gateway/exchange/response/leader-answer.ts",
    from: "return exchange.term === route.term && ",
    to: "return exchange.term >= 0 && ",
    test: [leader, "G12: an answer under a lower term"],
  },
  {
    name: "an answer that names a lower term is served",
    file: "shell/gateway/exchange/response/leader-answer.ts",
    from: "(head.term < 0 || head.term >= route.term)",
    to: "head.term < Number.MAX_VALUE",
    test: [leader, "an answer that names a lower term"],
  },
  {
    name: "a view may take a term back",
    file: "shell/gateway/routing/leader-route.ts",
    from: 'if (offered.term < known.term) return "lower";',
    to: "",
    test: [leader, "G11: terms never fall"],
  },
  {
    name: "an answer goes to the last in line",
    file: "shell/gateway/exchange/upstream/pipeline.ts",
    from: "  const { line } = upstream;\n  const next = line.shift();",
    to: "  const { line } = upstream;\n  const next = line.pop();",
    test: [pipeline, "G21: requests of one turn leave as one line"],
  },
  {
    name: "POST shares a connection",
    file: "shell/gateway/exchange/upstream/pipeline.ts",
    from: "  if (method !== methodCode.get && method !== methodCode.head) return false;",
    to: "",
    test: [pipeline, "G21: what is no GET or HEAD"],
  },
  {
    name: "a line goes on after a fault in it",
    file: "shell/gateway/exchange/upstream/pipeline.ts",
    from: "  return unsentBytes > 0;",
    to: "  return false;",
    test: [pipeline, "an answer to a request that has not left yet"],
  },
  {
    name: "nobody minds a member that sent misplaced bytes",
    file: "shell/gateway/routing/member.ts",
    from: "    this.shareAgainAtMs = nowMs + this.#noSharingMs;\n",
    to: "",
    test: [pipeline, "G22: a framing fault ends the sharing"],
  },
  {
    name: "surplus behind a line is no fault",
    file: "shell/gateway/exchange/response/response-ending.ts",
    from: '    blame(core, upstream.service, upstream.member, "framing");\n',
    to: "",
    test: [pipeline, "G22: a framing fault ends the sharing"],
  },
  {
    name: "a client that leaves takes its place along",
    file: "shell/gateway/exchange/upstream/pipeline.ts",
    from: "  if (place >= 0) line[place] = vacancy;",
    to: "  if (place >= 0) line.splice(place, 1);",
    test: ["shell/gateway/exchange/upstream/pipeline-patience.test.ts", "a client that goes away"],
  },
  {
    name: "a retry shares a connection",
    file: "shell/gateway/exchange/upstream/pipeline.ts",
    from: "!service.pipelines || exchange.alone || ",
    to: "!service.pipelines || ",
    test: [pipeline, "a retry shares no connection"],
  },
  {
    name: "a placement is made from members as they come",
    file: "core/ring/placement.ts",
    from: "[...members].sort(byId)",
    to: "[...members]",
    test: ["core/ring/placement.test.ts", "the order of the members does not matter"],
  },
  {
    name: "the slots of a failed server are given away",
    file: "core/ring/seed-512.ts",
    from: "for (const { number } of sorted) {\n    for (let j",
    to: "for (const { number } of sorted.filter(({ live }) => live)) {\n    for (let j",
    test: ["core/ring/seed-512.test.ts", "a server that fails moves only its own requests"],
  },
  {
    name: "the load bound has no floor",
    file: "core/ring/load-bound.ts",
    from: "Math.max(floor, ",
    to: "Math.max(0, ",
    test: ["core/ring/load-bound.test.ts", "the floor keeps keys at home"],
  },
];

const root = fileURLToPath(new URL("../../..", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "prunella-path-mutants-"));
for (const folder of ["shell/gateway", "lab/peers", "lab/fuzz", "core"]) {
  cpSync(join(root, folder), join(scratch, folder), {
    recursive: true,
    filter: (path) => !/\/(?:node_modules|dist)(?:\/|$)/.test(path),
  });
}
symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs one test of the copy and says how it ended. */
async function run([file, name]: Mutant["test"]): Promise<{ failed: number; passed: number }> {
  const args = ["-C", "@prunella/source", "--test", "--test-reporter=tap"];
  const child = spawn(process.execPath, [...args, `--test-name-pattern=${name}`, file], {
    cwd: scratch,
    // A run inside a run would report to its parent instead of to us.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text;
  });
  await once(child, "close");
  const count = (what: string): number =>
    Number(new RegExp(`^# ${what} (\\d+)$`, "m").exec(output)?.[1] ?? Number.NaN);
  return { failed: count("fail") + count("cancelled"), passed: count("pass") };
}

test("each named test is green without a mutant", async () => {
  const tests = new Map(mutants.map((mutant) => [mutant.test.join(), mutant.test]));
  for (const named of tests.values()) {
    const { failed, passed } = await run(named);
    assert.equal(failed, 0, named.join(": "));
    assert.ok(passed > 0, `no test is called ${named.join(": ")}`);
  }
});

for (const mutant of mutants) {
  test(`a test turns red when ${mutant.name}`, async () => {
    const path = join(scratch, mutant.file);
    const source = readFileSync(path, "utf8");
    assert.equal(source.split(mutant.from).length, 2, `find the line in ${mutant.file}`);
    writeFileSync(
      path,
      source.replace(mutant.from, () => mutant.to),
    );
    try {
      assert.ok((await run(mutant.test)).failed > 0, "it survived");
    } finally {
      writeFileSync(path, source);
    }
  });
}
