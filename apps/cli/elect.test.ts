/** What people read about elections: `status`, `why` and the three words of `elect`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClusterStatus } from "@prunella/wire/control";
import { type ElectionStatus, electionStatus } from "@prunella/wire/election";
import { prunella } from "./testing/command-run.ts";
import {
  ControlFixture,
  failed,
  instanceOf,
  type Seen,
  statusOf,
} from "./testing/control-fixture.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();

const history: ElectionStatus["history"] = [
  {
    ...{ term: 7, leader: "hello-1", incarnation: 1, from: at(0), to: at(60), why: "start" },
    ...{ proof: null, detectMs: null, electMs: null, exposeMs: 3, leaderlessMs: null },
    ending: "hello-1 was killed by SIGKILL",
  },
  {
    ...{ term: 8, leader: "hello-3", incarnation: 2, from: at(60.021), to: null, why: "crash" },
    ...{ proof: "exited", detectMs: 2, electMs: 12, exposeMs: 7, leaderlessMs: 21, ending: null },
  },
];

function led(leader: string | undefined): ClusterStatus {
  const names = ["hello-1", "hello-2", "hello-3"];
  const status = statusOf(
    names.map((name) => instanceOf(name, { leads: name === leader, term: 8 })),
  );
  const [service] = status.services;
  assert.ok(service);
  return { ...status, services: [{ ...service, kind: "elected" }] };
}

async function elected(leader = "hello-3"): Promise<ControlFixture> {
  const agent = await new ControlFixture([]).start();
  agent.status = led(leader);
  agent.onChange = ({ path, method }: Seen) => {
    if (!path.includes("/election")) return undefined;
    const next = method === "POST" ? { term: 9, leader: "hello-2" } : { term: 8, leader };
    const body = { service: "hello", mode: "quorum", timing: "lan", state: "leading", history };
    return { status: 200, body: electionStatus.parse({ ...body, ...next }) };
  };
  return agent;
}

test("status shows who leads and in which term, as a table and as JSON", async () => {
  await using agent = await elected();
  const table = await prunella(agent, "status");
  assert.match(table.stdout, /hello {2}3 of 3 ready, hello-3 leads in term 8/);
  assert.match(table.stdout, /PHASE +ROLE/);
  assert.match(table.stdout, /hello-3 +serving +leader/);
  assert.match(table.stdout, /hello-1 +serving +follower/);
  const { stdout } = await prunella(agent, "status", "--json");
  const status = JSON.parse(stdout) as ClusterStatus;
  assert.deepEqual(
    status.services[0]?.instances.map(({ leads, term }) => [leads, term]),
    [
      [false, 8],
      [false, 8],
      [true, 8],
    ],
  );
  agent.status = led(undefined);
  assert.match((await prunella(agent, "status")).stdout, /3 of 3 ready, nobody leads/);
});

test("a cluster that elects nobody has no column for it", async () => {
  await using agent = await new ControlFixture([instanceOf("hello-1")]).start();
  assert.doesNotMatch((await prunella(agent, "status")).stdout, /ROLE|leads/);
});

test("elect why tells each change with its cause, and where its time went", async () => {
  await using agent = await elected();
  const { code, stdout } = await prunella(agent, "elect", "why");
  assert.equal(code, 0);
  assert.match(stdout, /^hello {2}\S hello-3 leads {2}quorum, lan\n {2}term 8, since /);
  assert.match(stdout, /hello-1 leads {2}term 7, incarnation 1\n +nobody had led/);
  assert.match(stdout, /hello-3 takes over from hello-1 {2}term 8, incarnation 2/);
  assert.match(stdout, /crash: hello-1 was killed by SIGKILL/);
  assert.match(stdout, /21 ms without a leader \(2 ms to notice, 12 ms to elect, 7 ms to expose\)/);
});

test("elect history is one row a term, and one document as JSON", async () => {
  await using agent = await elected();
  const { stdout } = await prunella(agent, "elect", "history", "hello");
  const lines = stdout.trim().split("\n");
  assert.equal(lines.length, 3);
  assert.match(lines[2] ?? "", /8 +hello-3 +2 .* crash +2 ms +12 ms +7 ms +21 ms$/);
  const json = await prunella(agent, "elect", "history", "--json");
  assert.deepEqual(JSON.parse(json.stdout), history);
});

test("elect resign says from whom to whom, and asks for the one that is named", async () => {
  await using agent = await elected();
  const { code, stderr } = await prunella(agent, "elect", "resign", "--to", "hello-2");
  assert.equal(code, 0);
  assert.match(stderr, /hello: hello-3 \S+ hello-2 in .*, term 9/);
  const asked = agent.seen.find(({ method }) => method === "POST");
  assert.deepEqual(
    [asked?.path, asked?.body],
    ["/v1/services/hello/election/resign", { to: "hello-2" }],
  );
  const json = await prunella(agent, "elect", "resign", "--json");
  assert.equal((JSON.parse(json.stdout) as ElectionStatus).leader, "hello-2");
});

test("whoever asks the wrong service, or in the wrong words, is told the right ones", async () => {
  await using agent = await elected();
  const word = await prunella(agent, "elect", "who");
  assert.equal(word.code, 2);
  assert.match(word.stderr, /Say one of: why, history, resign/);
  const name = await prunella(agent, "elect", "why", "helo");
  assert.match(name.stderr, /There is no service "helo"\. Did you mean hello\?/);
  const why = await prunella(agent, "why", "hello");
  assert.match(why.stderr, /elect why hello/);
  agent.onChange = () => failed(503, "LEADER_MISSING", "Nobody leads hello right now.");
  const nobody = await prunella(agent, "elect", "resign");
  assert.notEqual(nobody.code, 0);
  assert.match(nobody.stderr, /Nobody leads hello right now/);
  agent.status = statusOf([instanceOf("hello-1")]);
  const none = await prunella(agent, "elect", "why");
  assert.match(none.stderr, /No service of this cluster elects a leader/);
  const kind = await prunella(agent, "elect", "why", "hello");
  assert.match(kind.stderr, /hello elects no leader/);
});
