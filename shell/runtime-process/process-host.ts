/**
 * Instances as processes of this machine. They outlive the agent: each leads its own session, writes
 * into its own log file and carries its launch id, so an agent may be killed at any moment and the
 * next one finds everything again (`adoption.ts`). The promises H1, H2 and H3 are those of `Host`.
 *
 *   H1 holds because a name is busy from the call of `launch` on until no process of its family
 *      lives, and the state folder has one owner (`lockFolder` in `@prunella/store`).
 *   H2 holds because a launch is written down before it happens and every process carries its id.
 *   H3 holds because `#settle` kills what a dead leader leaves and looks again before it tells.
 */
import type { ChildProcess } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  ClusterError,
  type InstanceName,
  invariant,
  isName,
  type ServiceName,
} from "@prunella/core/kernel";
import type {
  Copy,
  Exit,
  Host,
  HostEvent,
  LaunchOrder,
  LogOptions,
  Usage,
} from "@prunella/runtime";
import { adoptCopies } from "./adoption.ts";
import { EventFeed } from "./event-feed.ts";
import { familyOf, isAlive, killAll, type Leader, nextLookMs, signalGroup } from "./family.ts";
import { InstanceLog } from "./instance-log.ts";
import { ended, folderMark, type LaunchRecord, monotonicMs, unseenExit } from "./launch-record.ts";
import { LogKeeper } from "./log-keeper.ts";
import { readLog, sawPortTaken } from "./log-reader.ts";
import { PortBook } from "./port-book.ts";
import { demandFreePort, portOwner, strangerText } from "./port-owner.ts";
import { linuxProcessTable, type ProcessFacts, type ProcessTable } from "./process-table.ts";
import { findProgram } from "./program-check.ts";
import { RecordStore } from "./record-store.ts";
import { startProcess } from "./spawning.ts";
import { UsageMeter } from "./usage-meter.ts";

export type ProcessHostOptions = {
  /** The folder of all instances (`instances` of the state folder). It exists and has one owner. */
  readonly folder: string;
};

/** The newest copy of one instance. `child` is undefined for a copy that was adopted. */
type Tracked = {
  record: LaunchRecord;
  readonly child: ChildProcess | undefined;
  exit: Exit | undefined;
  settling: boolean;
};

/** How often adopted copies are looked at: they are nobody's children, so no event tells. */
const pollMs = 50;
/** How long the rest of a group may take to end by itself after its leader. */
const restMs = 100;
/** What an election gets before anybody looks at what an elector left behind. */
const successionMs = 60;
/** A rest that lives so long is told: something keeps it that force does not end. */
const stuckMs = 2_000;
const cacheFolder = ".node-cache"; // A leading dot is not a name, so no instance is called this.

/** Opens the host over what earlier agents left; what runs is found, what is too much is ended. */
export async function openProcessHost(options: ProcessHostOptions): Promise<Host> {
  invariant(process.platform === "linux", "the process host reads /proc and runs on Linux only");
  const host = new ProcessHost(options, linuxProcessTable);
  await host.start();
  return host;
}

class ProcessHost implements Host {
  readonly name = "process";
  readonly #folder: string;
  readonly #mark: string;
  readonly #table: ProcessTable;
  readonly #store: RecordStore;
  readonly #ports: PortBook;
  readonly #keeper: LogKeeper;
  readonly #meter: UsageMeter;
  readonly #feed = new EventFeed();
  readonly #tracked = new Map<InstanceName, Tracked>();
  readonly #logs = new Map<InstanceName, InstanceLog>();
  readonly #launching = new Set<InstanceName>();
  readonly #closed = new AbortController();
  #poll: NodeJS.Timeout | undefined;

