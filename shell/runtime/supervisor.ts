/**
 * The runtime of one machine, over any host: it keeps every instance of every applied service,
 * adopts what an earlier agent left running, and rolls changes out one instance at a time.
 *
 * The supervisor never ends a copy by itself being disposed: the next one adopts it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, type InstanceName, type ServiceName } from "@prunella/core/kernel";
import { Bell, type Log, silentLog } from "@prunella/driver";
import { CopyBook } from "./copy-book.ts";
import { FactStream } from "./fact-stream.ts";
import type { Copy, Host, HostEvent, Usage } from "./host.ts";
import {
  type BeforeLaunch,
  type Drain,
  InstanceKeeper,
  type KeeperOptions,
} from "./instance-keeper.ts";
import { viewOfUnclaimed } from "./instance-view.ts";
import { LaunchSlots } from "./launch-slots.ts";
import { leftoverService } from "./leftover.ts";
import { nextToRestart } from "./rolling-restart.ts";
import type { Instance, InstanceFact, LogOptions, Runtime, RuntimeService } from "./runtime.ts";

export type SupervisorOptions = {
  /** Takes traffic away from a copy before it is ended. Default: nothing routes to it. */
  readonly drain?: Drain;
  /**
   * Told of each fact at once, before any effect that follows from it: of an exit before the launch
   * that answers it. Must be quick and must not throw. `watch` tells the same facts later.
   */
  readonly onFact?: (fact: InstanceFact) => void;
  /**
   * The process that was launched for this copy has ended; what it started may live on until the fact
   * `exited`. Comes before that fact, or not at all. Must be quick and must not throw.
   */
  readonly onMainExit?: (copy: Copy) => void;
  /** Default: at once. A launch that waits here counts as one that the host has not answered yet. */
  readonly beforeLaunch?: BeforeLaunch;
  readonly log?: Log;
  readonly launchesMax?: number;
  /** Seed of back-off and probe jitter. Default: drawn, because only simulations need to repeat. */
  readonly seed?: number;
};

const usageEveryMs = 2_000;
/** Events tell what happens; this finds what no event told. */
const reconcileEveryMs = 30_000;
const hostRetryMs = 500;
const forgottenAtOnce = 8;

/** Makes a runtime of a host. The host stays the caller's: dispose the runtime first, then the host. */
export function createSupervisor(host: Host, options: SupervisorOptions = {}): Runtime {
  return new Supervisor(host, options);
}

class Supervisor implements Runtime {
  readonly #host: Host;
  readonly #log: Log;
  readonly #keeperOptions: Omit<KeeperOptions, "seed">;
  readonly #onMainExit: (copy: Copy) => void;
  readonly #facts: FactStream;
  readonly #ended = new AbortController();
  readonly #services = new Map<ServiceName, RuntimeService>();
  readonly #keepers = new Map<InstanceName, InstanceKeeper>();
  readonly #copies = new CopyBook();
  readonly #rolling = new Set<ServiceName>();
  readonly #changed = new Bell();
  readonly #timers: readonly NodeJS.Timeout[];
  #seed: number;
  #usage: ReadonlyMap<InstanceName, Usage> = new Map();
  #isListed = false;
  #isMeasuring = false;
  #isReconciling = false;

  constructor(host: Host, options: SupervisorOptions) {
    this.#host = host;
    this.#log = options.log ?? silentLog;
    this.#seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
    this.#facts = new FactStream(this.#log);
    this.#onMainExit = options.onMainExit ?? (() => {});
    this.#keeperOptions = {
      host,
      slots: new LaunchSlots(options.launchesMax ?? 8),
      drain: options.drain ?? (async () => {}),
      beforeLaunch: options.beforeLaunch ?? (() => undefined),
      log: this.#log,
      onFact: (fact) => {
        options.onFact?.(fact);
        this.#facts.tell(fact);
      },
      onStep: (keeper, changed) => this.#onStep(keeper, changed),
    };
    // Listens first and lists then: what ends in between is heard.
    void this.#follow();
    void this.#findCopies();
    this.#timers = [
      setInterval(() => void this.#measure(), usageEveryMs).unref(),
      setInterval(() => void this.#reconcile(), reconcileEveryMs).unref(),
    ];
  }

  get name(): string {
    return this.#host.name;
  }

  async apply(service: RuntimeService, signal: AbortSignal): Promise<void> {
    await this.#untilListed(signal);
    this.#check(service);
    this.#services.set(service.name, service);
    const wanted = new Set(service.members.map(({ name }) => name));
    for (const keeper of this.#keepersOf(service.name)) {
      if (!wanted.has(keeper.name)) keeper.want("stop", "is wanted no more");
    }
    for (const member of service.members) {
      const keeper = this.#keepers.get(member.name);
      if (keeper === undefined) this.#keep(service, member.name);
      else {
        keeper.configure(service, member);
        keeper.want("run", "is wanted");
      }
    }
    this.#endUnclaimed(service);
    this.#copies.noteMembers(service.name, wanted);
    void this.#forget(this.#copies.forgetOldest());
    this.#rolling.add(service.name);
    this.#roll();
    this.#facts.hint();
  }

