/**
 * The control loop: keeps the runtime and the gateways at what is wanted, and changes what is wanted.
 *
 *   wish -> state.json -> runtime (instances) -> observation -> view -> gateways
 *
 * Level-triggered: each hint of the runtime leads to a fresh observation and, if it differs, to a new
 * view. Nothing is concluded from the order of hints.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type InstanceName, serviceName } from "@prunella/core/kernel";
import type { Instance, MemberSpec, Runtime } from "@prunella/runtime";
import type { ClusterSpec } from "@prunella/spec";
import type { View } from "@prunella/wire/view";
import type { Chronicle } from "./chronicle.ts";
import {
  type ClusterState,
  ended,
  withFormerHostname,
  withLaunch,
  withService,
} from "./cluster-state.ts";
import type { GatewayFleet } from "./gateway-fleet.ts";
import { find, renamed, takenNames } from "./membership.ts";
import { type ViewContent, viewContent } from "./published-view.ts";
import { replicasService } from "./runtime-services.ts";
import { gatewayService, isReady } from "./status.ts";

/** How long a new agent waits for its first look at adopted instances before it publishes a view. */
const adoptionMsMax = 2_000;
const settleCheckMs = 10;

export type KeeperOptions = {
  readonly runtime: Runtime;
  readonly gateways: GatewayFleet;
  readonly chronicle: Chronicle;
  readonly controlUrl: () => string;
  /** Must be on disk when it returns. */
  readonly persist: (state: ClusterState, durable: boolean) => void;
  /** Services that still have running copies from an earlier agent. */
  readonly leftovers: readonly string[];
};

export class ClusterKeeper {
  readonly #options: KeeperOptions;
  readonly #planned = new Set<string>();
  readonly #stop = new AbortController();
  #state: ClusterState;
  #content: string | undefined;
  #version = 0;
  #publishing = false;

  constructor(state: ClusterState, options: KeeperOptions) {
    this.#state = state;
    this.#options = options;
  }

  get state(): ClusterState {
    return this.#state;
  }

  observe(): readonly Instance[] {
    return this.#options.runtime.observe();
  }

