/**
 * How many instances a service has: `scale` says a number; `/rep`, `/add` and `/rm` of the load-balancer
 * source list, add and remove some, and answer when clients can see it.
 */
import { randomInt } from "node:crypto";
import { ClusterError } from "@prunella/core/kernel";
import type { ServiceStatus } from "@prunella/wire/control";
import {
  failureBody,
  parseAdd,
  parseRm,
  type Refusal,
  type ReplicaSet,
  seed512InstancesMax,
  successBody,
} from "@prunella/wire/load-balancer-api";
import type { Chronicle } from "./chronicle.ts";
import type { ClusterKeeper } from "./cluster-keeper.ts";
import { type ClusterState, scaled, serviceOf, withService } from "./cluster-state.ts";
import type { LoadBalancerAnswer } from "./control.ts";
import type { Elections } from "./elections.ts";
import { added, asReplicas, removed, takenNames } from "./membership.ts";
import { serviceStatus } from "./status.ts";

/** How long `add` and `rm` wait for the cluster to follow; the source gives no bound. */
const settleMsMax = 10_000;

type Surroundings = {
  readonly keeper: ClusterKeeper;
  readonly chronicle: Chronicle;
  readonly elections: Elections;
};

export class ServiceCounts {
  readonly #options: Surroundings;
  readonly #alone: <Result>(work: () => Promise<Result>) => Promise<Result>;

  /** @param alone - Runs one change after the other. */
  constructor(
    options: Surroundings,
    alone: <Result>(work: () => Promise<Result>) => Promise<Result>,
  ) {
    this.#options = options;
    this.#alone = alone;
  }

  scale(service: string, count: number): Promise<ServiceStatus> {
    return this.#alone(async () => {
      const { keeper } = this.#options;
      const before = keeper.state.members[service]?.length ?? 0;
      const next = scaled(keeper.state, service, count, (name) => this.busyNames(name));
      await this.#change(next, service);
      if (before !== count) this.#tellCount(service, before, count, "scale");
      return serviceStatus(keeper.state, service, keeper.observe(), this.#options.elections);
    });
  }

  replicas(service: string): LoadBalancerAnswer {
    serviceOf(this.#options.keeper.state, service);
    return this.#listed(service);
  }

  async add(service: string, payload: Uint8Array): Promise<LoadBalancerAnswer> {
    const refusal = await this.#alone(async () => {
      const { state } = this.#options.keeper;
      const form = parseAdd(payload, this.#replicaSet(service));
      if (!form.ok) return form;
      const members = state.members[service] ?? [];
      const spec = serviceOf(state, service);
      const naming = {
        service,
        compat: spec.compat === "load-balancer",
        taken: new Set([...takenNames(state.members), ...this.busyNames(service)]),
      };
      try {
        const next = added(members, form.n, form.hostnames, naming, draw);
        await this.#change(withService(state, service, next), service);
        this.#tellCount(service, members.length, next.length, "add");
        return undefined;
      } catch (error) {
        if (!ClusterError.is(error, "HOSTNAME_REFUSED")) throw error;
        return { ok: false, status: 400, message: `<Error> ${error.message}` } satisfies Refusal;
      }
    });
    return this.#settledAnswer(service, refusal);
  }

  async remove(service: string, payload: Uint8Array): Promise<LoadBalancerAnswer> {
    const refusal = await this.#alone(async () => {
      const { state } = this.#options.keeper;
      const form = parseRm(payload, this.#replicaSet(service));
      if (!form.ok) return form;
      const members = state.members[service] ?? [];
      const names = form.named.map(({ id }) => id);
      const next = removed(members, form.n, names, draw);
      await this.#change(withService(state, service, next), service);
      this.#tellCount(service, members.length, next.length, "rm");
      return undefined;
    });
    return this.#settledAnswer(service, refusal);
  }

  /** Names of copies of other services, also of those that are on their way out. */
  busyNames(service: string): readonly string[] {
    const others = this.#options.keeper.observe().filter((one) => one.service !== service);
    return others.map(({ name }) => `${name}`);
  }

  async #change(next: ClusterState, service: string): Promise<void> {
    await this.#options.keeper.change(next, [service]);
  }

  #tellCount(service: string, before: number, after: number, by: string): void {
    const message = `${service} is wanted ${after} times instead of ${before} (${by})`;
    this.#options.chronicle.changed(service, "scale", message);
  }

  #replicaSet(service: string): ReplicaSet {
    const { state } = this.#options.keeper;
    const { scale, placement } = serviceOf(state, service);
    const most = placement === "seed-512" ? seed512InstancesMax : scale.max;
    return {
      replicas: asReplicas(state.members[service] ?? []),
      instancesMin: scale.min,
      instancesMax: Math.min(scale.max, most),
    };
  }

  async #settledAnswer(service: string, refusal: Refusal | undefined): Promise<LoadBalancerAnswer> {
    if (refusal !== undefined) {
      return { status: refusal.status, body: failureBody(refusal.message) };
    }
    await this.#options.keeper.settled(service, settleMsMax);
    return this.#listed(service);
  }

  #listed(service: string): LoadBalancerAnswer {
    const members = this.#options.keeper.state.members[service] ?? [];
    return { status: 200, body: successBody(asReplicas(members)) };
  }
}

function draw(below: number): number {
  return randomInt(below);
}
