import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterError, instanceName, serviceName } from "@prunella/core/kernel";
import { type Log, silentLog } from "@prunella/driver";
import { FactStream } from "./fact-stream.ts";
import type { Host } from "./host.ts";
import {
  createSupervisor,
  type InstanceFact,
  MemoryComputer,
  type MemoryProgram,
  memoryPrograms,
  type Runtime,
  type RuntimeService,
  type SupervisorOptions,
} from "./index.ts";
import { LaunchSlots } from "./launch-slots.ts";
import { nextToRestart } from "./rolling-restart.ts";

const never = new AbortController().signal;
const hello1 = instanceName("hello-1");

test("the launch follows the end of a copy before the event loop turns", async () => {
  let turns = 0;
  const spans: number[] = [];
  await using scene = new Scene({}, (host) => ({
    launch: (order) => {
      if (order.incarnation > 1) spans.push(turns);
      return host.launch(order);
    },
  }));
  scene.computer.subscribe(({ type }) => {
    turns = 0;
    if (type === "exited") setImmediate(() => (turns += 1));
  });
  await scene.runtime.apply(service(5), never);
  await scene.serving(5);
  for (let kill = 1; kill <= 50; kill++) {
    scene.computer.crash(instanceName(`hello-${1 + (kill % 5)}`));
    await until(() => spans.length === kill);
    await scene.serving(5);
  }
  assert.deepEqual(new Set(spans), new Set([0]));
});

test("a launch waits for what has to come before it, and only that of the service in question", async () => {
  const gate = Promise.withResolvers<void>();
  let isLost = false;
  const asked: string[] = [];
  await using scene = new Scene({
    beforeLaunch: (name) => {
      if (!isLost) return undefined;
      asked.push(name);
      return gate.promise;
    },
  });
  await scene.runtime.apply(service(2), never);
  await scene.serving(2);
  isLost = true;
  scene.computer.crash(hello1);
  await until(() => asked.length === 1);
  assert.equal(scene.computer.runningCount, 1, "nothing was started yet");
  gate.resolve();
  await scene.servingAs(hello1, 2);
  assert.deepEqual(asked, ["hello"]);
});

test("fifty instances start, eight launches at a time, and end", async () => {
  let launching = 0;
  let most = 0;
  await using scene = new Scene({}, (host) => ({
    launch: async (order) => {
      launching += 1;
      most = Math.max(most, launching);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const copy = await host.launch(order);
      launching -= 1;
      return copy;
    },
  }));
  await scene.runtime.apply(service(50), never);
  await scene.serving(50);
  assert.equal(most, 8);
  await scene.runtime.remove(serviceName("hello"), never);
  assert.equal(scene.computer.runningCount, 0);
});

test("idle instances are looked at once a second and nothing else happens", async () => {
  let listed = 0;
  await using scene = new Scene({}, (host) => ({
    list: () => {
      listed += 1;
      return host.list();
    },
  }));
  let probes = 0;
  const counting: MemoryProgram = (self) =>
    self.listen((_, response) => {
      probes += 1;
      response.end();
    });
  scene.programs["counting"] = counting;
  const probed = { ...service(10), command: ["counting"] };
  await scene.runtime.apply(
    { ...probed, probe: { ...probed.probe, path: "/", intervalMs: 1_000 } },
    never,
  );
  await scene.serving(10);
  const before = probes;
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // What is measured is a second of rest.
  assert.ok(probes - before <= 12, `${probes - before} probes in a second`);
  assert.equal(listed, 1);
});

test("a copy whose port belongs to a stranger never serves; the next one does", async () => {
  await using scene = new Scene({}, (host) => ({
    launch: async (order) => {
      const copy = await host.launch(order);
      if (order.incarnation === 1) scene.computer.pretendStranger(order.instance, "nginx (pid 7)");
      return copy;
    },
  }));
  await scene.runtime.apply(service(1), never);
  await scene.serving(1);
  assert.equal(scene.runtime.observe()[0]?.incarnation, 2);
  const taken = scene.facts.find(({ type }) => type === "port-taken");
  assert.match(taken?.message ?? "", /nginx \(pid 7\)/);
  assert.deepEqual(
    scene.facts.filter(({ type }) => type === "ready").map(({ incarnation }) => incarnation),
    [2],
  );
});