  /** Takes over what runs, ends what nobody wants, and starts the loop. */
  async start(): Promise<void> {
    const { runtime, leftovers } = this.#options;
    await this.#applyAll();
    for (const service of leftovers) {
      const isWanted = service === gatewayService || this.#state.spec?.services[service];
      if (this.#state.spec === undefined || isWanted === undefined) {
        void runtime.remove(serviceName(service), this.#stop.signal);
      }
    }
    void this.#follow();
    await this.#until(() => this.observe().every(isLookedAt), adoptionMsMax);
    this.#publishing = true;
    this.#publish();
  }

  /** Changes what is wanted: first on disk, then in the runtime. */
  async change(next: ClusterState, changed: readonly string[]): Promise<void> {
    this.#options.persist(next, true);
    const before = this.#state;
    this.#state = next;
    const { runtime, gateways } = this.#options;
    const signal = this.#stop.signal;
    if (next.spec !== before.spec) await gateways.apply(next, runtime, signal);
    for (const name of changed) {
      const spec = next.spec?.services[name];
      if (spec === undefined) {
        void runtime.remove(serviceName(name), signal);
      } else {
        if (spec !== before.spec?.services[name]) this.#planAll(name);
        await runtime.apply(this.#runtimeService(next, name, spec), signal);
      }
    }
    this.#publish();
  }

  /** Ends one copy politely; a new incarnation takes its place under the same names. */
  async restart(instance: InstanceName): Promise<void> {
    this.#planned.add(instance);
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

  /** Resolves when no gateway sends anything to this copy any more, within `waitMs`. */
  async drain(instance: InstanceName, incarnation: number, waitMs: number): Promise<void> {
    const endAtMs = performance.now() + waitMs;
    const { gateways } = this.#options;
    await this.#until(() => this.viewsDelivered() || !gateways.isRunning, waitMs);
    const leftMs = Math.max(0, endAtMs - performance.now());
    await gateways.drained(instance, incarnation, Math.floor(leftMs));
  }

  /** Ends everything: gateways first, so that their running requests still find an instance. */
  async end(onEnded: (service: string) => void): Promise<void> {
    const services = Object.keys(this.#state.spec?.services ?? {});
    const next = ended(this.#state);
    this.#options.persist(next, true);
    const { runtime, gateways } = this.#options;
    await runtime.remove(serviceName(gatewayService), this.#stop.signal);
    onEnded(gatewayService);
    gateways.forget();
    await Promise.all(
      services.map(async (name) => {
        await runtime.remove(serviceName(name), this.#stop.signal);
        onEnded(name);
      }),
    );
    this.#state = next;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #applyAll(): Promise<void> {
    const { spec } = this.#state;
    if (spec === undefined) return;
    const { runtime, gateways } = this.#options;
    await gateways.apply(this.#state, runtime, this.#stop.signal);
    for (const [name, service] of Object.entries(spec.services)) {
      await runtime.apply(this.#runtimeService(this.#state, name, service), this.#stop.signal);
    }
  }

  #runtimeService(state: ClusterState, name: string, spec: ClusterSpec["services"][string]) {
    return replicasService(state, name, spec, (service, member) => this.#serverId(service, member));
  }

  /** A changed program or environment restarts every copy; that is nobody's failure. */
  #planAll(service: string): void {
    for (const member of this.#state.members[service] ?? []) {
      if (this.#state.launched.includes(member.name)) this.#planned.add(member.name);
    }
  }

  /**
   * The name that the next copy of a member gets. In compatibility mode a copy that takes the place
   * of a dead one gets a new random host name, as the source asks; name and number stay.
   */
  #serverId(service: string, spec: MemberSpec): string {
    const members = this.#state.members[service] ?? [];
    const member = find(members, spec.name);
    const compat = this.#state.spec?.services[service]?.compat === "load-balancer";
    if (member === undefined || !compat) return spec.name;
    const isReplacement = this.#state.launched.includes(member.name);
    let next = withLaunch(this.#state, member.name);
    if (isReplacement && !this.#planned.delete(member.name)) {
      const draw = (below: number): number => randomInt(below);
      const names = renamed(members, member.name, takenNames(this.#state.members), draw);
      next = withFormerHostname(next, member.hostname, member.name);
      next = withService(next, service, names);
    }
    if (next !== this.#state) {
      this.#state = next;
      this.#options.persist(next, false);
    }
    return find(this.#state.members[service] ?? [], spec.name)?.hostname ?? spec.name;
  }

  async #follow(): Promise<void> {
    const { runtime, chronicle } = this.#options;
    for await (const fact of runtime.watch(this.#stop.signal)) {
      if (fact !== undefined) chronicle.observed(fact);
      this.#publish();
    }
  }

  /** Publishes a view if it differs from the last one, and keeps the gateways up to date. */
  #publish(): void {
    if (!this.#publishing || this.#stop.signal.aborted) return;
    const instances = this.observe();
    const content = viewContent(this.#state, instances, this.#options.controlUrl());
    const text = JSON.stringify(content);
    if (text !== this.#content) {
      this.#content = text;
      this.#version += 1;
    }
    this.#options.gateways.offer(this.#view(content), instances, this.#stop.signal);
  }

  #view(content: ViewContent): View {
    return { ...content, agentTerm: this.#state.agentTerm, version: this.#version };
  }

  async #until(check: () => boolean, waitMs: number): Promise<boolean> {
    const endAtMs = performance.now() + waitMs;
    while (!check()) {
      if (performance.now() >= endAtMs || this.#stop.signal.aborted) return false;
      await delay(settleCheckMs);
    }
    return true;
  }
}

/** True when the runtime knows whether this copy serves; one that does not run needs no look. */
function isLookedAt(instance: Instance): boolean {
  return instance.pid === undefined || instance.phase !== "starting";
}
