/** The control API's view of the agent: each call checks, changes what is wanted, and answers. */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError, type InstanceName, instanceName } from "@prunella/core/kernel";
import type { Instance, LogOptions, Runtime } from "@prunella/runtime";
import { checkCluster, complaintError, type PlannedChange, planCluster } from "@prunella/spec";
import type {
  ClusterEvent,
  ClusterStatus,
  Explanation,
  InstanceStatus,
  RecordedEvent,
  ServiceStatus,
} from "@prunella/wire/control";
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
import { applied, type ClusterState, scaled, serviceOf, withService } from "./cluster-state.ts";
import type { ApplyInput, Control, DownProgress, LoadBalancerAnswer } from "./control.ts";
import type { ElectionControl } from "./election-control.ts";
import { electionControl } from "./election-control.ts";
import type { Elections } from "./elections.ts";
import { explain } from "./explain.ts";
import { added, asReplicas, find, type Member, removed, takenNames } from "./membership.ts";
import { SerialQueue } from "./serial-queue.ts";
import { type AgentFacts, clusterStatus, serviceStatus } from "./status.ts";
import { presentTroubles, troublesAround } from "./trouble-choice.ts";

/** How long `add` and `rm` wait for the cluster to follow; the source gives no bound. */
const settleMsMax = 10_000;
const endingLookMs = 50;
const lastLinesMs = 200;

export type AgentControlOptions = {
  readonly keeper: ClusterKeeper;
  readonly runtime: Runtime;
  readonly chronicle: Chronicle;
  /** What gateways saw in traffic lately, oldest first. */
  readonly troubles: () => readonly RecordedEvent[];
  readonly elections: Elections;
  readonly agent: () => AgentFacts;
  /** Program that runs `.ts` and `.js` services. */
  readonly nodePath: string;
  /** What instances inherit, read once at the first `up`. */
  readonly inheritedEnv: Readonly<Record<string, string>>;
  /** Called after everything has ended; the agent exits then. */
  readonly onDown: () => void;
};

export class AgentControl implements Control {
  readonly #options: AgentControlOptions;
  readonly #queue = new SerialQueue();
  #isEnding = false;

  readonly election: ElectionControl;

  constructor(options: AgentControlOptions) {
    this.#options = options;
    this.election = electionControl(options.keeper, options.elections);
  }

  status(): ClusterStatus {
    const { keeper, agent, elections, troubles } = this.#options;
    const instances = keeper.observe();
    const delivered = keeper.viewsDelivered();
    return {
      ...clusterStatus(keeper.state, instances, agent(), delivered, elections),
      troubles: presentTroubles(troubles(), instances, Date.now()),
    };
  }

  async plan(input: ApplyInput): Promise<readonly PlannedChange[]> {
    return this.#planned(input).changes;
  }

