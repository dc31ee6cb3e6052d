/**
 * The contract of `Host` as tests. Every host passes this suite; a host that needs an exception
 * needs another contract. It tries the promises H1, H2 and H3 of `host.ts` and the rest of its doc.
 *
 * A host brings a bench: its own way of opening itself over one state, and its own programs for a
 * handful of behaviours, because a process, a container and a pretended process start differently.
 */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, instanceName, serviceName } from "@prunella/core/kernel";
import {
  type Copy,
  electionPeersVariable,
  electionPortVariable,
  type Host,
  type HostEvent,
  type LaunchOrder,
} from "./host.ts";

/** What a copy does once it is launched. */
export type Behaviour =
  /** Prints its `PORT` and all `PRUNELLA_` variables as `NAME=VALUE` lines, then `serving`;
   * listens on PORT; ends with code 0 on a polite signal. With `SHARE_PORT=1` others may listen
   * there as well. */
  | "serve"
  /** Serves and ignores a polite signal. */
  | "stubborn"
  /** Prints `leaving` and ends by itself with code 7. */
  | "exit"
  /** Serves, and has a child in its group that ignores a polite signal and never ends. */
  | "family"
  /** Prints `line 1` to `line 500`, then serves and prints `tick 1`, `tick 2`, ... every 20 ms. */
  | "chatter"
  /** A program that does not exist. */
  | "missing";

/** One state folder (or what plays its part) and the hosts that are opened over it one by one. */
export interface HostBench extends AsyncDisposable {
  /** Opens a host as the next agent would. The caller disposes each; copies outlive that. */
  open(): Promise<Host>;

  /** The command, folder, environment and limits for a behaviour. */
  program(
    behaviour: Behaviour,
  ): Pick<LaunchOrder, "command" | "folder" | "env" | "fixedPort" | "log">;

  /** How many processes of this copy are alive, found by other means than the host's. */
  survivors(copy: Copy): Promise<number>;
}

const waitMs = 60_000;

