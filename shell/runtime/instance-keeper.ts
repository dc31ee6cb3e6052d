/**
 * Keeps one instance: runs its machine and does what it asks for. Every wish goes to the host or the
 * network and every answer comes back as an event; nothing is decided here.
 */
import type { ProbingConfig } from "@prunella/core/detector";
import { findEvidence, type LifecycleState } from "@prunella/core/healing";
import {
  ClusterError,
  type InstanceName,
  InvariantError,
  type ServiceName,
  unreachable,
} from "@prunella/core/kernel";
import { Driver, type Log } from "@prunella/driver";
import type { Copy, Host, Usage } from "./host.ts";
import {
  type InstanceEffect,
  type InstanceEvent,
  type InstanceState,
  lifecycleConfig,
  startInstance,
  stepInstance,
  wakeInstanceAtMs,
} from "./instance-machine.ts";
import { holdsCopy, viewOf } from "./instance-view.ts";
import { launchOrder, revisionOf } from "./launch-order.ts";
import type { LaunchSlots } from "./launch-slots.ts";
import { type ProbeAnswer, probe } from "./probe.ts";
import type { Instance, InstanceFact, MemberSpec, RuntimeService } from "./runtime.ts";

/** Resolves when no traffic reaches that copy any more. It may take `boundMs`, then `signal` aborts. */
export type Drain = (
  instance: InstanceName,
  incarnation: number,
  signal: AbortSignal,
  boundMs: number,
) => Promise<void>;

/** Undefined when a new copy of that service may start now, else resolves when it may. Never rejects. */
export type BeforeLaunch = (service: ServiceName) => Promise<void> | undefined;

export type KeeperOptions = {
  readonly host: Host;
  readonly beforeLaunch: BeforeLaunch;
  readonly slots: LaunchSlots;
  readonly drain: Drain;
  readonly log: Log;
  readonly seed: number;
  readonly onFact: (fact: InstanceFact) => void;
  /** The state may have changed; called after each step. */
  readonly onStep: (keeper: InstanceKeeper, changed: boolean) => void;
};

const diagnosisLines = 200;
const diagnosisMs = 2_000;

export class InstanceKeeper implements AsyncDisposable {
  readonly #options: KeeperOptions;
  readonly #driver: Driver<InstanceState, InstanceEvent, InstanceEffect>;
  #service: RuntimeService;
  #member: MemberSpec;
  #revision: string;
  #copy: Copy | undefined;
  #adopted: Copy | undefined;
  #orderedRevision: string | undefined;
  /** The incarnation whose own listener was seen on a port that it shares. */
  #listens: number | undefined;
  #draining: AbortController | undefined;
  #seen: LifecycleState;
  usage: Usage | undefined;

