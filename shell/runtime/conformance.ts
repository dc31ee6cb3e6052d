/**
 * The contract of `Runtime` as tests. Every runtime passes this suite; one that needs an exception
 * needs another contract.
 *
 * A runtime brings a bench: its own way of opening itself over one state (as one agent after the
 * other does), and its own programs for a handful of behaviours.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { Instance, InstanceFact, Runtime, RuntimeService } from "./runtime.ts";

/** What an instance does once it is launched. */
export type RuntimeBehaviour =
  /** Prints `serving`, listens on PORT, ends on a polite signal. */
  | "serve"
  /** Serves and ignores a polite signal. */
  | "stubborn"
  /** Ends at once with a code that is not 0. */
  | "exit"
  /** Never opens its port, and ends on a polite signal. */
  | "silent"
  /** A program that does not exist. */
  | "missing";

/** One state (a folder, a namespace, a pretended computer) and the runtimes opened over it. */
export interface RuntimeBench extends AsyncDisposable {
  /** Opens a runtime as the next agent would. Disposing of it leaves running what runs. */
  open(): Promise<Runtime>;

  program(behaviour: RuntimeBehaviour): Pick<RuntimeService, "command" | "folder" | "env">;
}

const waitMs = 60_000;
const never = new AbortController().signal;

type Check = (sentence: string, body: (bench: RuntimeBench) => Promise<void>) => void;

/** Registers the suite with `node:test`. `makeBench` is called once per test; some run at once. */
export function runtimeConformance(name: string, makeBench: () => Promise<RuntimeBench>): void {
  describe(name, { concurrency: 4 }, () => {
    register((sentence, body) => {
      test(sentence, async () => {
        await using bench = await makeBench();
        await body(bench);
      });
    });
  });
}

