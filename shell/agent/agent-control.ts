/** The control API's view of the agent: each call checks, changes what is wanted, and answers. */
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
import type { Chronicle } from "./chronicle.ts";
import type { ClusterKeeper } from "./cluster-keeper.ts";
import { applied } from "./cluster-state.ts";
import type { ApplyInput, Control, DownProgress, LoadBalancerAnswer } from "./control.ts";
import { type ElectionControl, electionControl } from "./election-control.ts";
import type { Elections } from "./elections.ts";
import { explain } from "./explain.ts";
import { find, type Member } from "./membership.ts";
import { SerialQueue } from "./serial-queue.ts";
import { ServiceCounts } from "./service-counts.ts";
import { type AgentFacts, clusterStatus } from "./status.ts";
import { presentTroubles, troublesAround } from "./trouble-choice.ts";

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
  readonly #counts: ServiceCounts;
  #isEnding = false;

  readonly election: ElectionControl;

  constructor(options: AgentControlOptions) {
    this.#options = options;
    this.#counts = new ServiceCounts(options, (work) => this.#changing(work));
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
      const next = applied({ ...before, inheritedEnv: env }, spec, (name) =>
        this.#counts.busyNames(name),
      );
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
    return this.#counts.scale(service, count);
  }

  replicas(service: string): LoadBalancerAnswer {
    return this.#counts.replicas(service);
  }

  add(service: string, payload: Uint8Array): Promise<LoadBalancerAnswer> {
    return this.#counts.add(service, payload);
  }

  remove(service: string, payload: Uint8Array): Promise<LoadBalancerAnswer> {
    return this.#counts.remove(service, payload);
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
