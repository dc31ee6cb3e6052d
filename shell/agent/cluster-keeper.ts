/**
 * The control loop: keeps the runtime and the gateways at what is wanted, and changes what is wanted.
 *
 *   wish -> state.json -> runtime (instances) -> observation -> view -> gateways
 *
 * Level-triggered: each hint of the runtime leads to a fresh observation and, if it differs, to a new
 * view. Nothing is concluded from the order of hints. What could not be carried out or written, on a
 * full disk for example, is tried again until it succeeds.
 */
import { ClusterError, type InstanceName, serviceName } from "@prunella/core/kernel";
import { Bell } from "@prunella/driver";
import type { Instance, InstanceFact, Runtime } from "@prunella/runtime";
import type { ClusterSpec } from "@prunella/spec";
import type { View } from "@prunella/wire/view";
import type { Chronicle } from "./chronicle.ts";
import { type ClusterState, ended, membersOf, runningMembers } from "./cluster-state.ts";
import { prepareDataFolder } from "./data-folder.ts";
import type { Elections } from "./elections.ts";
import type { GatewayFleet } from "./gateway-fleet.ts";
import type { HandOver } from "./hand-over.ts";
import { Hostnames } from "./hostnames.ts";
import { type HandOverBounds, LeadChange } from "./lead-change.ts";
import { electionMembers, type ViewContent, viewContent } from "./published-view.ts";
import { electedService, replicasService } from "./runtime-services.ts";
import type { StateFile } from "./state-file.ts";
import { gatewayService, isReady } from "./status.ts";
import { nextVoters } from "./voter-steps.ts";

/** How long a new agent waits for its first look at adopted instances before it publishes a view. */
const adoptionMsMax = 2_000;
/** How long after a failure the runtime is told again what is wanted. */
const retryMs = 2_000;
/** What the start of a process may wait for a successor; ten times what an election takes. */
const successionMs = 150;
/** A wait looks again this often even if nobody rings. */
const lookMsMax = 250;

export type KeeperOptions = {
  readonly runtime: Runtime;
  readonly gateways: GatewayFleet;
  readonly chronicle: Chronicle;
  readonly elections: Elections;
  /** Asks a leader to hand over. */
  readonly handOver: HandOver;
  /** Where this agent says where it listens. */
  readonly agentFile: string;
  /** `data` of the state folder. */
  readonly dataFolder: string;
  readonly controlUrl: () => string;
  readonly file: StateFile;
  /** Services that still have running copies from an earlier agent. */
  readonly leftovers: readonly string[];
  /** False when `state.json` was lost: then what runs is kept until somebody says what is wanted. */
  readonly hasMemory: boolean;
};

export class ClusterKeeper {
  readonly #options: KeeperOptions;
  readonly #hostnames: Hostnames;
  readonly #stop = new AbortController();
  readonly #news = new Bell();
  readonly #unapplied = new Set<string>();
  /** Services that run although nobody knows why: the state was lost. */
  readonly #foundlings = new Set<string>();
  #retry: NodeJS.Timeout | undefined;
  #state: ClusterState;
  #content: string | undefined;
  #version = 0;
  #publishing = false;
  #isLooking = false;
  #isEnding = false;

