/** What each command shows and how it ends, against a control API that can be put into any state. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ClusterEvent } from "@prunella/wire/control";
import { prunella, RunningCommand } from "./testing/command-run.ts";
import { ControlFixture, failed, instanceOf, statusOf } from "./testing/control-fixture.ts";

const three = ["hello-1", "hello-2", "hello-3"].map((name) => instanceOf(name));

test("status as a table names every instance, and says why one does not serve", async () => {
  await using agent = await new ControlFixture([
    ...three.slice(0, 2),
    instanceOf("hello-3", {
      phase: "parked",
      pid: null,
      reason: "exited 5 times in 10 s with code 1 \u001b[31mred",
    }),
  ]).start();
  const { code, stdout, stderr } = await prunella(agent, "status");

  assert.equal(code, 0);
  assert.match(stderr, /Explain it: .*why hello-3/);
  assert.match(stdout, /hello {2}2 of 3 ready/);
  assert.match(stdout, /hello-1 +serving +1 +0 +4000 +127\.0\.0\.1:41000 +12% +48M +1m/);
  assert.match(stdout, /hello-3 +parked/);
  assert.match(stdout, /exited 5 times in 10 s with code 1 red/); // Its colours cannot reach us.
});

test("status as JSON is one document with the fields that others rely on", async () => {
  await using agent = await new ControlFixture(three).start();
  const { code, stdout } = await prunella(agent, "status", "--json");
  const { cluster, services } = JSON.parse(stdout) as ReturnType<typeof statusOf>;

  assert.equal(code, 0);
  assert.equal(cluster, "demo");
  assert.equal(stdout.trim().split("\n").length, 1);
  const [service] = services;
  assert.deepEqual(
    [service?.name, service?.kind, service?.desired, service?.ready],
    ["hello", "replicas", 3, 3],
  );
  for (const field of [
    "name",
    "incarnation",
    "phase",
    "ready",
    "pid",
    "address",
    "restarts",
    "startedAt",
  ]) {
    assert.ok(
      service?.instances.every((instance) => field in instance),
      field,
    );
  }
});

test("events as JSON are one object a line, with at, type and instance", async () => {
  await using agent = await new ControlFixture(three).start();
  for (const instance of ["hello-1", "hello-2"]) {
    agent.emit({
      type: "instance.exited",
      severity: "warning",
      instance,
      incarnation: 1,
      message: "killed",
    });
  }
  const { code, stdout } = await prunella(agent, "events", "--json");
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Partial<ClusterEvent>);

  assert.equal(code, 0);
  assert.deepEqual(
    events.map((event) => event.instance),
    ["hello-1", "hello-2"],
  );
  assert.ok(events.every((event) => "at" in event && "type" in event));
});

test("events can be followed over the death of an agent without loss and without repetition", async () => {
  await using agent = await new ControlFixture(three).start();
  const tell = (message: string) =>
    agent.emit({ type: "note", severity: "info", instance: "hello-1", incarnation: 1, message });
  tell("one");
  await using command = new RunningCommand(agent, ["events", "-f"]);
  await command.until(() => command.stdout.includes("one"), "first event");
  tell("two");
  await command.until(() => command.stdout.includes("two"), "second event");
  await agent.stop();
  await command.until(() => command.stderr.includes("away"), "the loss is told");
  tell("three");
  await agent.start();
  await command.until(() => command.stdout.includes("three"), "third event");
  command.child.kill("SIGINT");
  const { code, stdout } = await command.ended;

  assert.equal(code, 130);
  assert.deepEqual(stdout.match(/one|two|three/g), ["one", "two", "three"]);
});

test("logs of all instances are marked, and followed over the death of an agent", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.log("hello-1", "a", "b");
  agent.log("hello-2", "c");
  await using command = new RunningCommand(agent, ["logs", "-f"]);
  await command.until(() => /hello-2 │ c/.test(command.stdout), "first lines");
  await agent.stop();
  agent.log("hello-1", "b", "d");
  await agent.start();
  await command.until(() => /hello-1 │ d/.test(command.stdout), "the line written meanwhile");
  command.child.kill("SIGINT");
  const { stdout } = await command.ended;

  const first = [...stdout.matchAll(/hello-1 │ (\w)/g)].map(([, line]) => line);
  assert.deepEqual(first, ["a", "b", "b", "d"]);
});

test("scale waits until the count is reached, and does without the name of the only service", async () => {
  await using agent = await new ControlFixture(three).start();
  const names = [1, 2, 3, 4, 5].map((number) => `hello-${number}`);
  agent.onChange = ({ body }) => {
    assert.deepEqual(body, { count: 5 });
    agent.status = statusOf(names.map((name) => instanceOf(name, { phase: "starting" })));
    return undefined;
  };
  await using command = new RunningCommand(agent, ["scale", "5"]);
  // Progress in plain lines, because this is no terminal.
  await command.until(() => command.stderr.includes("hello-5  starting"), "progress");
  agent.status = statusOf(names.map((name) => instanceOf(name)));
  const { code, stdout, stderr } = await command.ended;

  assert.equal(code, 0);
  assert.equal(stdout, "");
  assert.match(stderr, /hello 3 → 5, all ready/);
});

test("a wait that does not end well exits with 5 and names who does not serve", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.onChange = () => {
    agent.status = statusOf([
      ...three,
      instanceOf("hello-4", { phase: "starting", reason: "no port yet" }),
    ]);
    return undefined;
  };
  const slow = await prunella(agent, "scale", "hello", "4", "--timeout", "300");
  assert.equal(slow.code, 5);
  assert.match(slow.stderr, /1 of 4 instances does not serve/);
  assert.match(slow.stderr, /hello-4 {2}starting {2}no port yet/);
  assert.match(slow.stderr, /next {2}.*why hello-4/);

  agent.onChange = () => {
    agent.status = statusOf([
      ...three,
      instanceOf("hello-4", { phase: "parked", reason: "crash loop" }),
    ]);
    return undefined;
  };
  const hopeless = await prunella(agent, "scale", "hello", "4", "--timeout", "60000");
  assert.equal(hopeless.code, 5); // At once: waiting longer would change nothing.
});

test("what is not settled yet is said, in status and where a wait ends", async () => {
  await using agent = await new ControlFixture(three).start();
  const unsettled = ["gateway-1 has not taken the newest view: it does not answer"];
  agent.status = { ...agent.status, converged: false, unsettled };
  const status = await prunella(agent, "status");
  assert.match(
    status.stdout,
    /^demo {2}converging .*\n {2}gateway-1 has not taken the newest view/,
  );
  const scale = await prunella(agent, "scale", "3", "--timeout", "200");
  assert.equal(scale.code, 5);
  assert.match(scale.stderr, /not settled after .*\n {2}gateway-1 has not taken the newest view/);
});

test("a change that waits learns that down ended the cluster", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.onChange = () => {
    agent.status = statusOf([...three, instanceOf("hello-4", { phase: "starting" })]);
    return undefined;
  };
  await using scale = new RunningCommand(agent, ["scale", "4"]);
  await scale.until(() => scale.stderr.includes("hello-4"), "it waits");
  assert.equal((await prunella(agent, "down")).code, 0);
  await agent.stop();
  const { code, stderr } = await scale.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /was ended by `prunella down` meanwhile/);
});

test("a scale to nothing speaks of the end", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.onChange = () => {
    agent.status = statusOf([]);
    return undefined;
  };
  const { code, stderr } = await prunella(agent, "scale", "0");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /hello 3 → 0, all ended in/);
});

test("rm of what is not there, or not a replica, speaks of the instance", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.status = { ...agent.status, gateways: [instanceOf("gateway-1")] };
  const unknown = await prunella(agent, "rm", "server-1");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /There is no instance "server-1"\./);
  assert.match(unknown.stderr, /fix +one of: hello-1, hello-2, hello-3\n/);
  const slip = await prunella(agent, "rm", "helo");
  assert.match(slip.stderr, /no service "helo"\. Did you mean hello\?/);
  for (const words of [["gateway-1"], ["hello", "gateway-1"]]) {
    const gateway = await prunella(agent, "rm", ...words);
    assert.equal(gateway.code, 2);
    assert.match(gateway.stderr, /gateway-1 is a gateway and no replica of a service/);
    assert.doesNotMatch(gateway.stderr, /Did you mean/);
  }
});

test("a host name that differs from the name of the instance is shown", async () => {
  await using agent = await new ControlFixture(three).start();
  assert.doesNotMatch((await prunella(agent, "status")).stdout, /HOST NAME/);
  const renamed = instanceOf("hello-2", { hostname: "calm-clover-5109" });
  agent.status = statusOf([instanceOf("hello-1"), renamed]);
  const { stdout } = await prunella(agent, "status");
  assert.match(stdout, /NAME +HOST NAME +PHASE/);
  assert.match(stdout, /hello-2 +calm-clover-5109 +serving/);
  agent.explanation = {
    instance: renamed,
    service: "hello",
    next: "nothing to do",
    fix: null,
    incidents: [],
    troubles: [],
    logTail: [],
  };
  const why = await prunella(agent, "why", "hello-2");
  assert.match(why.stdout, /clients know it as calm-clover-5109/);
});

test("a watch into a pipe that nobody reads any more ends by itself", async () => {
  await using agent = await new ControlFixture(three).start();
  await using watch = new RunningCommand(agent, ["status", "--watch"]);
  await watch.until(() => watch.stdout.includes("hello-3"), "the first table");
  watch.child.stdout?.destroy();
  const { code } = await watch.ended; // Although nothing changes.
  assert.equal(code, 0);
});

test("a damaged announcement is not taken for an empty folder", async () => {
  await using agent = await new ControlFixture(three).start();
  writeFileSync(join(agent.stateFolder, "agent.json"), '{"pid":12');
  const gone = await prunella(agent, "status");
  assert.equal(gone.code, 69);
  assert.match(gone.stderr, /No agent keeps this cluster; what it kept alive goes on/);
  assert.match(gone.stderr, /next +npx prunella up/);
  writeFileSync(
    join(agent.stateFolder, "lock.json"),
    JSON.stringify({ pid: process.pid, since: "2026-01-01T00:00:00.000Z" }),
  );
  const silent = await prunella(agent, "status");
  assert.equal(silent.code, 69);
  assert.match(silent.stderr, new RegExp(`agent \\(pid ${process.pid}\\) runs`));
  assert.match(silent.stderr, new RegExp(`kill ${process.pid}, then .up.`));
});

test("why without a name lists the instances", async () => {
  await using agent = await new ControlFixture(three).start();
  const { code, stderr } = await prunella(agent, "why");
  assert.equal(code, 2);
  assert.match(stderr, /Say which instance: hello-1, hello-2, hello-3/);
  assert.match(stderr, /next +npx prunella why --help/);
});

test("a wrong name is answered with the right ones", async () => {
  await using agent = await new ControlFixture(three).start();
  const why = await prunella(agent, "why", "helo-2");
  assert.equal(why.code, 1);
  assert.match(why.stderr, /Did you mean hello-2\?/);
  const scale = await prunella(agent, "scale", "hallo", "3");
  assert.equal(scale.code, 1);
  assert.match(scale.stderr, /no service "hallo"\. Did you mean hello\?/);
  assert.match(scale.stderr, /fix +one of: hello/);
  const service = await prunella(agent, "why", "hello");
  assert.equal(service.code, 2);
  assert.match(service.stderr, /its instances are: hello-1, hello-2, hello-3/);
});

test("add and rm send what the load-balancer API wants, and show its refusals", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.onChange = () => {
    agent.status = statusOf([...three, instanceOf("S5", { address: "127.0.0.1:41005" })]);
    return undefined;
  };
  const added = await prunella(agent, "add", "hello", "S5");
  assert.equal(added.code, 0);
  assert.match(added.stderr, /S5 serves at 127\.0\.0\.1:41005/);
  assert.deepEqual(agent.seen.find(({ path }) => path.endsWith("/add"))?.body, {
    n: 1,
    hostnames: ["S5"],
  });

  agent.onChange = () => ({
    status: 400,
    body: { message: "<Error> Only 2 instances can be removed", status: "failure" },
  });
  const removed = await prunella(agent, "rm", "hello", "-n", "9");
  assert.equal(removed.code, 1);
  assert.match(removed.stderr, /Only 2 instances can be removed/);
});

test("status and why tell what gateways saw in traffic", async () => {
  await using agent = await new ControlFixture(three).start();
  const trouble = {
    at: new Date(Date.now() - 12_000).toISOString(),
    type: "gateway.framing-fault",
    severity: "error" as const,
    service: "hello",
    instance: "hello-2",
    incarnation: 1,
    message: "hello-2 sent bytes that belong to no answer\u001b[2J",
    incident: null,
    data: { gateway: "gateway-1" },
  };
  const says = /hello-2 sent bytes that belong to no answer.* \(gateway-1, 1\ds ago\)/;
  agent.status = { ...agent.status, troubles: [trouble] };
  const status = await prunella(agent, "status");
  assert.match(status.stdout, says);
  assert.ok(!status.stdout.includes("\u001b"));
  agent.explanation = {
    instance: instanceOf("hello-2"),
    service: "hello",
    next: "goes on serving",
    fix: null,
    incidents: [],
    troubles: [trouble],
    logTail: ["its last words"],
  };
  const why = await prunella(agent, "why", "hello-2");
  assert.match(why.stdout, /seen in traffic/);
  assert.match(why.stdout, says);
  assert.match(why.stdout, /its last words/);
});

test("why tells the story of an incident", async () => {
  await using agent = await new ControlFixture(three).start();
  const event = (at: string, message: string) => ({
    at,
    type: "instance.exited",
    severity: "warning" as const,
    service: "hello",
    instance: "hello-1",
    incarnation: 1,
    message,
    incident: "i-1",
    data: {},
  });
  agent.explanation = {
    instance: instanceOf("hello-1", { incarnation: 2 }),
    service: "hello",
    next: "nothing to do",
    fix: null,
    incidents: [
      {
        id: "i-1",
        openedAt: "2026-01-01T12:00:00.000Z",
        closedAt: "2026-01-01T12:00:00.184Z",
        title: "hello-1 died",
        healedMs: 184,
        events: [
          event("2026-01-01T12:00:00.000Z", "killed by SIGKILL"),
          event("2026-01-01T12:00:00.184Z", "serves again"),
        ],
      },
    ],
    troubles: [],
    logTail: ["listening\u001b[2J"],
  };
  const { code, stdout } = await prunella(agent, "why", "hello-1");
  assert.equal(code, 0);
  assert.match(stdout, /hello-1 {2}serving/);
  assert.match(stdout, /hello-1 died\n {2}healed in 184 ms {2}i-1/);
  assert.match(stdout, /\+184 ms .*serves again/);
  assert.ok(!stdout.includes("\u001b"));
  const json = await prunella(agent, "why", "hello-1", "--json");
  assert.deepEqual(JSON.parse(json.stdout), agent.explanation);
});

test("without a cluster every question ends with 69 and the next command", async () => {
  await using agent = new ControlFixture(three);
  for (const words of [
    ["status"],
    ["logs"],
    ["events"],
    ["why", "x"],
    ["scale", "3"],
    ["restart", "x"],
  ]) {
    const { code, stderr } = await prunella(agent, ...words);
    assert.equal(code, 69, words.join(" "));
    assert.match(stderr, /next +(npx )?prunella up/);
  }
  const json = await prunella(agent, "status", "--json");
  assert.equal(JSON.parse(json.stderr).error.code, "AGENT_UNREACHABLE");
});

test("a refusal is shown in the words of the agent", async () => {
  await using agent = await new ControlFixture(three).start();
  agent.onChange = () =>
    failed(400, "COUNT_OUT_OF_RANGE", "hello may have 1 to 6 instances, not 9.");
  const { code, stderr } = await prunella(agent, "scale", "9");
  assert.equal(code, 1);
  assert.match(stderr, /hello may have 1 to 6 instances, not 9\./);
});

test("down ends everything once, and a second time there is nothing to end", async () => {
  await using agent = await new ControlFixture(three).start();
  const first = await prunella(agent, "down");
  assert.equal(first.code, 0);
  assert.match(first.stderr, /3 ended/);
  const second = await prunella(agent, "down");
  assert.equal(second.code, 0);
  assert.match(second.stderr, /Nothing runs/);
});

test("completion offers live names, and nothing at all when no agent runs", async () => {
  await using agent = await new ControlFixture(three).start();
  const live = await prunella(agent, "__complete", "instance", "why", "");
  assert.deepEqual(live.stdout.trim().split("\n"), ["hello-1", "hello-2", "hello-3", "gateway"]);
  await agent.stop();
  const dead = await prunella(agent, "__complete", "instance", "why", "");
  assert.deepEqual(dead, { code: 0, stdout: "", stderr: "" });
});

test("wrong usage ends with 2 and a guess", async () => {
  await using agent = new ControlFixture(three);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["statsu"], /Did you mean status\?/],
    [["status", "--jsno"], /Did you mean --json\?/],
    [["logs", "-n", "many"], /whole number/],
    [["completion", "bahs"], /completion bash/],
    [["why"], /Say which instance/],
    [["restart"], /missing required argument 'name'[\s\S]*next +npx prunella restart --help/i],
    [["nothing"], /next +npx prunella --help/],
  ];
  for (const [words, expected] of cases) {
    const { code, stderr } = await prunella(agent, ...words);
    assert.equal(code, 2, words.join(" "));
    assert.match(stderr, expected);
  }
});