  /** @param incarnation - The highest that was ever known of this name. */
  constructor(
    options: KeeperOptions,
    service: RuntimeService,
    member: MemberSpec,
    incarnation: number,
  ) {
    this.#options = options;
    this.#service = service;
    this.#member = member;
    this.#revision = revisionOf(service);
    const { life, probing } = configsOf(service, member);
    const start = startInstance(life, probing, options.seed, incarnation);
    this.#seen = start.life;
    this.#driver = new Driver<InstanceState, InstanceEvent, InstanceEffect>({
      start,
      step: stepInstance,
      wakeAtMs: wakeInstanceAtMs,
      tick: { type: "tick" },
      perform: (effect) => this.#perform(effect),
      onStep: (state) => this.#onStep(state),
      log: options.log,
    });
  }

  get name(): InstanceName {
    return this.#member.name;
  }

  get service(): RuntimeService {
    return this.#service;
  }

  get life(): LifecycleState {
    return this.#driver.state.life;
  }

  /** Its copy runs, or is about to run, what its service does not ask for any more. */
  get isOutdated(): boolean {
    const { at } = this.life.stage;
    if (at === "launching") return this.#orderedRevision !== this.#revision;
    return (at === "starting" || at === "serving") && this.#copy?.revision !== this.#revision;
  }

  get isLast(): boolean {
    return this.#service.isLast?.(this.name) ?? false;
  }

  get isServing(): boolean {
    return this.life.stage.at === "serving";
  }

  /** Its launch, or the first probe of an adopted copy, is on the way. */
  get isUndecided(): boolean {
    const { at } = this.life.stage;
    return at === "launching" || (at === "starting" && this.#copy === this.#adopted);
  }

  /** The incarnation that runs, as far as anybody knows. */
  get running(): number | undefined {
    const { life } = this;
    return holdsCopy(life) && "incarnation" in life.stage ? life.stage.incarnation : undefined;
  }

  observe(): Instance {
    const { life } = this;
    return viewOf(
      this.#service.name,
      this.#member,
      life,
      this.#copy,
      this.usage,
      performance.now(),
    );
  }

  /** Begins: with the copy that runs already, or with a launch. */
  start(running: Copy | undefined): void {
    if (running === undefined) this.#driver.tell({ type: "tick" });
    else this.#adopt(running);
  }

  configure(service: RuntimeService, member: MemberSpec): void {
    this.#service = service;
    this.#member = member;
    this.#revision = revisionOf(service);
    this.#driver.tell({ type: "configured", ...configsOf(service, member) });
  }

  want(what: "run" | "stop" | "restart" | "wake", why: string): void {
    this.#driver.tell({ type: "want", what, why });
  }

  exited({ incarnation, exit }: Copy): void {
    const { code, signal } = exit ?? { code: undefined, signal: undefined };
    this.#driver.tell({ type: "exited", incarnation, code, signal });
  }

  /**
   * Compares what is believed with what the host lists: hints may get lost, this may not.
   *
   * @param before - What ran when the list was asked for; a list that is older than the copy says
   *   nothing about it.
   */
  reconcile(listed: Copy | undefined, before: number | undefined): void {
    const { stage } = this.life;
    if (stage.at === "launching") {
      const isLost = stage.sayAtMs === undefined; // The host has been silent for ten seconds.
      if (isLost && listed?.running && listed.incarnation === stage.incarnation)
        this.#adopt(listed);
      return;
    }
    const { running } = this;
    if (running === undefined || running !== before) return;
    if (listed?.incarnation === running && listed.running) return;
    const exit = listed?.incarnation === running ? listed.exit : undefined;
    this.#driver.tell({
      type: "exited",
      incarnation: running,
      code: exit?.code,
      signal: exit?.signal,
    });
  }

  /** Ends the copy by force. What follows is the machine's affair. */
  async kill(): Promise<void> {
    const { running } = this;
    if (running !== undefined) await this.#options.host.signal(this.name, running, "kill");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#draining?.abort();
    await this.#driver[Symbol.asyncDispose]();
  }

  #adopt(copy: Copy): void {
    this.#copy = copy;
    this.#adopted = copy;
    const ageMs = Math.max(0, Date.now() - copy.startedAtMs);
    this.#driver.tell({ type: "adopted", incarnation: copy.incarnation, ageMs });
  }

  #onStep({ life }: InstanceState): void {
    if (life.stage.at !== "draining") this.#draining?.abort();
    const before = this.#seen;
    this.#seen = life;
    this.#options.onStep(this, before.stage !== life.stage || before.reason !== life.reason);
  }

  #perform(effect: InstanceEffect): void {
    switch (effect.type) {
      case "launch":
        void this.#launch(effect.incarnation);
        break;
      case "probe":
        void this.#probe(effect);
        break;
      case "verify":
        void this.#verify(effect.incarnation);
        break;
      case "diagnose":
        void this.#diagnose(effect.incarnation);
        break;
      case "drain":
        void this.#drain(effect.incarnation, effect.boundMs);
        break;
      case "terminate":
      case "kill":
        void this.#signal(effect.incarnation, effect.type);
        break;
      case "record":
        this.#record(effect);
        break;
      default:
        unreachable(effect);
    }
  }

  async #launch(incarnation: number): Promise<void> {
    const { host, slots, beforeLaunch } = this.#options;
    try {
      const pause = beforeLaunch(this.#service.name);
      if (pause !== undefined) await pause;
      const copy = await slots.run(() => {
        const order = launchOrder(this.#service, this.#member, incarnation);
        this.#orderedRevision = order.revision;
        return host.launch(order);
      });
      if (!this.#isAt("launching", incarnation)) return; // It ended before its launch was answered.
      this.#copy = copy;
      this.#driver.tell({ type: "launched", incarnation });
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      if (ClusterError.is(error, "INSTANCE_EXISTS")) {
        const running = await this.#findRunning();
        if (running !== undefined) return this.#adopt(running);
      }
      const code = ClusterError.is(error) ? error.code : "RUNTIME_UNAVAILABLE";
      this.#driver.tell({ type: "launch-failed", incarnation, code, message: messageOf(error) });
    }
  }

  async #findRunning(): Promise<Copy | undefined> {
    try {
      const copies = await this.#options.host.list();
      return copies.find(({ instance, running }) => instance === this.name && running);
    } catch (error) {
      this.#failed("the host did not list its copies", error);
      return undefined;
    }
  }

  async #probe({ incarnation, probeId, timeoutMs }: ProbeEffect): Promise<void> {
    const address = this.#copy?.incarnation === incarnation ? this.#copy.address : undefined;
    const { path } = this.#service.probe;
    let answer: ProbeAnswer = { outcome: "failed", detail: "it has no address" };
    if (address !== undefined && !(await this.#mayBeProbed(incarnation))) {
      answer = { outcome: "failed", detail: "it does not listen on its port" };
    } else if (address !== undefined) {
      answer = await probe(address, path, timeoutMs);
    }
    this.#driver.tell({ type: "probed", probeId, ...answer });
  }

  /** On a shared port a sibling would answer for a copy that does not listen yet. */
  async #mayBeProbed(incarnation: number): Promise<boolean> {
    if (this.#service.sharesPort !== true || this.#listens === incarnation) return true;
    try {
      if ((await this.#options.host.listener(this.name)) === "none") return false;
    } catch (error) {
      this.#failed("the host could not tell who listens", error);
    }
    this.#listens = incarnation;
    return true;
  }

  async #verify(incarnation: number): Promise<void> {
    let stranger: string | undefined;
    try {
      const listener = await this.#options.host.listener(this.name);
      if (typeof listener === "object") stranger = listener.stranger;
    } catch (error) {
      // A host that cannot tell must not keep a copy that answers its probe from serving.
      this.#failed("the host could not tell who listens", error);
    }
    this.#driver.tell({ type: "verified", incarnation, stranger });
  }

  async #drain(incarnation: number, boundMs: number): Promise<void> {
    const draining = new AbortController();
    this.#draining = draining;
    try {
      await this.#options.drain(this.name, incarnation, draining.signal, boundMs);
    } catch (error) {
      if (!draining.signal.aborted) this.#failed("draining failed", error);
    }
    this.#driver.tell({ type: "drained", incarnation });
  }

  async #signal(incarnation: number, how: "terminate" | "kill"): Promise<void> {
    try {
      await this.#options.host.signal(this.name, incarnation, how);
    } catch (error) {
      this.#failed(`${how} was not delivered`, error); // The machine signals again at its deadline.
    }
  }

  /** Looks for the last words of that copy; what earlier ones wrote proves nothing. */
  async #diagnose(incarnation: number): Promise<void> {
    const signal = AbortSignal.timeout(diagnosisMs);
    const options = { tailLines: diagnosisLines, follow: false };
    let lines: string[] = [];
    try {
      for await (const line of this.#options.host.logs(this.name, options, signal)) {
        const begins = line.startsWith("[prunella]") && line.includes(`incarnation ${incarnation}`);
        if (begins) lines = [];
        else lines.push(line);
      }
    } catch (error) {
      this.#failed("the log could not be read", error);
    }
    this.#driver.tell({ type: "diagnosed", incarnation, evidence: findEvidence(lines) });
  }

  #record({ fact, incarnation, message, data }: RecordEffect): void {
    const { name: service } = this.#service;
    this.#options.onFact({
      type: fact,
      service,
      instance: this.name,
      incarnation,
      atMs: Date.now(),
      message,
      data,
    });
  }

  #isAt(at: LifecycleState["stage"]["at"], incarnation: number): boolean {
    const { stage } = this.life;
    return stage.at === at && "incarnation" in stage && stage.incarnation === incarnation;
  }

  #failed(message: string, error: unknown): void {
    this.#options.log.warn(message, { instance: this.name, error: messageOf(error) });
  }
}

type ProbeEffect = Extract<InstanceEffect, { type: "probe" }>;
type RecordEffect = Extract<InstanceEffect, { type: "record" }>;

function configsOf(service: RuntimeService, member: MemberSpec) {
  const { probe: spec, stop } = service;
  const probing: ProbingConfig = spec;
  return { life: lifecycleConfig(member.name, spec, stop), probing };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `${error}`;
}