  constructor(options: ProcessHostOptions, table: ProcessTable) {
    this.#folder = realpathSync(options.folder);
    this.#mark = folderMark(this.#folder);
    this.#table = table;
    this.#store = new RecordStore(this.#folder, () => this.#keeper.makeRoom());
    this.#ports = new PortBook(this.#mark, table.ephemeralPorts());
    this.#meter = new UsageMeter(table);
    this.#keeper = new LogKeeper({
      folder: this.#folder,
      logs: () => this.#logs,
      emit: (event) => this.#feed.emit(event),
      onRoom: () => this.#store.writeAgain(),
    });
  }

  async start(): Promise<void> {
    for (const instance of this.#store.instances()) this.#logOf(instance);
    for (const record of await adoptCopies(this.#table, this.#store, this.#mark)) {
      const { instance, address, electionAddress, running } = record.copy;
      this.#tracked.set(instance, { record, child: undefined, exit: undefined, settling: false });
      if (address !== undefined) this.#ports.hold(instance, address.port);
      if (electionAddress !== undefined) {
        this.#ports.holdElection(instance, electionAddress.port);
      }
      if (running) this.#keeper.keep(instance, this.#logOf(instance), record.log);
    }
    this.#keeper.start();
    this.#poll = setInterval(() => this.#lookAtAdopted(), pollMs);
  }

  async list(): Promise<readonly Copy[]> {
    return [...this.#tracked.values()].map((tracked) => tracked.record.copy);
  }

  async launch(order: LaunchOrder): Promise<Copy> {
    invariant(isName(order.instance), "an instance has a name that can be a file name");
    this.#demandOpen();
    this.#demandGone(order.instance);
    this.#launching.add(order.instance);
    try {
      return await this.#launch(order);
    } finally {
      this.#launching.delete(order.instance);
    }
  }

  async signal(
    instance: InstanceName,
    incarnation: number,
    how: "terminate" | "kill",
  ): Promise<void> {
    const record = this.#tracked.get(instance)?.record;
    if (record?.copy.running !== true || record.copy.incarnation !== incarnation) return;
    const leader = leaderOf(record);
    // Looked at right before, so a stranger that got the pid meanwhile is not hit.
    const family = familyOf(this.#table, leader, record.launch);
    const hasGroup = family.some((facts) => facts.group === leader.pid);
    if (how === "kill") {
      if (hasGroup) signalGroup(leader, "SIGKILL");
      killAll(family);
    } else if (hasGroup) {
      signalGroup(leader, "SIGTERM");
      signalGroup(leader, "SIGCONT"); // One that was stopped could not act on it.
    }
  }

  watch(signal: AbortSignal): AsyncIterable<HostEvent> {
    return this.#feed.watch(signal);
  }

  async listener(instance: InstanceName): Promise<"own" | "none" | { readonly stranger: string }> {
    const record = this.#tracked.get(instance)?.record;
    const port = record?.copy.address?.port;
    if (record === undefined || port === undefined) return "none";
    const own = record.copy.running ? familyOf(this.#table, leaderOf(record), record.launch) : [];
    const siblings = record.sharesPort
      ? this.#siblings(record.copy.service, instance, port)
      : undefined;
    const owner = portOwner(this.#table, port, own, siblings);
    if (owner.type !== "stranger") return owner.type;
    this.#ports.avoid(instance, port);
    return { stranger: strangerText(owner) };
  }

  async usage(): Promise<ReadonlyMap<InstanceName, Usage>> {
    return this.#meter.measure(
      [...this.#tracked.values()].map(({ record }) => record).filter(({ copy }) => copy.running),
    );
  }

  async *logs(
    instance: InstanceName,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const log = this.#logs.get(instance);
    if (log?.exists() !== true) {
      throw new ClusterError("INSTANCE_UNKNOWN", {
        message: `There is no log of ${instance}: it was never launched here, or was forgotten.`,
        details: { instance },
      });
    }
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    yield* readLog(log, options, ending, () => this.#logs.get(instance) === log);
  }

  async forget(instance: InstanceName): Promise<void> {
    this.#demandGone(instance);
    this.#tracked.delete(instance);
    this.#logs.delete(instance);
    this.#ports.release(instance);
    this.#store.remove(instance);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearInterval(this.#poll);
    this.#keeper[Symbol.dispose]();
    this.#feed.close();
    for (const { child } of this.#tracked.values()) {
      child?.removeAllListeners("exit");
      child?.unref(); // It goes on; this process need not wait for it.
    }
  }

  async #launch(order: LaunchOrder): Promise<Copy> {
    const { instance } = order;
    const program = findProgram(order);
    const port = order.fixedPort ?? (await this.#ports.choose(instance));
    if (order.fixedPort !== undefined) {
      const shares = order.sharesPort === true;
      const siblings = shares ? this.#siblings(order.service, instance, port) : [];
      demandFreePort(this.#table, instance, port, siblings);
    }
    const { electors: members } = order;
    const electors = members === undefined ? [] : await this.#ports.electors(instance, members);
    this.#demandOpen();
    const { child, record } = await startProcess(order, {
      program,
      port,
      electors,
      known: this.#tracked.get(instance)?.record.launch,
      mark: this.#mark,
      table: this.#table,
      store: this.#store,
      log: this.#logOf(instance),
      makeRoom: () => this.#keeper.makeRoom(),
      onNoLog: () => this.#tellNoLog(order),
      cacheFolder: join(this.#folder, cacheFolder),
    });
    const tracked: Tracked = { record, child, exit: undefined, settling: false };
    this.#tracked.set(instance, tracked);
    this.#ports.hold(instance, port);
    this.#keeper.keep(instance, this.#logOf(instance), order.log);
    child.once("exit", (code, signal) => {
      tracked.exit = { code: code ?? undefined, signal: signal ?? undefined };
      this.#tellMainExit(tracked);
      // Whoever listens acts first: the look at what is left reads all of /proc.
      setTimeout(() => void this.#settle(tracked), firstLookMs(record.copy));
    });
    return record.copy;
  }

  /** The processes of all other copies of the service that are to listen on the same port. */
  #siblings(service: ServiceName, instance: InstanceName, port: number): readonly ProcessFacts[] {
    return [...this.#tracked.values()].flatMap(({ record }) => {
      const { copy, leader } = record;
      if (!copy.running || leader === undefined) return [];
      if (copy.service !== service || copy.instance === instance) return [];
      return copy.address?.port === port ? familyOf(this.#table, leader, record.launch) : [];
    });
  }

  #tellNoLog({ instance, incarnation }: LaunchOrder): void {
    this.#feed.emit({
      type: "disk-full",
      instance,
      message: `The disk is full, so ${instance} runs without a log. Restart it when there is space again.`,
      data: { incarnation, folder: this.#folder },
    });
  }

  #lookAtAdopted(): void {
    for (const tracked of this.#tracked.values()) {
      const { child, record, settling } = tracked;
      if (child !== undefined || settling || !record.copy.running) continue;
      if (isAlive(this.#table, leaderOf(record))) continue;
      tracked.exit = unseenExit;
      this.#tellMainExit(tracked);
      void this.#settle(tracked);
    }
  }

  #tellMainExit({ record: { copy }, exit }: Tracked): void {
    this.#feed.emit({ type: "main-exited", copy: { ...copy, exit } });
  }

  /** H3: the leader is dead; ends what it left behind, then tells. */
  async #settle(tracked: Tracked): Promise<void> {
    if (tracked.settling) return;
    tracked.settling = true;
    const { record } = tracked;
    const deadMs = monotonicMs();
    for (let isTold = false; ; ) {
      const rest = familyOf(this.#table, leaderOf(record), record.launch);
      if (rest.length === 0) break;
      const sinceMs = monotonicMs() - deadMs;
      if (sinceMs >= restMs) killAll(rest);
      if (sinceMs >= stuckMs && !isTold) {
        isTold = true;
        this.#tellStuck(record, rest);
      }
      await delay(nextLookMs(sinceMs));
      if (this.#closed.signal.aborted) return; // The next agent finds the rest and goes on.
    }
    const { instance, address } = record.copy;
    tracked.record = ended(record, tracked.exit);
    this.#keeper.release(instance);
    if (address !== undefined && sawPortTaken(this.#logOf(instance))) {
      this.#ports.avoid(instance, address.port);
    }
    this.#store.note(tracked.record);
    this.#feed.emit({ type: "exited", copy: tracked.record.copy });
  }

  #tellStuck({ copy }: LaunchRecord, rest: readonly ProcessFacts[]): void {
    const pids = rest.map(({ pid }) => pid);
    this.#feed.emit({
      type: "stuck",
      instance: copy.instance,
      message: `${copy.instance} cannot be started again: processes of incarnation ${copy.incarnation} live on after SIGKILL (${pids.map((pid) => `pid ${pid}, ${this.#table.program(pid)}`).join("; ")}). They wait for a device or a network disk, or run as another user: see \`ps -o pid,user,stat,wchan -p ${pids.join(",")}\`, and end them as that user or as root.`,
      data: { incarnation: copy.incarnation, pids },
    });
  }

  #logOf(instance: InstanceName): InstanceLog {
    const known = this.#logs.get(instance);
    if (known !== undefined) return known;
    const log = new InstanceLog(this.#store.folderOf(instance));
    this.#logs.set(instance, log);
    return log;
  }

  #demandOpen(): void {
    if (!this.#closed.signal.aborted) return;
    throw new ClusterError("RUNTIME_UNAVAILABLE", {
      message: "The process host was closed; nothing is launched any more.",
    });
  }

  /** @throws ClusterError `INSTANCE_EXISTS` while any process of the last copy may live (H1). */
  #demandGone(instance: InstanceName): void {
    const copy = this.#tracked.get(instance)?.record.copy;
    if (copy?.running !== true && !this.#launching.has(instance)) return;
    const what =
      copy?.running === true
        ? `incarnation ${copy.incarnation}, pid ${copy.pid}`
        : "it is being launched";
    throw new ClusterError("INSTANCE_EXISTS", {
      message: `${instance} runs already (${what}). End it first.`,
      details: { instance, incarnation: copy?.incarnation, pid: copy?.pid },
    });
  }
}

/** An election is a matter of milliseconds, and its members need the processor more than the looks do. */
function firstLookMs({ electionAddress }: Copy): number {
  return electionAddress === undefined ? 0 : successionMs;
}

/** A record without a leader is an intent, and no copy is tracked by an intent. */
function leaderOf(record: LaunchRecord): Leader {
  invariant(record.leader !== undefined, "a tracked copy that runs has a leader");
  return record.leader;
}