function register(check: Check): void {
  check("an applied service comes to serve, every member under its own name", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "serve", 3), never);
    const instances = await subject.serving(3);
    assert.deepEqual(
      instances.map((one) => [one.name, one.service, one.number, one.incarnation, one.leaving]),
      [1, 2, 3].map((number) => [`hello-${number}`, "hello", number, 1, false]),
    );
    const ports = instances.map(({ address }) => address?.port);
    assert.equal(new Set(ports).size, 3);
    for (const { pid, startedAtMs, reason, served, fix } of instances) {
      assert.ok(pid !== undefined && startedAtMs !== undefined && reason !== "");
      assert.deepEqual([served, fix], [true, undefined]);
    }
    for (const { name } of instances) {
      assert.deepEqual(subject.factsOf(name).slice(0, 2), ["launched", "ready"]);
    }
  });

  check("applying the same again changes nothing", async (bench) => {
    await using subject = await start(bench);
    const wanted = service(bench, "serve", 2);
    await subject.runtime.apply(wanted, never);
    const before = await subject.serving(2);
    for (let again = 0; again < 3; again++) await subject.runtime.apply(wanted, never);
    await subject.runtime.apply({ ...wanted, members: [...wanted.members] }, never);
    assert.deepEqual(identities(await subject.serving(2)), identities(before));
  });

  check("members come and go, and those that stay are not touched", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "serve", 2), never);
    const before = identities(await subject.serving(2));
    await subject.runtime.apply(service(bench, "serve", 4), never);
    assert.deepEqual(identities(await subject.serving(4)).slice(0, 2), before);
    const fewer = service(bench, "serve", 1);
    await subject.runtime.apply(fewer, never);
    assert.ok(subject.runtime.observe().some(({ leaving }) => leaving));
    await until("three are gone", () => subject.runtime.observe().length === 1);
    assert.deepEqual(identities(subject.runtime.observe()), before.slice(0, 1));
    assert.ok(subject.factsOf("hello-2").includes("removed"));
  });

  check("a name that is wanted again goes on with a higher incarnation", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "serve", 2), never);
    await subject.serving(2);
    await subject.runtime.apply(service(bench, "serve", 1), never);
    await until("one is gone", () => subject.runtime.observe().length === 1);
    await subject.runtime.apply(service(bench, "serve", 2), never);
    assert.equal((await subject.serving(2))[1]?.incarnation, 2);
  });

  check(
    "an instance that is killed is back under its name, its siblings untouched",
    async (bench) => {
      await using subject = await start(bench);
      await subject.runtime.apply(service(bench, "serve", 3), never);
      const before = await subject.serving(3);
      for (let incarnation = 2; incarnation <= 4; incarnation++) {
        await subject.runtime.kill(instanceName("hello-2"), never);
        await subject.servingAs("hello-2", incarnation);
      }
      const after = await subject.serving(3);
      assert.deepEqual(identities([after[0], after[2]]), identities([before[0], before[2]]));
      assert.notEqual(after[1]?.pid, before[1]?.pid);
    },
  );

  check("a replaced instance ends politely and comes back", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "serve", 1), never);
    await subject.serving(1);
    await subject.runtime.replace(instanceName("hello-1"), never);
    await subject.servingAs("hello-1", 2);
    const facts = subject.factsOf("hello-1");
    assert.ok(facts.includes("restarting") && facts.includes("terminating"));
    assert.ok(!facts.includes("killed"));
    const exited = subject.facts.find(({ type }) => type === "exited");
    assert.equal(exited?.data["expected"], true);
  });

  check(
    "a program that ends at once is parked, and it is said why and what to do",
    async (bench) => {
      await using subject = await start(bench);
      await subject.runtime.apply(service(bench, "exit", 1), never);
      const instance = await subject.in("hello-1", "parked");
      assert.match(instance.reason, /code/);
      assert.ok((instance.fix ?? "").length > 10);
      assert.ok(instance.retryInMs !== undefined && instance.retryInMs > 0);
      assert.deepEqual([instance.served, instance.pid], [false, undefined]);
      const parked = subject.facts.find(({ type }) => type === "parked");
      assert.ok(parked?.message.includes(instance.fix ?? "no fix"));
      const { incarnation } = instance;
      await subject.runtime.replace(instanceName("hello-1"), never);
      await until(
        "it is tried again",
        () => (subject.get("hello-1")?.incarnation ?? 0) > incarnation,
      );
    },
  );

  check(
    "a program that does not exist is parked, and mending the service wakes it",
    async (bench) => {
      await using subject = await start(bench);
      await subject.runtime.apply(service(bench, "missing", 1), never);
      const instance = await subject.in("hello-1", "parked");
      assert.ok((instance.fix ?? "").length > 10);
      await subject.runtime.apply(service(bench, "serve", 1), never);
      await subject.serving(1);
    },
  );

  check("one that never opens its port does not serve and is tried anew", async (bench) => {
    await using subject = await start(bench);
    const silent = service(bench, "silent", 1);
    await subject.runtime.apply({ ...silent, probe: { ...silent.probe, startupMs: 300 } }, never);
    await until("a second try", () => (subject.get("hello-1")?.incarnation ?? 0) > 1);
    assert.equal(subject.get("hello-1")?.served, false);
    const said = subject.facts.find(({ type }) => type === "restarting");
    assert.match(said?.message ?? "", /PORT/);
  });

  check("one that ignores politeness is killed after its grace time", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "stubborn", 1), never);
    await subject.serving(1);
    await subject.runtime.remove(serviceName("hello"), never);
    assert.deepEqual(subject.runtime.observe(), []);
    assert.ok(subject.factsOf("hello-1").includes("killed"));
  });

  check(
    "removing ends all, resolves when none is left, and unknown names resolve",
    async (bench) => {
      await using subject = await start(bench);
      await subject.runtime.remove(serviceName("nothing"), never);
      await subject.runtime.apply(service(bench, "serve", 3), never);
      await subject.runtime.remove(serviceName("hello"), never);
      assert.deepEqual(subject.runtime.observe(), []);
      await using next = await start(bench);
      await next.runtime.remove(serviceName("nothing"), never);
      assert.deepEqual(next.runtime.observe(), []);
    },
  );

  check("the next agent adopts what runs: same copies, nothing relaunched", async (bench) => {
    const first = await start(bench);
    await first.runtime.apply(service(bench, "serve", 3), never);
    const before = await first.serving(3);
    await first[Symbol.asyncDispose]();
    await using second = await start(bench);
    await second.runtime.apply(service(bench, "serve", 3), never);
    const after = await second.serving(3);
    assert.deepEqual(identities(after), identities(before));
    assert.deepEqual(second.factsOf("hello-1"), ["adopted", "ready"]);
    await second.runtime.kill(instanceName("hello-3"), never);
    await second.servingAs("hello-3", 2);
  });

  check("the next agent ends what it does not want, and counts on from what was", async (bench) => {
    const first = await start(bench);
    await first.runtime.apply(service(bench, "serve", 2), never);
    await first.serving(2);
    await first.runtime.kill(instanceName("hello-1"), never);
    await first.servingAs("hello-1", 2);
    await first[Symbol.asyncDispose]();
    await using second = await start(bench);
    await second.runtime.apply(service(bench, "serve", 1), never);
    await until("hello-2 is gone", () => second.runtime.observe().length === 1);
    await second.runtime.replace(instanceName("hello-1"), never);
    await second.servingAs("hello-1", 3);
  });

  check("the next agent removes a service that it never applied", async (bench) => {
    const first = await start(bench);
    await first.runtime.apply(service(bench, "serve", 2), never);
    await first.serving(2);
    await first[Symbol.asyncDispose]();
    await using second = await start(bench);
    await second.runtime.remove(serviceName("hello"), never);
    assert.deepEqual(second.runtime.observe(), []);
  });

  check("a changed environment restarts all, one at a time, also over agents", async (bench) => {
    const first = await start(bench);
    await first.runtime.apply(service(bench, "serve", 3), never);
    await first.serving(3);
    await first[Symbol.asyncDispose]();
    await using subject = await start(bench);
    const wanted = service(bench, "serve", 3);
    await subject.runtime.apply({ ...wanted, env: { ...wanted.env, COLOUR: "red" } }, never);
    for (const { name } of wanted.members) await subject.servingAs(name, 2);
    assert.equal(subject.lowestSincePeak(), 2);
    assert.deepEqual(
      (await subject.serving(3)).map(({ incarnation }) => incarnation),
      [2, 2, 2],
    );
  });

  check("a change that breaks the program stops at its first victim", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "serve", 3), never);
    await subject.serving(3);
    await subject.runtime.apply(service(bench, "exit", 3), never);
    await until("one is parked", () =>
      subject.runtime.observe().some(({ phase }) => phase === "parked"),
    );
    assert.equal(servingOf(subject.runtime).length, 2);
    await subject.runtime.apply(service(bench, "serve", 3), never);
    await subject.serving(3);
  });

  check("an unknown instance is refused by name", async (bench) => {
    await using subject = await start(bench);
    const nobody = instanceName("nobody-1");
    const refused = { code: "INSTANCE_UNKNOWN" };
    await assert.rejects(subject.runtime.replace(nobody, never), refused);
    await assert.rejects(subject.runtime.kill(nobody, never), refused);
    const logs = subject.runtime.logs(nobody, { tailLines: 1, follow: false }, never);
    await assert.rejects(async () => {
      for await (const line of logs) assert.fail(line);
    }, refused);
  });

  check("an aborted call rejects with its reason", async (bench) => {
    await using subject = await start(bench);
    const reason = new Error("the caller has left");
    const signal = AbortSignal.abort(reason);
    await assert.rejects(subject.runtime.apply(service(bench, "serve", 1), signal), reason);
    await assert.rejects(subject.runtime.remove(serviceName("hello"), signal), reason);
    assert.deepEqual(subject.runtime.observe(), []);
  });

  check("what an instance prints can be read, over its incarnations", async (bench) => {
    await using subject = await start(bench);
    await subject.runtime.apply(service(bench, "serve", 1), never);
    await subject.serving(1);
    await subject.runtime.kill(instanceName("hello-1"), never);
    await subject.servingAs("hello-1", 2);
    const read = async (): Promise<number> => {
      const lines: string[] = [];
      const options = { tailLines: 1_000, follow: false };
      for await (const line of subject.runtime.logs(instanceName("hello-1"), options, never)) {
        lines.push(line);
      }
      return lines.filter((line) => line === "serving").length;
    };
    await until("both incarnations have printed", async () => (await read()) === 2);
  });

  check("watching ends with its signal", async (bench) => {
    await using subject = await start(bench);
    const stop = new AbortController();
    const watching = (async () => {
      for await (const _ of subject.runtime.watch(stop.signal));
    })();
    stop.abort();
    await watching;
    for await (const fact of subject.runtime.watch(AbortSignal.abort())) assert.fail(`${fact}`);
  });
}