test("traffic is taken away before a copy is ended, and a gateway that is stuck does not hold it", async () => {
  const drains: string[] = [];
  let isStuck = false;
  await using scene = new Scene({
    drain: async (instance, incarnation, signal, boundMs) => {
      drains.push(`${instance}/${incarnation} ${boundMs}`);
      assert.equal(scene.phaseOf(hello1), "draining");
      if (isStuck) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  });
  await scene.runtime.apply(service(1), never);
  await scene.serving(1);
  await scene.runtime.replace(hello1, never);
  await scene.servingAs(hello1, 2);
  isStuck = true;
  await scene.runtime.replace(hello1, never);
  await scene.servingAs(hello1, 3);
  assert.deepEqual(drains, ["hello-1/1 80", "hello-1/2 80"]);
});

test("a copy that hangs is noticed, taken out and replaced although it ignores SIGTERM", async () => {
  await using scene = new Scene();
  const wanted = service(2);
  await scene.runtime.apply({ ...wanted, probe: { ...wanted.probe, path: "/" } }, never);
  await scene.serving(2);
  scene.computer.freeze(hello1);
  await scene.servingAs(hello1, 2);
  const facts = scene.factsOf(hello1);
  for (const type of ["probe-failed", "restarting", "draining", "terminating", "killed", "ready"]) {
    assert.ok(facts.includes(type), `${type} is missing in ${facts}`);
  }
});

test("an instance that recovers before the verdict is left alone", async () => {
  await using scene = new Scene();
  const wanted = service(1);
  const probe = { ...wanted.probe, path: "/", failuresMax: 50 };
  await scene.runtime.apply({ ...wanted, probe }, never);
  await scene.serving(1);
  scene.computer.freeze(hello1);
  await until(() => scene.phaseOf(hello1) === "suspect");
  scene.computer.thaw(hello1);
  await scene.serving(1);
  assert.equal(scene.runtime.observe()[0]?.incarnation, 1);
  assert.ok(scene.factsOf(hello1).includes("probe-recovered"));
});

test("a launch of a name that runs already adopts what runs", async () => {
  await using scene = new Scene({}, (host) => ({ list: hidingOnce(host) }));
  const order = { incarnation: 4, instance: hello1, service: serviceName("hello"), revision: "" };
  const rest = { command: ["serve"], folder: "/", env: {}, fixedPort: undefined };
  await scene.computer.launch({ ...order, ...rest, log: service(1).log });
  await scene.runtime.apply(service(1), never);
  await scene.serving(1);
  assert.equal(scene.runtime.observe()[0]?.incarnation, 4);
  assert.equal(scene.computer.runningCount, 1);
});

test("a full disk delays a launch until it has space again", async () => {
  await using scene = new Scene();
  const full = new ClusterError("DISK_FULL");
  scene.computer.refuseLaunches(...Array.from({ length: 3 }, () => full));
  await scene.runtime.apply(service(1), never);
  const tell = (type: "disk-full" | "disk-recovered") =>
    scene.computer.emit({ type, instance: undefined, message: `${type}.`, data: {} });
  tell("disk-full");
  await until(() => scene.factsOf(hello1).includes("backing-off"));
  tell("disk-recovered");
  await scene.serving(1);
  const host = scene.facts.filter(({ instance }) => instance === undefined);
  assert.deepEqual(
    host.map(({ type }) => type),
    ["disk-full", "disk-recovered"],
  );
});

test("the last words of a program that cannot start become the reason and the fix", async () => {
  await using scene = new Scene();
  scene.programs["confused"] = (self) => {
    self.print("Error: listen EADDRINUSE: address already in use :::8080");
    self.print("    at Server.listen (node:net:2102:7)");
    self.after(1, () => self.exit(1));
  };
  await scene.runtime.apply({ ...service(1), command: ["confused"] }, never);
  await until(() => scene.phaseOf(hello1) === "parked");
  const [instance] = scene.runtime.observe();
  assert.match(instance?.reason ?? "", /port in use.*EADDRINUSE/);
  assert.match(instance?.fix ?? "", /PORT/);
  assert.ok(scene.factsOf(hello1).includes("diagnosed"));
});

test("variables of a member are asked for once per launch and may change each time", async () => {
  const asked: string[] = [];
  await using scene = new Scene();
  const memberEnv: RuntimeService["memberEnv"] = ({ name, number }) => {
    asked.push(`${name} ${number}`);
    return { SERVER_ID: `server ${asked.length}`, PRUNELLA_INSTANCE: "forged" };
  };
  const seen: string[] = [];
  scene.programs["look"] = (self) => {
    seen.push(`${self.env["SERVER_ID"]} ${self.env["PRUNELLA_INSTANCE"]}`);
    self.listen();
  };
  await scene.runtime.apply({ ...service(1), command: ["look"], memberEnv }, never);
  await scene.serving(1);
  scene.computer.crash(hello1);
  await scene.servingAs(hello1, 2);
  await scene.runtime.apply({ ...service(1), command: ["look"], memberEnv }, never);
  assert.deepEqual(asked, ["hello-1 1", "hello-1 1"]);
  assert.deepEqual(seen, ["server 1 hello-1", "server 2 hello-1"]);
  assert.equal(
    scene.runtime.observe()[0]?.incarnation,
    2,
    "no restart for another member variable",
  );
});

test("of removed instances the newest fifty are remembered, also by the next agent", async () => {
  await using scene = new Scene();
  await scene.runtime.apply(service(60), never);
  await scene.serving(60);
  await scene.runtime.apply(service(0), never);
  const gone = () => scene.facts.filter(({ type }) => type === "removed");
  await until(() => gone().length === 60 && scene.computer.list().length <= 50);
  const names = gone().flatMap(({ instance }) => instance ?? []);
  const known = new Set(scene.computer.list().map(({ instance }) => instance));
  assert.deepEqual(known, new Set(names.slice(10)));
  const linesOf = async (name: string | undefined): Promise<number> => {
    const options = { tailLines: 5, follow: false };
    let count = 0;
    for await (const _ of scene.runtime.logs(instanceName(name ?? ""), options, never)) count += 1;
    return count;
  };
  assert.ok((await linesOf(names[10])) > 0);
  await assert.rejects(linesOf(names[9]), { code: "INSTANCE_UNKNOWN" });

  // Whoever comes back is young again, and makes room for those that go.
  const back = names.slice(5, 15).map((name, index) => ({ name, number: index + 1 }));
  await scene.runtime.apply({ ...service(0), members: back }, never);
  await scene.serving(10);
  assert.deepEqual(
    scene.runtime.observe().map(({ incarnation }) => incarnation),
    [1, 1, 1, 1, 1, 2, 2, 2, 2, 2],
  );

  await scene.runtime[Symbol.asyncDispose]();
  for (const { name } of back) scene.computer.crash(name);
  await using next = createSupervisor(scene.computer.open());
  await next.apply(service(0), never);
  await until(() => scene.computer.list().length === 50);
});

test("a name that belongs to another service, or stands twice, is refused", async () => {
  await using scene = new Scene();
  await scene.runtime.apply(service(1), never);
  const other = { ...service(1), name: serviceName("other") };
  await assert.rejects(scene.runtime.apply(other, never), { code: "CONFIG_INVALID" });
  const members = [...service(1).members, ...service(1).members];
  await assert.rejects(scene.runtime.apply({ ...service(1), members }, never), {
    code: "CONFIG_INVALID",
  });
});

test("a host that cannot be watched or listed for a while delays, and nothing is lost", async () => {
  let failures = 2;
  const fail = (): boolean => failures-- > 0;
  await using scene = new Scene({}, (host) => ({
    async *watch(signal) {
      if (fail()) throw new ClusterError("RUNTIME_UNAVAILABLE");
      yield* host.watch(signal);
    },
    list: async () => {
      if (fail()) throw new ClusterError("RUNTIME_UNAVAILABLE");
      return host.list();
    },
  }));
  await scene.runtime.apply(service(1), never);
  await scene.serving(1);
  await until(() => failures <= 0);
  scene.computer.crash(hello1);
  await scene.servingAs(hello1, 2);
});

test("an end that no event told is found when the host is watched anew", async () => {
  let isDeaf = true;
  await using scene = new Scene({}, (host) => ({
    async *watch(signal) {
      if (!isDeaf) yield* host.watch(signal);
      else for await (const event of host.watch(signal)) if (event.type === "exited") break;
      isDeaf = false;
    },
  }));
  await scene.runtime.apply(service(1), never);
  await scene.serving(1);
  scene.computer.crash(hello1, { code: 3, signal: undefined });
  await scene.servingAs(hello1, 2);
  assert.equal(isDeaf, false);
});

test("what died while no agent ran is said and started again", async () => {
  await using scene = new Scene();
  await scene.runtime.apply(service(1), never);
  await scene.serving(1);
  await scene.runtime[Symbol.asyncDispose]();
  scene.computer.crash(hello1, { code: undefined, signal: undefined });
  await using next = createSupervisor(scene.computer.open());
  const stop = new AbortController();
  const stream = next.watch(stop.signal);
  await next.apply(service(1), never);
  const seen: string[] = [];
  for await (const fact of stream) {
    if (fact !== undefined) seen.push(`${fact.type} ${fact.incarnation}`);
    if (fact?.type === "ready") stop.abort();
  }
  assert.deepEqual(seen, ["exited 1", "launched 2", "ready 2"]);
});

test("a runtime that was disposed leaves everything running and says so when it is used", async () => {
  const scene = new Scene();
  await scene.runtime.apply(service(2), never);
  await scene.serving(2);
  await scene.runtime[Symbol.asyncDispose]();
  assert.equal(scene.computer.runningCount, 2);
  await assert.rejects(scene.runtime.apply(service(2), never), { code: "RUNTIME_UNAVAILABLE" });
  await scene[Symbol.asyncDispose]();
});

test("a slow watcher loses its oldest facts, is told to look, and it is logged once", async () => {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  const stream = new FactStream(log);
  const stop = new AbortController();
  const watched = stream.watch(stop.signal);
  for (let atMs = 1; atMs <= 2_000; atMs++) stream.tell({ ...aFact, atMs });
  const seen: (number | undefined)[] = [];
  for await (const fact of watched) {
    seen.push(fact?.atMs);
    if (fact === undefined) stop.abort();
  }
  assert.deepEqual(
    [seen.length, seen[0], seen.at(-2), seen.at(-1)],
    [1_025, 977, 2_000, undefined],
  );
  assert.equal(warnings.length, 1);
});

test("launches beyond the slots wait their turn, also when earlier ones fail", async () => {
  const slots = new LaunchSlots(2);
  const order: number[] = [];
  const launch = (index: number) =>
    slots.run(async () => {
      order.push(index);
      await new Promise((resolve) => setImmediate(resolve));
      if (index % 2 === 0) throw new Error(`${index}`);
      return index;
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(launch));
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  assert.equal(results.filter(({ status }) => status === "rejected").length, 3);
});

test("a rollout takes the idle first, one serving at a time, and waits while it does not know", () => {
  const serving = { isOutdated: false, isServing: true, isUndecided: false };
  const old = { ...serving, isOutdated: true };
  const table: readonly (readonly [readonly (typeof serving)[], number | undefined])[] = [
    [[serving, serving], undefined],
    [[serving, old, old], 1],
    [[{ ...serving, isServing: false }, old, old], undefined],
    [[old, { ...old, isServing: false }], 1],
    [[old, { ...old, isServing: false, isUndecided: true }], undefined],
  ];
  for (const [standings, index] of table) {
    assert.equal(nextToRestart(standings), index === undefined ? undefined : standings[index]);
  }
});

const aFact: InstanceFact = {
  type: "ready",
  service: serviceName("hello"),
  instance: hello1,
  incarnation: 1,
  atMs: 0,
  message: "serves",
  data: {},
};

/** A supervisor over a pretended computer, with chosen methods of its host replaced. */
class Scene implements AsyncDisposable {
  readonly programs: Record<string, MemoryProgram> = { ...memoryPrograms };
  readonly computer = new MemoryComputer(this.programs);
  readonly runtime: Runtime;
  readonly facts: InstanceFact[] = [];
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor(options: SupervisorOptions = {}, change: (host: Host) => Partial<Host> = () => ({})) {
    const host = this.computer.open();
    const changed = change(host);
    const subject = new Proxy(host, {
      get: (target, key) => {
        const own: unknown = Reflect.get(changed, key);
        if (own !== undefined) return own;
        const value: unknown = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    this.runtime = createSupervisor(subject, { seed: 1, ...options });
    const stream = this.runtime.watch(this.#stop.signal);
    this.#watching = (async () => {
      for await (const fact of stream) if (fact !== undefined) this.facts.push(fact);
    })();
  }

  factsOf(instance: string): readonly string[] {
    return this.facts.filter((fact) => fact.instance === instance).map(({ type }) => type);
  }

  phaseOf(instance: string): string | undefined {
    return this.runtime.observe().find(({ name }) => name === instance)?.phase;
  }

  async serving(count: number): Promise<void> {
    const isServing = (): boolean => {
      const instances = this.runtime.observe();
      return instances.length === count && instances.every(({ phase }) => phase === "serving");
    };
    await until(isServing, () => JSON.stringify(this.runtime.observe()));
  }

  async servingAs(instance: string, incarnation: number): Promise<void> {
    await until(() =>
      this.runtime
        .observe()
        .some(
          (one) =>
            one.name === instance && one.incarnation === incarnation && one.phase === "serving",
        ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.runtime[Symbol.asyncDispose]();
    await this.computer[Symbol.asyncDispose]();
  }
}

/** Lists nothing the first time: as if the copy had been launched a moment later. */
function hidingOnce(host: Host): Host["list"] {
  let isFirst = true;
  return async () => {
    const hides = isFirst;
    isFirst = false;
    return hides ? [] : await host.list();
  };
}

function service(count: number): RuntimeService {
  return {
    name: serviceName("hello"),
    cluster: "test",
    command: ["serve"],
    folder: "/",
    env: {},
    memberEnv: () => ({}),
    fixedPort: undefined,
    probe: {
      path: undefined,
      intervalMs: 50,
      timeoutMs: 100,
      failuresMax: 3,
      successesMin: 1,
      startupMs: 5_000,
    },
    stop: { drainMs: 80, graceMs: 200 },
    log: { fileMiB: 1, filesMax: 1 },
    members: Array.from({ length: count }, (_, index) => ({
      name: instanceName(`hello-${index + 1}`),
      number: index + 1,
    })),
  };
}

async function until(holds: () => boolean, describe: () => string = () => ""): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) assert.fail(`in vain: ${holds} ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