  constructor(state: ClusterState, options: KeeperOptions) {
    this.#state = state;
    this.#options = options;
    this.#hostnames = new Hostnames((next, { service, instance, before, after }) => {
      this.#state = next;
      options.file.saveSoon(next);
      options.chronicle.record({
        type: "instance.renamed",
        service,
        instance,
        message: `clients know it as ${after} from now on, as the server that takes the place of ${before}`,
      });
    });
  }

  get state(): ClusterState {
    return this.#state;
  }

  observe(): readonly Instance[] {
    return this.#options.runtime.observe();
  }

  /** Takes a fact as it happens, before what follows from it. */
  heard(fact: InstanceFact): void {
    this.#options.elections.heard(fact);
    // Whose place is taken is only known of a death that was seen.
    if (fact.data["unseen"] !== true) this.#hostnames.heard(fact);
  }

  /** Something changed outside of the runtime: a gateway took a view. */
  wake(): void {
    this.#news.ring();
  }

  /** Somebody leads an elected service, or leads no more: the route follows at once. */
  leaderChanged(): void {
    this.#publish();
    this.#news.ring();
  }

  /** Takes over what runs, ends what nobody wants, and starts the loop. */
  async start(): Promise<void> {
    const { leftovers, hasMemory } = this.#options;
    const { spec } = this.#state;
    const wanted = spec === undefined ? [] : [gatewayService, ...Object.keys(spec.services)];
    for (const name of wanted) await this.#apply(name, true);
    for (const name of leftovers.filter((service) => !wanted.includes(service))) {
      if (hasMemory) this.#removeLater(name);
      else this.#foundlings.add(name);
    }
    void this.#follow();
    await this.#until(() => this.observe().every(isLookedAt), adoptionMsMax);
    this.#publishing = true;
    this.#publish();
  }

  /**
   * Changes what is wanted: first on disk, then in the runtime.
   *
   * @throws ClusterError `DISK_FULL`, `STATE_REFUSED`, or what the runtime refuses. Then everything
   *   is as it was before: a wish that was refused is not kept.
   */
  async change(next: ClusterState, changed: readonly string[]): Promise<void> {
    this.#options.file.save(next);
    const before = this.#state;
    this.#state = next;
    try {
      await this.#carryOut(before, changed);
    } catch (error) {
      this.#state = before;
      this.#options.file.saveSoon(before);
      for (const name of changed) await this.#apply(name, true);
      throw error;
    } finally {
      this.#publish();
    }
  }

  async #carryOut(before: ClusterState, changed: readonly string[]): Promise<void> {
    const next = this.#state;
    for (const name of [...changed, ...this.#foundlings]) {
      const isWanted = name === gatewayService || next.spec?.services[name] !== undefined;
      if (!isWanted) this.#removeLater(name);
    }
    this.#foundlings.clear();
    if (next.spec !== before.spec) await this.#apply(gatewayService, true);
    for (const name of changed) {
      if (next.spec?.services[name] !== undefined) await this.#apply(name, false);
    }
  }

  /** Ends one copy politely; a new incarnation takes its place under the same names. */
  async restart(instance: InstanceName): Promise<void> {
    await this.#options.runtime.replace(instance, this.#stop.signal);
  }

  /** Resolves when the service is as wanted and every gateway knows, or after `waitMs`. */
  async settled(service: string, waitMs: number): Promise<boolean> {
    const check = (): boolean => {
      const wanted = this.#state.members[service] ?? [];
      const observed = new Map(this.observe().map((instance) => [`${instance.name}`, instance]));
      return wanted.every(({ name }) => isReady(observed.get(name))) && this.viewsDelivered();
    };
    return this.#until(check, waitMs);
  }

  viewsDelivered(): boolean {
    this.#publish();
    return this.#options.gateways.hasVersion(this.#version);
  }

  /** The metrics of all gateways as one page of Prometheus text. */
  metrics(): Promise<string> {
    return this.#options.gateways.metrics();
  }

  /**
   * A leader was lost: first its successor gets to work, then another process is started, which takes
   * more of the machine than an election does. Undefined when there is nothing to wait for.
   */
  beforeLaunch(service: string): Promise<void> | undefined {
    const { elections, gateways } = this.#options;
    const leftMs = successionMs - elections.sinceLossMs(service);
    if (leftMs <= 0) return undefined;
    const bound = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(Math.ceil(leftMs))]);
    const isSettled = () =>
      elections.leader(service)?.state === "leading" && gateways.hasVersion(this.#version);
    return this.#news.until(isSettled, bound).catch((error: unknown) => {
      if (!bound.aborted) throw error;
    });
  }

  /** Resolves when no gateway sends anything to this copy any more, within `waitMs`. */
  async drain(instance: InstanceName, incarnation: number, waitMs: number): Promise<void> {
    const endAtMs = performance.now() + waitMs;
    const { gateways } = this.#options;
    await this.#leaveLead(instance, incarnation, waitMs);
    const viewMs = endAtMs - performance.now();
    await this.#until(() => this.viewsDelivered() || !gateways.isRunning, viewMs);
    const leftMs = Math.max(0, endAtMs - performance.now());
    await gateways.drained(instance, incarnation, Math.floor(leftMs));
  }

  /**
   * Has an elected service change its leader, and resolves when another one leads. Right after a failure
   * there may be no leader, or no successor that is fit: then it waits and asks again.
   *
   * @param to - The member that should lead next; undefined: the electors choose.
   * @throws ClusterError `LEADER_MISSING` when there was no handover in time; it says what stood in the way.
   */
  async handOver(service: string, to: string | undefined, bounds: HandOverBounds): Promise<void> {
    const { elections } = this.#options;
    await new LeadChange({
      ...{ service, to, bounds },
      leader: () => elections.leader(service),
      until: (check, waitMs) => this.#until(check, waitMs),
      order: (member) => this.#orderHandOver(service, member, to, bounds.drainMs),
    }).run();
  }

  async #orderHandOver(
    service: string,
    member: string,
    to: string | undefined,
    drainMs: number,
  ): Promise<void> {
    const { elections, handOver } = this.#options;
    const address = this.observe().find(({ name }) => name === member)?.electionAddress;
    if (address === undefined) {
      throw new ClusterError("LEADER_MISSING", {
        message: `${member} leads ${service}, but nobody knows yet where its elector listens.`,
        details: { service, member },
      });
    }
    const cluster = this.#state.spec?.name ?? "";
    const keyFile = elections.prepare(service, []).keyFile;
    await handOver({ cluster, service, member, address, keyFile, to, drainMs });
  }

  /** A leader that is to end hands over first, if there is anybody to hand over to. */
  async #leaveLead(instance: InstanceName, incarnation: number, waitMs: number): Promise<void> {
    const { elections, chronicle } = this.#options;
    const instances = this.observe();
    const service = instances.find(({ name }) => name === instance)?.service;
    if (service === undefined || !elections.leads(service, instance, incarnation)) return;
    const heirs = runningMembers(this.#state, service).filter(({ name }) => {
      const heir = instances.find((one) => one.name === name);
      return name !== instance && isReady(heir) && heir?.leaving === false;
    });
    if (this.#isEnding || heirs.length === 0) return;
    try {
      await this.handOver(service, undefined, { drainMs: waitMs, waitMs });
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      chronicle.record({
        type: "election.no-handover",
        severity: "warning",
        ...{ service, instance, incarnation },
        message: `${error.message} It ends now; the others elect when it has.`,
      });
    }
  }

  /** Ends everything: gateways first, so that their running requests still find an instance. */
  async end(onEnded: (service: string) => void): Promise<void> {
    const wanted = Object.keys(this.#state.spec?.services ?? {});
    const services = new Set([...wanted, ...this.#foundlings]);
    services.delete(gatewayService);
    this.#isEnding = true; // All of them go: nobody is handed over to.
    const next = ended(this.#state);
    const { runtime, gateways, file } = this.#options;
    file.saveIfPossible(next);
    await runtime.remove(serviceName(gatewayService), this.#stop.signal);
    onEnded(gatewayService);
    gateways.forget();
    await Promise.all(
      [...services].map(async (name) => {
        await runtime.remove(serviceName(name), this.#stop.signal);
        onEnded(name);
      }),
    );
    this.#state = next;
    file.saveOrForget(next); // What has ended may have made room on a full disk.
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#stop.abort();
  }

  /** Tells the runtime what is wanted of one service. A quiet failure is told and tried again. */
  async #apply(name: string, quiet: boolean): Promise<void> {
    const { runtime, gateways, chronicle } = this.#options;
    const spec = this.#state.spec?.services[name];
    try {
      if (name === gatewayService) await gateways.apply(this.#state, runtime, this.#stop.signal);
      else if (spec !== undefined) {
        await runtime.apply(this.#runtimeService(name, spec), this.#stop.signal);
      }
      this.#unapplied.delete(name);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      if (!ClusterError.is(error) || !quiet) throw error;
      if (!this.#unapplied.has(name)) {
        chronicle.record({
          type: "service.not-applied",
          severity: "warning",
          service: name,
          message: `${error.message} It is tried again.`,
        });
      }
      this.#unapplied.add(name);
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#stop.signal.aborted) return;
    this.#retry ??= setTimeout(async () => {
      this.#retry = undefined;
      for (const name of [...this.#unapplied]) await this.#apply(name, true);
      this.#publish();
    }, retryMs);
  }

  /** Its names are free when its last copy has gone; nobody waits for that. */
  #removeLater(name: string): void {
    const { runtime, elections } = this.#options;
    runtime.remove(serviceName(name), this.#stop.signal).then(
      () => {
        if (this.#state.spec?.services[name] === undefined) elections.forget(name);
      },
      (error: unknown) => {
        if (!this.#stop.signal.aborted) throw error; // A bug: removing cannot be refused.
      },
    );
    this.#unapplied.delete(name);
  }

  #runtimeService(name: string, spec: ClusterSpec["services"][string]) {
    const base = replicasService(this.#state, name, spec, {
      dataFolder: prepareDataFolder(this.#options.dataFolder, name),
      serverId: (service, member) => this.#hostnames.nameFor(this.#state, service, member.name),
    });
    if (spec.kind !== "elected") return base;
    const { elections, agentFile } = this.#options;
    return electedService(base, spec.election, {
      files: elections.prepare(
        name,
        base.members.map((member) => member.name),
      ),
      agentFile,
      leads: (member) => elections.leads(name, member),
    });
  }

  async #follow(): Promise<void> {
    const { runtime, chronicle } = this.#options;
    for await (const fact of runtime.watch(this.#stop.signal)) {
      if (fact !== undefined) chronicle.observed(fact);
      this.#publish();
      this.#news.ring();
    }
  }

  /** Publishes a view if it differs from the last one, and keeps the gateways up to date. */
  #publish(): void {
    // Without a specification there is nothing to tell: gateways go on with what they know.
    if (!this.#publishing || this.#state.spec === undefined || this.#stop.signal.aborted) return;
    if (this.#isLooking) return; // What is found there is in the view that follows.
    const instances = this.observe();
    this.#isLooking = true;
    this.#lookAtElections(instances);
    this.#isLooking = false;
    const { elections, controlUrl } = this.#options;
    const content = viewContent(this.#state, instances, controlUrl(), (service) =>
      elections.leader(service),
    );
    const text = JSON.stringify(content);
    if (text !== this.#content) {
      this.#content = text;
      this.#version += 1;
    }
    this.#options.gateways.offer(this.#view(content), instances, this.#stop.signal);
  }

  /** Tells electors who the members are, and takes the next step of a quorum that changes. */
  #lookAtElections(instances: readonly Instance[]): void {
    const { elections } = this.#options;
    for (const [name, { kind }] of Object.entries(this.#state.spec?.services ?? {})) {
      if (kind !== "elected") continue;
      const leader = elections.leader(name)?.member;
      const members = electionMembers(this.#state, name, instances, leader);
      elections.observed(name, members, instances);
      this.#stepVoters(name, instances);
    }
  }

  #stepVoters(service: string, instances: readonly Instance[]): void {
    const voters = this.#state.voters[service];
    if (voters === undefined || this.#isEnding) return;
    const own = new Map(
      instances.filter((one) => one.service === service).map((one) => [`${one.name}`, one]),
    );
    const next = nextVoters(voters, membersOf(this.#state, service), {
      serves: (name) => isReady(own.get(name)),
      leader: this.#options.elections.leader(service)?.member,
      isLeaving: [...own.keys()].some((name) => !voters.some((voter) => voter.name === name)),
    });
    if (next === voters) return;
    this.#state = { ...this.#state, voters: { ...this.#state.voters, [service]: next } };
    this.#options.file.saveSoon(this.#state);
    void this.#apply(service, true);
  }

  #view(content: ViewContent): View {
    return { ...content, agentTerm: this.#state.agentTerm, version: this.#version };
  }

  async #until(check: () => boolean, waitMs: number): Promise<boolean> {
    const endAtMs = performance.now() + waitMs;
    while (!check()) {
      const leftMs = endAtMs - performance.now();
      if (leftMs <= 0 || this.#stop.signal.aborted) return false;
      await this.#news.nextWithin(Math.min(leftMs, lookMsMax), this.#stop.signal);
    }
    return true;
  }
}

/** True when the runtime knows whether this copy serves; one that does not run needs no look. */
function isLookedAt(instance: Instance): boolean {
  return instance.pid === undefined || instance.phase !== "starting";
}