/** A runtime with an eye on it. */
type Subject = AsyncDisposable & {
  readonly runtime: Runtime;
  readonly facts: readonly InstanceFact[];
  factsOf(instance: string): readonly string[];
  get(instance: string): Instance | undefined;
  /** Resolves with all instances when exactly so many exist and serve. */
  serving(count: number): Promise<readonly Instance[]>;
  servingAs(instance: string, incarnation: number): Promise<Instance>;
  in(instance: string, phase: Instance["phase"]): Promise<Instance>;
  /** The fewest that served at once, since most did. */
  lowestSincePeak(): number;
};

async function start(bench: RuntimeBench): Promise<Subject> {
  const runtime = await bench.open();
  const stop = new AbortController();
  const facts: InstanceFact[] = [];
  let most = 0;
  let lowest = 0;
  const stream = runtime.watch(stop.signal);
  const watching = (async () => {
    for await (const fact of stream) {
      if (fact !== undefined) facts.push(fact);
      const count = servingOf(runtime).length;
      lowest = count > most ? count : Math.min(lowest, count);
      most = Math.max(most, count);
    }
  })();
  const get = (instance: string): Instance | undefined =>
    runtime.observe().find(({ name }) => name === instance);
  const found = async (
    what: string,
    fits: (instance: Instance) => boolean,
    instance: string,
  ): Promise<Instance> => {
    await until(
      `${instance} is ${what}`,
      () => {
        const one = get(instance);
        return one !== undefined && fits(one);
      },
      () => JSON.stringify(runtime.observe(), undefined, 1),
    );
    return get(instance) ?? assert.fail(`${instance} has gone again`);
  };
  return {
    runtime,
    facts,
    get,
    factsOf: (instance) =>
      facts.filter((fact) => fact.instance === instance).map(({ type }) => type),
    async serving(count) {
      const isSo = () => servingOf(runtime).length === count && runtime.observe().length === count;
      await until(`${count} serve`, isSo, () => JSON.stringify(runtime.observe(), undefined, 1));
      return runtime.observe();
    },
    servingAs: (instance, incarnation) =>
      found(
        `serving as incarnation ${incarnation}`,
        (one) => one.phase === "serving" && one.incarnation === incarnation,
        instance,
      ),
    in: (instance, phase) => found(phase, (one) => one.phase === phase, instance),
    lowestSincePeak: () => lowest,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
      await runtime[Symbol.asyncDispose]();
    },
  };
}

function service(bench: RuntimeBench, behaviour: RuntimeBehaviour, count: number): RuntimeService {
  return {
    name: serviceName("hello"),
    cluster: "conformance",
    ...bench.program(behaviour),
    memberEnv: () => ({}),
    fixedPort: undefined,
    probe: {
      path: undefined,
      intervalMs: 200,
      timeoutMs: 1_000,
      failuresMax: 3,
      successesMin: 1,
      startupMs: 10_000,
    },
    stop: { drainMs: 100, graceMs: 1_500 },
    log: { fileMiB: 1, filesMax: 1 },
    members: Array.from({ length: count }, (_, index) => ({
      name: instanceName(`hello-${index + 1}`),
      number: index + 1,
    })),
  };
}

function servingOf(runtime: Runtime): readonly Instance[] {
  return runtime.observe().filter(({ phase }) => phase === "serving");
}

/** What must not change when nothing was to happen. */
function identities(instances: readonly (Instance | undefined)[]): readonly unknown[] {
  return instances.map((one) => [one?.name, one?.incarnation, one?.pid, one?.address]);
}

async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  describe: () => string = () => "",
): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) assert.fail(`in vain: ${what}\n${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
