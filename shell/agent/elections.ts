/**
 * The agent's part in elections: it keeps what electors say of their leaders, tells them who the
 * members are, and tells them at once when the process of one has ended.
 *
 * One registry for each elected service (`leader-registry.ts`), written down before its answer leaves.
 * A full disk does not stop an election: then the newest terms are in memory alone, and are written
 * with the next word.
 */
import { ClusterError, instanceName } from "@prunella/core/kernel";
import type { Copy, Instance, InstanceFact } from "@prunella/runtime";
import type {
  AcceptedLeader,
  ElectionEvent,
  ElectionExit,
  ElectionMember,
  LeaderAnnouncement,
  TermRow,
} from "@prunella/wire/election";
import { isAuthorized } from "@prunella/wire/token";
import type { LeaderView } from "@prunella/wire/view";
import type { Chronicle } from "./chronicle.ts";
import { ElectionFolder } from "./election-folder.ts";
import {
  emptyRegistry,
  type RegistryEffect,
  type RegistryEvent,
  type RegistryState,
  stepRegistry,
  takenOver,
} from "./leader-registry.ts";
import { termRows } from "./term-account.ts";

/** Ends that a listener gets when it comes: it may have been away while they happened. */
const exitsKeptMax = 32;
/** How long an election may take before gateways hear that nobody leads. */
const successionMs = 25;
/** Streams of one service. An elector has one; a second one while the first dies. */
const listenersMax = 4_096;

export type ElectionsOptions = {
  /** `elections` of the state folder. */
  readonly folder: string;
  readonly chronicle: Pick<Chronicle, "record">;
  /** Somebody leads, or leads no more: a view must go out now. */
  readonly onChange: () => void;
};

export type Listener = (event: ElectionEvent) => void;

type Told = Extract<RegistryEffect, { type: "tell" }>["what"];

type Life = Pick<Instance, "name" | "incarnation" | "pid">;

type Election = {
  readonly files: ElectionFolder;
  readonly token: string;
  registry: RegistryState;
  /** Undefined until the election port of every member is known. */
  members: readonly ElectionMember[] | undefined;
  membersText: string;
  /** Where each elector listens, or did when it was seen last. */
  readonly ports: Map<string, number>;
  /** What the runtime saw last. */
  lives: readonly Life[];
  exits: readonly ElectionExit[];
  readonly listeners: Set<Listener>;
  /** When its last leader was lost, on the clock of `performance.now`. */
  lostAtMs: number;
  /** Terms of which a conflict was told; only the newest is remembered. */
  conflictToldTerm: number;
};

export class Elections {
  readonly #options: ElectionsOptions;
  readonly #elections = new Map<string, Election>();

  constructor(options: ElectionsOptions) {
    this.#options = options;
  }