/** Registers the suite with `node:test`. `makeBench` is called once per test. */
export function hostConformance(name: string, makeBench: () => Promise<HostBench>): void {
  const check = (sentence: string, body: (bench: HostBench) => Promise<void>): void => {
    test(`${name}: ${sentence}`, async () => {
      await using bench = await makeBench();
      await body(bench);
    });
  };

  check("a launched copy runs, is listed and listens on an address of its own", async (bench) => {
    await using host = await bench.open();
    const beforeMs = Date.now() - 1_000;
    const copy = await host.launch(order(bench, "hello-1", 1, "serve"));
    assert.equal(copy.running, true);
    assert.equal(copy.instance, "hello-1");
    assert.equal(copy.service, "hello");
    assert.equal(copy.incarnation, 1);
    assert.equal(copy.revision, "revision-1");
    assert.equal(copy.exit, undefined);
    assert.ok(copy.address !== undefined && copy.address.port > 0);
    assert.ok(copy.startedAtMs >= beforeMs && copy.startedAtMs <= Date.now() + 1_000);
    assert.deepEqual(await host.list(), [copy]);
    await serves(host, copy);
    assert.deepEqual(await bench.survivors(copy), 1);
  });

  check("a copy is told who it is and where to listen", async (bench) => {
    await using host = await bench.open();
    const copy = await host.launch(order(bench, "hello-1", 3, "serve"));
    await serves(host, copy);
    const lines = await linesOf(host, copy, "serving");
    for (const expected of [
      `PORT=${copy.address?.port}`,
      "PRUNELLA_CLUSTER=conformance",
      "PRUNELLA_SERVICE=hello",
      "PRUNELLA_INSTANCE=hello-1",
      "PRUNELLA_INCARNATION=3",
    ]) {
      assert.ok(lines.includes(expected), `${expected} is missing in: ${lines.join(" | ")}`);
    }
  });

  check("starts in parallel, each on another port", async (bench) => {
    await using host = await bench.open();
    const copies = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        host.launch(order(bench, `hello-${index + 1}`, 1, "serve")),
      ),
    );
    assert.equal(new Set(copies.map((copy) => copy.address?.port)).size, copies.length);
    for (const copy of copies) await serves(host, copy);
  });

  check("electors are told their port and those of all, the same in every life", async (bench) => {
    const electors = ["hello-1", "hello-2"].map(instanceName);
    const told = async (host: Host, name: string, incarnation: number) => {
      const copy = await host.launch({ ...order(bench, name, incarnation, "serve"), electors });
      await serves(host, copy);
      const lines = await linesOf(host, copy, "serving");
      const value = (variable: string) =>
        lines.findLast((line) => line.startsWith(`${variable}=`))?.slice(variable.length + 1);
      assert.equal(value(electionPortVariable), `${copy.electionAddress?.port}`);
      return { copy, peers: value(electionPeersVariable) };
    };
    const before = await bench.open();
    const one = await told(before, "hello-1", 1);
    await before[Symbol.asyncDispose]();
    await using host = await bench.open();
    await using feed = follow(host);
    assert.deepEqual((await host.list())[0]?.electionAddress, one.copy.electionAddress);
    const two = await told(host, "hello-2", 1);
    assert.equal(two.peers, one.peers);
    const ports = [one, two].map(({ copy }) => copy.electionAddress?.port);
    assert.equal(one.peers, `hello-1=127.0.0.1:${ports[0]},hello-2=127.0.0.1:${ports[1]}`);
    await host.signal(one.copy.instance, 1, "kill");
    await feed.exitOf("hello-1", 1);
    assert.equal((await told(host, "hello-1", 2)).peers, one.peers);
  });

  check("H1: of five launches of one name at once, one succeeds", async (bench) => {
    await using host = await bench.open();
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((incarnation) =>
        host.launch(order(bench, "hello-1", incarnation, "serve")),
      ),
    );
    const launched = outcomes.filter((outcome) => outcome.status === "fulfilled");
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    assert.equal(launched.length, 1);
    for (const { reason } of refused) assert.ok(ClusterError.is(reason, "INSTANCE_EXISTS"));
    assert.equal((await host.list()).length, 1);
  });

  check("H1: the next agent cannot launch a name that still runs", async (bench) => {
    const first = await bench.open();
    await first.launch(order(bench, "hello-1", 1, "serve"));
    await first[Symbol.asyncDispose]();
    await using second = await bench.open();
    await assert.rejects(second.launch(order(bench, "hello-1", 2, "serve")), {
      code: "INSTANCE_EXISTS",
    });
  });

  check("a polite signal ends a copy; it is told once and listed as ended", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    const copy = await host.launch(order(bench, "hello-1", 1, "serve"));
    await serves(host, copy);
    await host.signal(copy.instance, 1, "terminate");
    const ended = await feed.exitOf("hello-1", 1);
    assert.equal(ended.running, false);
    assert.equal(ended.exit?.code, 0);
    assert.deepEqual(await host.list(), [ended]);

    const next = await host.launch(order(bench, "hello-1", 2, "serve"));
    assert.deepEqual(await host.list(), [next]);
    assert.equal(feed.exitCount, 1);
  });

  check("a copy that ends by itself is told with its code", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    await host.launch(order(bench, "hello-1", 1, "exit"));
    const ended = await feed.exitOf("hello-1", 1);
    assert.deepEqual(ended.exit, { code: 7, signal: undefined });
  });

  check("a stubborn copy survives politeness and not force", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    const copy = await host.launch(order(bench, "hello-1", 1, "stubborn"));
    await serves(host, copy);
    await host.signal(copy.instance, 1, "terminate");
    await delay(100); // Long enough for the signal to have done what it does: nothing.
    assert.equal((await host.list())[0]?.running, true);
    await host.signal(copy.instance, 1, "kill");
    const ended = await feed.exitOf("hello-1", 1);
    assert.equal(ended.exit?.signal, "SIGKILL");
  });

  check("a signal for what is gone resolves, and never reaches a successor", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    await host.signal(instanceName("nobody-1"), 1, "kill");
    const first = await host.launch(order(bench, "hello-1", 1, "serve"));
    await host.signal(first.instance, 1, "kill");
    await feed.exitOf("hello-1", 1);
    await host.signal(first.instance, 1, "kill");
    const second = await host.launch(order(bench, "hello-1", 2, "serve"));
    await serves(host, second);
    await host.signal(first.instance, 1, "kill");
    await delay(100); // Long enough for a stray signal to show.
    assert.deepEqual(await host.list(), [second]);
  });

  check("H2: the next agent finds what runs, as it was, and hears of its end", async (bench) => {
    const first = await bench.open();
    const a = await first.launch(order(bench, "hello-1", 4, "serve"));
    const b = await first.launch(order(bench, "hello-2", 1, "serve"));
    await serves(first, a);
    await serves(first, b);
    await first[Symbol.asyncDispose]();
    assert.equal((await bench.survivors(a)) + (await bench.survivors(b)), 2);

    await using second = await bench.open();
    await using feed = follow(second);
    assert.deepEqual(byName(await second.list()), [a, b]);
    await serves(second, a);
    await second.signal(a.instance, 4, "terminate");
    assert.equal((await feed.exitOf("hello-1", 4)).running, false);
    assert.deepEqual(
      byName(await second.list()).map((copy) => copy.running),
      [false, true],
    );
  });

  check("H2: what ended while no agent ran is listed as ended", async (bench) => {
    const first = await bench.open();
    await using feed = follow(first);
    await first.launch(order(bench, "hello-1", 2, "exit"));
    await feed.exitOf("hello-1", 2);
    await first[Symbol.asyncDispose]();
    await using second = await bench.open();
    const [copy] = await second.list();
    assert.equal(copy?.running, false);
    assert.equal(copy?.incarnation, 2);
    await second.launch(order(bench, "hello-1", 3, "serve"));
  });

  test(`${name}: H2: a copy of another cluster with the same names is not found`, async () => {
    await using ours = await makeBench();
    await using theirs = await makeBench();
    await using theirHost = await theirs.open();
    const stranger = await theirHost.launch(order(theirs, "hello-1", 1, "serve"));
    await using ourHost = await ours.open();
    assert.deepEqual(await ourHost.list(), []);
    const copy = await ourHost.launch(order(ours, "hello-1", 1, "serve"));
    await serves(ourHost, copy);
    await serves(theirHost, stranger);
    await ourHost.signal(copy.instance, 1, "kill");
    await theirHost.signal(stranger.instance, 1, "kill");
  });

  check("H3: when the end is told, nothing of the group is left", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    for (const [incarnation, how] of [
      [1, "terminate"],
      [2, "kill"],
    ] as const) {
      const copy = await host.launch(order(bench, "hello-1", incarnation, "family"));
      await serves(host, copy);
      assert.ok((await bench.survivors(copy)) >= 1);
      await host.signal(copy.instance, incarnation, how);
      await feed.exitOf("hello-1", incarnation);
      assert.equal(await bench.survivors(copy), 0, `after ${how}`);
    }
  });

  check("a program that is missing is refused, and no copy comes of it", async (bench) => {
    await using host = await bench.open();
    await assert.rejects(host.launch(order(bench, "hello-1", 1, "missing")), {
      code: "PROGRAM_MISSING",
    });
    assert.deepEqual(
      (await host.list()).filter((copy) => copy.running),
      [],
    );
    await host.launch(order(bench, "hello-1", 2, "serve"));
  });

  check("logs give the last lines, over all incarnations, and follow", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    const first = await host.launch(order(bench, "hello-1", 1, "chatter"));
    await linesOf(host, first, "line 500");
    await host.signal(first.instance, 1, "kill");
    await feed.exitOf("hello-1", 1);
    const second = await host.launch(order(bench, "hello-1", 2, "chatter"));
    await linesOf(host, second, "tick 3");

    const everything = await collect(host, second, 100_000);
    assert.equal(everything.filter((line) => line === "line 500").length, 2);
    assert.ok(
      everything.some((line) => line.includes("incarnation 2")),
      "a launch is marked",
    );
    assert.equal((await collect(host, second, 5)).length, 5);

    const stop = new AbortController();
    const ticks: string[] = [];
    for await (const line of host.logs(
      second.instance,
      { tailLines: 0, follow: true },
      stop.signal,
    )) {
      ticks.push(line);
      if (ticks.length === 5) stop.abort();
    }
    assert.equal(ticks.length, 5);
    const numbers = ticks.map((tick) => Number(/^tick (\d+)$/.exec(tick)?.[1]));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => (numbers[0] ?? Number.NaN) + index),
    );
  });

  check("logs of an instance that never was are refused", async (bench) => {
    await using host = await bench.open();
    const nobody = host.logs(
      instanceName("nobody-1"),
      { tailLines: 5, follow: false },
      AbortSignal.timeout(waitMs),
    );
    await assert.rejects(
      async () => {
        for await (const line of nobody) assert.fail(line);
      },
      { code: "INSTANCE_UNKNOWN" },
    );
  });

  check("usage is known of exactly the copies that run", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    const copy = await host.launch(order(bench, "hello-1", 1, "serve"));
    await host.launch(order(bench, "hello-2", 1, "exit"));
    await feed.exitOf("hello-2", 1);
    await serves(host, copy);
    for (let round = 0; round < 2; round++) {
      const usage = await host.usage();
      assert.deepEqual([...usage.keys()], ["hello-1"]);
      const { cpu, memoryMiB } = usage.get(copy.instance) ?? { cpu: -1, memoryMiB: -1 };
      assert.ok(cpu >= 0 && Number.isFinite(cpu) && memoryMiB >= 0 && Number.isFinite(memoryMiB));
    }
  });

  check("what ended can be forgotten, what runs cannot", async (bench) => {
    await using host = await bench.open();
    await using feed = follow(host);
    const copy = await host.launch(order(bench, "hello-1", 1, "serve"));
    await assert.rejects(host.forget(copy.instance), { code: "INSTANCE_EXISTS" });
    await host.signal(copy.instance, 1, "kill");
    await feed.exitOf("hello-1", 1);
    await host.forget(copy.instance);
    await host.forget(copy.instance);
    assert.deepEqual(await host.list(), []);
    await using _next = await bench.open();
    assert.deepEqual(await _next.list(), []);
  });

  check(
    "copies of one service share a fixed port; a stranger on it is a stranger",
    async (bench) => {
      await using host = await bench.open();
      await using feed = follow(host);
      const fixedPort = await freePort();
      const sharing = (number: number, incarnation: number): LaunchOrder => {
        const wish = order(bench, `hello-${number}`, incarnation, "serve");
        return { ...wish, fixedPort, sharesPort: true, env: { ...wish.env, SHARE_PORT: "1" } };
      };
      const one = await host.launch(sharing(1, 1));
      await serves(host, one);
      const two = await host.launch(sharing(2, 1));
      await serves(host, two);
      await host.signal(one.instance, 1, "kill");
      await feed.exitOf("hello-1", 1);
      assert.equal(await host.listener(two.instance), "own");
      await serves(host, await host.launch(sharing(1, 2)));
      const other = { ...sharing(9, 1), service: serviceName("other") };
      await assert.rejects(host.launch(other), { code: "PORT_TAKEN" });
      const alone = order(bench, "hello-3", 1, "serve");
      await assert.rejects(host.launch({ ...alone, fixedPort }), { code: "PORT_TAKEN" });
    },
  );

  check("watching ends with its signal, whether or not something happened", async (bench) => {
    await using host = await bench.open();
    const already = host.watch(AbortSignal.abort());
    for await (const event of already) assert.fail(JSON.stringify(event));
    const stop = new AbortController();
    const watching = (async () => {
      for await (const _event of host.watch(stop.signal));
    })();
    stop.abort();
    await watching;
  });
}