  apply(input: ApplyInput): Promise<readonly PlannedChange[]> {
    return this.#changing(async () => {
      const { keeper, chronicle, inheritedEnv } = this.#options;
      const { spec, changes } = this.#planned(input);
      const before = keeper.state;
      const env = before.spec === undefined ? inheritedEnv : before.inheritedEnv;
      const next = applied({ ...before, inheritedEnv: env }, spec, (name) => this.#busyNames(name));
      const names = new Set([
        ...Object.keys(spec.services),
        ...Object.keys(before.spec?.services ?? {}),
      ]);
      const parked = keeper.observe().filter(({ phase }) => phase === "parked");
      await keeper.change(next, [...names]);
      await this.#wake(parked.map(({ name }) => name));
      for (const change of changes) {
        if (change.action !== "keep")
          chronicle.changed(change.service, change.action, change.detail);
      }
      return changes;
    });
  }

  scale(service: string, count: number): Promise<ServiceStatus> {
    return this.#changing(async () => {
      const { keeper } = this.#options;
      const before = keeper.state.members[service]?.length ?? 0;
      const next = scaled(keeper.state, service, count, (name) => this.#busyNames(name));
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
    const refusal = await this.#changing(async () => {
      const { state } = this.#options.keeper;
      const form = parseAdd(payload, this.#replicaSet(service));
      if (!form.ok) return form;
      const members = state.members[service] ?? [];
      const spec = serviceOf(state, service);
      const naming = {
        service,
        compat: spec.compat === "load-balancer",
        taken: new Set([...takenNames(state.members), ...this.#busyNames(service)]),
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
    const refusal = await this.#changing(async () => {
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

  restart(text: string): Promise<InstanceStatus> {
    return this.#changing(async () => {
      const { instance } = this.#find(text);
      await this.#options.keeper.restart(instance.name);
      return this.#statusOf(instance.name);
    });
  }

  async why(text: string): Promise<Explanation> {
    const { instance } = this.#find(text);
    const { runtime, chronicle, elections, troubles } = this.#options;
    const { name } = instance;
    const status = this.#statusOf(name);
    const terms = status.leads === undefined ? undefined : elections.history(instance.service);
    const told = await explain(
      instance,
      status,
      runtime,
      chronicle.incidentsOf(name),
      terms?.filter(({ leader }) => leader === name),
    );
    return { ...told, troubles: troublesAround(troubles(), instance) };
  }

  logs(text: string, options: LogOptions, signal: AbortSignal): AsyncIterable<string> {
    const { name } = this.#find(text).instance; // An unknown name is refused before anything is sent.
    return untilUnknown(this.#options.runtime.logs(name, options, signal));
  }

  metrics(): Promise<string> {
    return this.#options.keeper.metrics();
  }

  events(afterId: number, follow: boolean, signal: AbortSignal): AsyncIterable<ClusterEvent> {
    return this.#options.chronicle.events(afterId, follow, signal);
  }

  /** Begins at once and goes on whether or not anybody reads how it goes. */
  down(): AsyncIterable<DownProgress> {
    const { keeper, onDown } = this.#options;
    this.#isEnding = true;
    const names = keeper.observe().map(({ name }) => `${name}`);
    const done = this.#queue.run(() => keeper.end(() => undefined));
    // The reader gets a moment for the last lines; then the agent goes.
    void done.then(() => setTimeout(onDown, lastLinesMs));
    return this.#endings(names, done);
  }

  /** One change after the other, and none once the end has begun: nobody would be left to keep it. */
  #changing<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#queue.run(() => {
      if (!this.#isEnding) return work();
      throw new ClusterError("CLUSTER_ENDED", {
        message:
          "The cluster was ended by `prunella down` meanwhile. Start it again with: npx prunella up",
      });
    });
  }

  async *#endings(names: readonly string[], done: Promise<void>): AsyncIterable<DownProgress> {
    for (const instance of names) yield { instance, phase: "ending" };
    const told = new Set<string>();
    for (let isDone = false; !isDone; ) {
      const over = done.then(() => true);
      isDone = await Promise.race([over, delay(endingLookMs, false)]);
      const left = new Set(
        isDone ? [] : this.#options.keeper.observe().map(({ name }) => `${name}`),
      );
      for (const instance of names.filter((name) => !told.has(name) && !left.has(name))) {
        told.add(instance);
        yield { instance, phase: "ended" };
      }
    }
  }

  /** Whoever applies the file wants to know now, not at the next slow retry. */
  async #wake(parked: readonly InstanceName[]): Promise<void> {
    const { keeper } = this.#options;
    for (const name of parked) {
      await keeper.restart(name).catch((error: unknown) => {
        if (!ClusterError.is(error, "INSTANCE_UNKNOWN")) throw error; // Wanted no more.
      });
    }
  }

  /** Names of copies of other services, also of those that are on their way out. */
  #busyNames(service: string): readonly string[] {
    const others = this.#options.keeper.observe().filter((one) => one.service !== service);
    return others.map(({ name }) => `${name}`);
  }

  #planned(input: ApplyInput) {
    const { keeper, nodePath } = this.#options;
    const checked = checkCluster(input.cluster, { folder: input.folder, execPath: nodePath });
    if (!checked.ok) throw complaintError(checked.complaints);
    const { spec, fileCounts, members } = keeper.state;
    const counts = Object.fromEntries(
      Object.entries(members).map(([name, list]) => [name, list.length]),
    );
    const running = spec === undefined ? undefined : { spec, fileCounts, counts };
    return { spec: checked.spec, changes: planCluster(running, checked.spec) };
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

  #statusOf(name: string): InstanceStatus {
    const { services, gateways } = this.status();
    const all = [...services.flatMap(({ instances }) => instances), ...gateways];
    const found = all.find((status) => status.name === name);
    if (found === undefined) throw this.#unknown(name);
    return found;
  }

  #find(text: string): { readonly instance: Instance; readonly member: Member | undefined } {
    const { keeper } = this.#options;
    const member = find(Object.values(keeper.state.members).flat(), text);
    const former = keeper.state.formerHostnames[text];
    const name = instanceName(member?.name ?? former ?? text);
    const instance = keeper.observe().find((candidate) => candidate.name === name);
    if (instance === undefined) throw this.#unknown(text);
    return { instance, member };
  }

  #unknown(text: string): ClusterError {
    const known = this.#options.keeper.observe().map(({ name }) => `${name}`);
    const last = this.#options.chronicle.lastWordOn(text);
    const list = known.length === 0 ? "Nothing runs." : `Instances: ${known.join(", ")}.`;
    return new ClusterError("INSTANCE_UNKNOWN", {
      message: `There is no instance "${text}"${last === undefined ? "" : ` any more: ${last}`}. ${list}`,
      details: { instance: text, known },
    });
  }
}

/** One that was never launched, or has gone in the meantime, has nothing (more) to say. */
async function* untilUnknown(lines: AsyncIterable<string>): AsyncIterable<string> {
  try {
    yield* lines;
  } catch (error) {
    if (!ClusterError.is(error, "INSTANCE_UNKNOWN")) throw error;
  }
}

function draw(below: number): number {
  return randomInt(below);
}