  /**
   * Makes the files of a service, and reads what earlier agents knew. Once it is known, only folders
   * of new members are made.
   *
   * @throws ClusterError `DISK_FULL`, `STATE_REFUSED`, `STATE_CORRUPT`.
   */
  prepare(service: string, members: readonly string[]): ElectionFolder {
    const files = new ElectionFolder(this.#options.folder, service);
    files.prepare(members);
    if (!this.#elections.has(service)) {
      const registry = takenOver(files.readTerms((error) => this.#tellDamage(service, error)));
      this.#elections.set(service, {
        ...{
          files,
          token: files.token(),
          registry,
          members: undefined,
          membersText: "",
          exits: [],
        },
        ...{
          ports: new Map<string, number>(),
          lives: [],
          listeners: new Set<Listener>(),
          conflictToldTerm: 0,
          lostAtMs: Number.NEGATIVE_INFINITY,
        },
      });
    }
    return files;
  }

  /** The service is wanted no more and nothing of it runs. */
  forget(service: string): void {
    this.#elections.delete(service);
    new ElectionFolder(this.#options.folder, service).remove();
  }

  /** True for the token of exactly this service. */
  opens(service: string, header: string | undefined): boolean {
    const election = this.#elections.get(service);
    return election !== undefined && isAuthorized(header, election.token);
  }

  leader(service: string): LeaderView | undefined {
    const leader = this.#elections.get(service)?.registry.leader;
    return leader === undefined ? undefined : { ...leader, member: instanceName(leader.member) };
  }

  leads(service: string, instance: string, incarnation?: number): boolean {
    const leader = this.#elections.get(service)?.registry.leader;
    if (leader?.member !== instance) return false;
    return incarnation === undefined || leader.incarnation === incarnation;
  }

  /** How long ago its last leader was lost, whether or not there is another one; infinite at first. */
  sinceLossMs(service: string): number {
    const election = this.#elections.get(service);
    return performance.now() - (election?.lostAtMs ?? Number.NEGATIVE_INFINITY);
  }

  term(service: string): number {
    return this.#elections.get(service)?.registry.term ?? 0;
  }

  history(service: string): readonly TermRow[] {
    return termRows((this.#elections.get(service)?.registry ?? emptyRegistry).reigns);
  }

  /**
   * Takes the word of an elector.
   *
   * @throws ClusterError `INSTANCE_UNKNOWN`, or `TERM_CONFLICT` when the term rule refuses it.
   */
  announce(service: string, word: LeaderAnnouncement): AcceptedLeader {
    const election = this.#demand(service);
    const member = election.lives.find(({ name }) => name === word.name);
    if (member === undefined) {
      throw new ClusterError("INSTANCE_UNKNOWN", {
        message: `${word.name} is no member of ${service}, so it cannot lead it.`,
        details: { service, instance: word.name },
      });
    }
    if (word.incarnation !== member.incarnation) {
      throw new ClusterError("TERM_CONFLICT", {
        message: `${word.name} is in incarnation ${member.incarnation} and not ${word.incarnation}, so that one cannot lead.`,
        details: this.#known(election),
      });
    }
    const effects = this.#step(service, election, { type: "announced", atMs: Date.now(), word });
    const refused = effects.find((effect) => effect.type === "refuse");
    if (refused !== undefined) {
      throw new ClusterError("TERM_CONFLICT", {
        message: `${service}: ${refused.reason}.`,
        details: this.#known(election),
      });
    }
    return this.#known(election);
  }

  /**
   * The process of a copy has ended, this moment. What it started may live on, but the lease was held by
   * that very process: an exit names its pid, and an elector believes it of no other one.
   */
  mainExited({ service, instance, incarnation, pid, exit }: Copy): void {
    const { code, signal } = exit ?? { code: undefined, signal: undefined };
    const ending = code === undefined ? "ended and nobody saw how" : `exited with code ${code}`;
    const how = signal === undefined ? ending : `was ended by ${signal}`;
    this.#exited(service, { name: instance, incarnation, pid: pid ?? null, atMs: Date.now() }, how);
  }

  /** A fact of the runtime, at the moment it is known; an end that was told by `mainExited` is old news. */
  heard({ type, service, instance, incarnation, atMs, message, data }: InstanceFact): void {
    if (type !== "exited" || service === undefined || instance === undefined) return;
    const known = this.#elections.get(service)?.lives.find(({ name }) => name === instance);
    const seenPid = known?.incarnation === incarnation ? known.pid : undefined;
    const toldPid = typeof data["pid"] === "number" ? data["pid"] : undefined;
    const exit = { name: instance, incarnation, pid: seenPid ?? toldPid ?? null, atMs };
    this.#exited(service, exit, message, data["unseen"] === true);
  }

  /** Tells electors before anything else happens. */
  #exited(service: string, exit: ElectionExit, how: string, isUnseen = false): void {
    const election = this.#elections.get(service);
    if (election === undefined) return;
    const { name, incarnation, atMs } = exit;
    const isSame = (old: ElectionExit) => old.name === name && old.incarnation === incarnation;
    if (election.exits.some(isSame)) return;
    election.exits = [...election.exits, exit].slice(-exitsKeptMax);
    for (const listener of election.listeners) listener({ type: "exit", exit });
    this.#end(service, election, name, { incarnation, atMs, how, isUnseen });
  }

  /**
   * Compares what is known with what the runtime sees now. This finds a leader that ended while no
   * agent looked; a wrong word about a process costs an election nothing, the next look mends it.
   */
  observed(
    service: string,
    members: readonly Omit<ElectionMember, "electionPort">[],
    instances: readonly Instance[],
  ): void {
    const election = this.#elections.get(service);
    if (election === undefined) return;
    const own = instances.filter((instance) => instance.service === service);
    election.lives = own;
    for (const { name, electionAddress } of own) {
      if (electionAddress !== undefined) election.ports.set(name, electionAddress.port);
    }
    this.#tellMembers(election, members);
    const { leader } = election.registry;
    if (leader === undefined) return;
    const seen = instances.find(({ name }) => name === leader.member);
    if (seen?.incarnation === leader.incarnation && seen.pid !== undefined) return;
    const found = { atMs: Date.now(), how: "runs no more", isUnseen: true };
    const ending = { incarnation: leader.incarnation, ...found };
    this.#end(service, election, leader.member, ending);
  }

  /** Tells the listener who the members are, which lives have ended, and then all that is new. */
  subscribe(service: string, listener: Listener): () => void {
    const { listeners, members, exits } = this.#demand(service);
    if (listeners.size >= listenersMax) {
      throw new ClusterError("RUNTIME_UNAVAILABLE", {
        message: `${listenersMax} streams of ${service} are open already. Close some.`,
      });
    }
    if (members !== undefined) listener({ type: "members", members });
    for (const exit of exits) listener({ type: "exit", exit });
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Tells the list when it is new and whole. A list with a hole would make a quorum of those that are
   * in it; until it is whole electors go on with the one that they were started with.
   */
  #tellMembers(election: Election, members: readonly Omit<ElectionMember, "electionPort">[]): void {
    const whole = members.flatMap((member): readonly ElectionMember[] => {
      const electionPort = election.ports.get(member.name);
      return electionPort === undefined ? [] : [{ ...member, electionPort }];
    });
    if (whole.length < members.length || whole.length === 0) return;
    const text = JSON.stringify(whole);
    if (text === election.membersText) return;
    election.members = whole;
    election.membersText = text;
    for (const listener of election.listeners) listener({ type: "members", members: whole });
  }

  #end(
    service: string,
    election: Election,
    member: string,
    ending: Omit<Extract<RegistryEvent, { type: "ended" }>, "type" | "member">,
  ): void {
    this.#step(service, election, { type: "ended", member, ...ending });
  }

  #step(service: string, election: Election, event: RegistryEvent): readonly RegistryEffect[] {
    const before = election.registry;
    const { state, effects } = stepRegistry(before, event);
    election.registry = state;
    // Gateways send nothing to a leader that hands over: that it has left by now is no news to them.
    const isNews = before.leader?.state !== "handing-over" || state.leader !== undefined;
    // The gateways first. A word that is not written down is not answered either, so it comes again.
    for (const effect of effects) this.#perform(service, election, effect, isNews);
    if (state !== before) this.#write(election);
    return effects;
  }

  #perform(service: string, election: Election, effect: RegistryEffect, isNews: boolean): void {
    switch (effect.type) {
      case "tell":
        if (effect.what === "leaderless") election.lostAtMs = performance.now();
        if (isNews) this.#publish(effect.what);
        this.#tell(service, election, effect.what);
        break;
      case "report-conflict":
        this.#tellConflict(service, election, effect.reason);
        break;
      default: // What was accepted or refused is the answer of the call.
    }
  }