  async remove(service: ServiceName, signal: AbortSignal): Promise<void> {
    await this.#untilListed(signal);
    const known = this.#services.get(service);
    this.#services.delete(service);
    this.#rolling.delete(service);
    for (const keeper of this.#keepersOf(service)) keeper.want("stop", "its service is removed");
    this.#endUnclaimed(known ?? leftoverService(service));
    this.#facts.hint();
    await this.#until(() => this.#keepersOf(service).length === 0, signal);
    if (!this.#services.has(service)) await this.#forget(await this.#endedOf(service));
  }

  observe(): readonly Instance[] {
    const kept = [...this.#services.values()].flatMap(({ members }) =>
      members.flatMap(({ name }) => this.#keepers.get(name) ?? []),
    );
    const wanted = new Set(kept);
    const leaving = [...this.#keepers.values()].filter((keeper) => !wanted.has(keeper));
    return [
      ...[...kept, ...leaving].map((keeper) => keeper.observe()),
      ...this.#copies.running.map((copy) => viewOfUnclaimed(copy, this.#usage.get(copy.instance))),
    ];
  }

  watch(signal: AbortSignal): AsyncIterable<InstanceFact | undefined> {
    return this.#facts.watch(signal);
  }

  async replace(instance: InstanceName, signal: AbortSignal): Promise<void> {
    await this.#untilListed(signal);
    this.#keeper(instance).want("restart", "a restart was asked for");
  }

  async kill(instance: InstanceName, signal: AbortSignal): Promise<void> {
    await this.#untilListed(signal);
    await this.#keeper(instance).kill();
  }

  async *logs(
    instance: InstanceName,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<string> {
    await this.#untilListed(signal);
    if (!this.#copies.knows(instance)) throw unknown(instance);
    yield* this.#host.logs(instance, options, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    for (const timer of this.#timers) clearInterval(timer);
    for (const keeper of this.#keepers.values()) await keeper[Symbol.asyncDispose]();
    this.#facts.end();
    this.#changed.ring();
  }

  #keepersOf(service: ServiceName): readonly InstanceKeeper[] {
    return [...this.#keepers.values()].filter((keeper) => keeper.service.name === service);
  }

  #keeper(instance: InstanceName): InstanceKeeper {
    const keeper = this.#keepers.get(instance);
    if (keeper === undefined) throw unknown(instance);
    return keeper;
  }

  #check({ name, members }: RuntimeService): void {
    const names = new Set(members.map((member) => member.name));
    const other = members.find((member) => {
      const keeper = this.#keepers.get(member.name);
      return keeper !== undefined && keeper.service.name !== name;
    });
    if (names.size === members.length && other === undefined) return;
    const message =
      other === undefined
        ? `Service ${name} names a member twice.`
        : `${other.name} is wanted by ${name} and kept for ${this.#keeper(other.name).service.name}. Instance names are unique in a cluster.`;
    throw new ClusterError("CONFIG_INVALID", { message, details: { service: name } });
  }

  /** Begins to keep a member: with the copy that runs, if one does, else with a launch. */
  #keep(service: RuntimeService, name: InstanceName): InstanceKeeper {
    const member = service.members.find((one) => one.name === name) ?? { name, number: 0 };
    const copy = this.#copies.take(name);
    if (copy !== undefined && endedUnseen(copy)) this.#tellUnseenEnd(copy);
    const incarnation = this.#copies.incarnationOf(name);
    this.#copies.noteIncarnation(name, incarnation);
    this.#seed += 2;
    const options = { ...this.#keeperOptions, seed: this.#seed };
    const keeper = new InstanceKeeper(options, service, member, incarnation);
    keeper.usage = this.#usage.get(name);
    this.#keepers.set(name, keeper);
    keeper.start(copy?.running ? copy : undefined);
    return keeper;
  }

  #tellUnseenEnd({ service, instance, incarnation, pid }: Copy): void {
    const message = "ended while no agent ran";
    const end = { code: null, signal: null, expected: false, servedMs: null };
    const data = { ...end, pid: pid ?? null, unseen: true };
    const atMs = Date.now(); // When it was found; when it ended nobody knows.
    const fact = { service, instance, incarnation, atMs, message, data };
    this.#keeperOptions.onFact({ type: "exited", ...fact });
  }

  /** Copies of this service that run and are no members: adopted only to be ended properly. */
  #endUnclaimed(service: RuntimeService): void {
    for (const { service: owner, instance } of this.#copies.running) {
      if (owner !== service.name) continue;
      this.#keep(service, instance).want(
        "stop",
        "runs since an earlier agent and is wanted no more",
      );
    }
  }

  #onStep(keeper: InstanceKeeper, changed: boolean): void {
    if (!changed) return;
    const { life, name } = keeper;
    this.#copies.noteIncarnation(name, life.incarnation);
    if (life.stage.at === "ended" && this.#keepers.get(name) === keeper) {
      this.#keepers.delete(name);
      this.#copies.noteGone(name);
      void keeper[Symbol.asyncDispose]();
      void this.#forget(this.#copies.forgetOldest());
    }
    this.#facts.hint();
    this.#changed.ring();
    if (this.#rolling.size > 0) queueMicrotask(() => this.#roll());
  }

  /** Restarts the next outdated instance of each service that is being changed. */
  #roll(): void {
    if (this.#ended.signal.aborted) return;
    for (const name of this.#rolling) {
      const keepers = this.#keepersOf(name).filter(({ life }) => life.wanted === "run");
      if (!keepers.some((keeper) => keeper.isOutdated)) this.#rolling.delete(name);
      else nextToRestart(keepers)?.want("restart", "its program or environment changed");
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        for await (const event of this.#host.watch(signal)) this.#happened(event);
      } catch (error) {
        this.#failed("the host cannot be watched", error);
      }
      await pause(signal);
      await this.#reconcile();
    }
  }

  #happened(event: HostEvent): void {
    if (event.type === "main-exited") {
      this.#onMainExit(event.copy);
      return;
    }
    if (event.type === "exited") {
      const { copy } = event;
      const keeper = this.#keepers.get(copy.instance);
      if (keeper === undefined) this.#copies.note(copy);
      else keeper.exited(copy);
      return;
    }
    const { type, instance, message, data } = event;
    const keeper = instance === undefined ? undefined : this.#keepers.get(instance);
    const service = keeper?.service.name;
    const incarnation = keeper?.running ?? 0;
    this.#facts.tell({ type, service, instance, incarnation, atMs: Date.now(), message, data });
    if (type !== "disk-recovered") return;
    for (const waiting of this.#keepers.values()) waiting.want("wake", "the disk has space again");
  }

  async #findCopies(): Promise<void> {
    const { signal } = this.#ended;
    while (!this.#isListed && !signal.aborted) {
      try {
        for (const copy of await this.#host.list()) this.#copies.note(copy);
        this.#isListed = true;
        this.#changed.ring();
      } catch (error) {
        this.#failed("the host does not list its copies", error);
        await pause(signal);
      }
    }
  }

  async #reconcile(): Promise<void> {
    if (this.#isReconciling || this.#ended.signal.aborted) return;
    this.#isReconciling = true;
    const before = new Map([...this.#keepers].map(([name, keeper]) => [name, keeper.running]));
    try {
      const listed = new Map((await this.#host.list()).map((copy) => [copy.instance, copy]));
      for (const [name, keeper] of this.#keepers) {
        if (before.has(name)) keeper.reconcile(listed.get(name), before.get(name));
      }
    } catch (error) {
      this.#failed("the host does not list its copies", error);
    } finally {
      this.#isReconciling = false;
    }
  }

  async #measure(): Promise<void> {
    if (this.#isMeasuring || this.#ended.signal.aborted || this.#keepers.size === 0) return;
    this.#isMeasuring = true;
    try {
      this.#usage = await this.#host.usage();
      for (const [name, keeper] of this.#keepers) keeper.usage = this.#usage.get(name);
    } catch (error) {
      this.#failed("the host does not measure its copies", error);
    } finally {
      this.#isMeasuring = false;
    }
  }

  async #endedOf(service: ServiceName): Promise<readonly InstanceName[]> {
    try {
      return (await this.#host.list())
        .filter((copy) => copy.service === service && !copy.running)
        .map(({ instance }) => instance);
    } catch (error) {
      this.#failed("the host does not list its copies", error);
      return [];
    }
  }

  /** Removes records and logs of what ended. Whatever cannot be removed now costs only disk. */
  async #forget(instances: readonly InstanceName[]): Promise<void> {
    const rest = [...instances];
    try {
      while (rest.length > 0) {
        const some = rest.splice(0, forgottenAtOnce).filter((name) => !this.#keepers.has(name));
        await Promise.all(some.map((name) => this.#host.forget(name)));
      }
    } catch (error) {
      this.#failed("the host kept records of instances that are gone", error);
    }
  }

  async #untilListed(signal: AbortSignal): Promise<void> {
    await this.#until(() => this.#isListed, signal);
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    await this.#changed.until(() => this.#ended.signal.aborted || holds(), signal);
    if (!this.#ended.signal.aborted) return;
    throw new ClusterError("RUNTIME_UNAVAILABLE", {
      message: "This runtime was disposed. What it kept runs on; a new runtime adopts it.",
    });
  }

  #failed(message: string, error: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#log.warn(message, { host: this.#host.name, error: `${error}` });
  }
}

function unknown(instance: InstanceName): ClusterError {
  return new ClusterError("INSTANCE_UNKNOWN", {
    message: `No instance is called ${instance}. "prunella status" lists those that are.`,
    details: { instance },
  });
}

function endedUnseen({ running, exit }: Copy): boolean {
  return !running && exit?.code === undefined && exit?.signal === undefined;
}

async function pause(signal: AbortSignal): Promise<void> {
  await delay(hostRetryMs, undefined, { signal }).catch(() => undefined); // Aborted: callers look.
}