/** An order for one behaviour of a bench, with the variables that every copy gets from above. */
export function order(
  bench: HostBench,
  instance: string,
  incarnation: number,
  behaviour: Behaviour,
): LaunchOrder {
  const program = bench.program(behaviour);
  return {
    service: serviceName("hello"),
    instance: instanceName(instance),
    incarnation,
    revision: `revision-${incarnation}`,
    ...program,
    env: { ...program.env, PRUNELLA_CLUSTER: "conformance" },
  };
}

/** Everything that happens on a host from now on. */
type Feed = AsyncDisposable & {
  readonly exitCount: number;
  exitOf(instance: string, incarnation: number): Promise<Copy>;
};

/** Starts to listen at once; `exitOf` waits for an end that was told since, or will be. */
export function follow(host: Host): Feed {
  const events: HostEvent[] = [];
  const stop = new AbortController();
  const stream = host.watch(stop.signal);
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })();
  const exits = (): Copy[] =>
    events.flatMap((event) => (event.type === "exited" ? [event.copy] : []));
  return {
    get exitCount() {
      return exits().length;
    },
    async exitOf(instance, incarnation) {
      return await until(`${instance} incarnation ${incarnation} ends`, async () =>
        exits().find((copy) => copy.instance === instance && copy.incarnation === incarnation),
      );
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
    },
  };
}

/** Resolves when the copy listens on its own address. */
export async function serves(host: Host, copy: Copy): Promise<void> {
  await until(`${copy.instance} serves`, async () =>
    (await host.listener(copy.instance)) === "own" ? true : undefined,
  );
}

/** All lines of an instance once one of them is `expected`. */
async function linesOf(host: Host, copy: Copy, expected: string): Promise<readonly string[]> {
  return await until(`${copy.instance} prints ${expected}`, async () => {
    const lines = await collect(host, copy, 100_000);
    const start = lines.findLastIndex((line) => line.includes(`incarnation ${copy.incarnation}`));
    return lines.slice(start).includes(expected) ? lines : undefined;
  });
}

async function collect(host: Host, copy: Copy, tailLines: number): Promise<string[]> {
  const lines: string[] = [];
  const signal = AbortSignal.timeout(waitMs);
  for await (const line of host.logs(copy.instance, { tailLines, follow: false }, signal)) {
    lines.push(line);
  }
  return lines;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < deadlineMs, `never happened: ${what}`);
    await delay(5);
  }
}

function byName(copies: readonly Copy[]): readonly Copy[] {
  return copies.toSorted((a, b) => (a.instance < b.instance ? -1 : 1));
}