  /**
   * Gateways hear of a new leader at once. That there is none they see themselves, so they are told when
   * an election has had its time, and usually of its outcome then: on a small machine both want the processor.
   */
  #publish(what: Told): void {
    const { onChange } = this.#options;
    if (what === "leaderless") setTimeout(onChange, successionMs).unref();
    else onChange();
  }

  #write({ files, registry }: Election): void {
    try {
      files.writeTerms(registry);
    } catch (error) {
      if (!ClusterError.is(error)) throw error; // The journal tells of a full disk.
    }
  }

  #tell(service: string, { registry }: Election, what: Told): void {
    const row = termRows(registry.reigns).at(-1);
    if (row === undefined) return;
    const { term, leader: instance, incarnation, leaderlessMs, ending } = row;
    const gap =
      leaderlessMs === null ? "" : `, after ${Math.round(leaderlessMs)} ms without a leader`;
    const says = {
      leader: `${instance} leads ${service} in term ${term}${gap}`,
      "handing-over": `${instance} hands ${service} over, term ${term}`,
      leaderless: `nobody leads ${service}: ${ending ?? "its leader is gone"}`,
    };
    this.#options.chronicle.record({
      type: `election.${what}`,
      severity: what === "leaderless" ? "warning" : "info",
      ...{ service, instance, incarnation, message: says[what], data: { ...row } },
    });
  }

  #tellConflict(service: string, election: Election, reason: string): void {
    const { term } = election.registry;
    if (election.conflictToldTerm === term) return; // It is repeated with every heartbeat.
    election.conflictToldTerm = term;
    this.#options.chronicle.record({
      type: "election.conflict",
      severity: "error",
      service,
      message: `two leaders of one term: ${reason}. The route stays where it is.`,
      data: { term },
    });
  }

  #tellDamage(service: string, error: ClusterError): void {
    this.#options.chronicle.record({
      type: "election.terms-lost",
      severity: "error",
      service,
      message: `${error.message} Terms begin anew with what the electors say next.`,
    });
  }

  #known({ registry }: Election): AcceptedLeader {
    return { term: registry.term, leader: registry.leader?.member ?? null };
  }

  #demand(service: string): Election {
    const election = this.#elections.get(service);
    if (election !== undefined) return election;
    throw new ClusterError("SERVICE_UNKNOWN", {
      message: `There is no elected service "${service}".`,
      details: { service, known: [...this.#elections.keys()] },
    });
  }
}
