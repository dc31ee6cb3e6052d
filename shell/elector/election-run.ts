/**
 * One run of an election, from `start` to `stop`: the driver, and everything that it drives.
 *
 * The order of what a leader does when it ends is the order of the machine's effects: the leadership is
 * over here before anybody else hears of it.
 */
import { randomInt } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type Answer,
  type Effect,
  type ElectionConfig,
  type Event,
  explain,
  type HistoryRow,
  type LeaderRef,
  leadership,
  type Message,
  type Sender,
  type State,
  start,
  step,
  wakeAtMs,
} from "@prunella/core/election";
import { instanceName, unreachable } from "@prunella/core/kernel";
import { Driver, type Log, type Unstamped } from "@prunella/driver";
import { ArbiterPort } from "./arbiter/arbiter-port.ts";
import { Authenticator } from "./authentication/authenticator.ts";
import { OldMembers, oldBoot } from "./compat/old-members.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { CurrentLeader } from "./election.ts";
import { LeaderDuties, prepareMs } from "./leader-duties.ts";
import type { Leadership, Leaderships } from "./leadership.ts";
import { MemberBook } from "./member-book.ts";
import { OpenRequests } from "./open-requests.ts";
import { configFrom, type ElectionOptions, isBootOf, keysFrom, newBoot, split } from "./options.ts";
import {
  ElectionServer,
  type OperatorCall,
  type Reply,
  sourcePaths,
} from "./peer/election-server.ts";
import type { From } from "./peer/envelope.ts";
import { LoopWatch } from "./peer/loop-watch.ts";
import { PeerMesh } from "./peer/peer-mesh.ts";
import { PublicReads, type Snapshot } from "./peer/public-reads.ts";
import { printAddress, readAddress } from "./peer/web-address.ts";
import { RecordWriter } from "./record-writer.ts";
import { snapshotOf } from "./snapshot.ts";
import { VoterFile } from "./voter-file.ts";

/** Who listens to a run. */
export type RunListeners = {
  readonly led: (leadership: Leadership) => void;
  readonly followed: (leader: CurrentLeader | undefined) => void;
  readonly suspected: (about: {
    readonly leader: LeaderRef | undefined;
    readonly reason: string;
  }) => void;
  readonly alarmed: (about: { readonly alarm: string; readonly detail: string }) => void;
  readonly changed: () => void;
};

export class ElectionRun implements AsyncDisposable {
  readonly #duties: LeaderDuties;
  readonly #options: ElectionOptions;
  readonly #config: ElectionConfig;
  readonly #log: Log;
  readonly #listeners: RunListeners;
  readonly #stopping = new AbortController();
  readonly #book: MemberBook;
  readonly #voterFile: VoterFile | undefined;
  readonly #driver: Driver<State, Event, Effect>;
  readonly #server: ElectionServer;
  readonly #mesh: PeerMesh;
  readonly #reads: PublicReads;
  readonly #requests: OpenRequests;
  readonly #writer: RecordWriter;
  readonly #arbiter: ArbiterPort | undefined;
  readonly #old: OldMembers | undefined;
  readonly #watch: LoopWatch;
  readonly #counts = { strangers: 0, problems: 0, stalls: 0 };
  #address = { host: "", port: 0 };
  #leader: LeaderRef | undefined;

  static async start(
    options: ElectionOptions,
    log: Log,
    listeners: RunListeners,
  ): Promise<ElectionRun> {
    const boot = newBoot(options.self.incarnation);
    const config = configFrom(options, boot);
    const voterFile =
      options.folder === undefined ? undefined : await VoterFile.open(options.folder);
    try {
      const run = new ElectionRun({ options, config, log, listeners, voterFile });
      await run.#open();
      return run;
    } catch (error) {
      await voterFile?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(parts: {
    readonly options: ElectionOptions;
    readonly config: ElectionConfig;
    readonly log: Log;
    readonly listeners: RunListeners;
    readonly voterFile: VoterFile | undefined;
  }) {
    const { options, config, log } = parts;
    this.#options = options;
    this.#config = config;
    this.#log = log;
    this.#listeners = parts.listeners;
    this.#voterFile = parts.voterFile;
    this.#book = new MemberBook(options.self.id, options.members);
    this.#duties = new LeaderDuties({
      options,
      log,
      holds: (term) => this.#holds(term),
      say: (says) => this.tell({ type: "app", says }),
      history: () => this.history,
      led: parts.listeners.led,
    });
    this.#requests = new OpenRequests(prepareMs);
    const keys = keysFrom(options.key, log);
    const identity = { cluster: options.cluster, id: options.self.id, boot: config.boot };
    const operatorKeys = keysFrom(options.operatorKey, log);
    const authenticator =
      keys === undefined ? undefined : new Authenticator({ identity, keys, operatorKeys });
    this.#mesh = this.#makeMesh(authenticator);
    this.#server = this.#makeServer(authenticator);
    this.#reads = new PublicReads({
      snapshot: () => this.snapshot(),
      history: () => this.history,
      explain: () => this.explain(),
      counters: () => this.#counters(),
    });
    const persisted = (writeId: number): void => this.tell({ type: "persisted", writeId });
    this.#writer = new RecordWriter(this.#voterFile, persisted, log);
    this.#arbiter =
      options.arbiter === undefined
        ? undefined
        : new ArbiterPort(
            options.arbiter,
            (askId, outcome) => this.tell({ type: "arbiter-answered", askId, outcome }),
            log,
          );
    this.#driver = this.#makeDriver();
    this.#old = config.compat ? this.#makeOldMembers() : undefined;
    const { heartbeatMs } = config.timing;
    this.#watch = new LoopWatch(Math.max(10, heartbeatMs / 4), heartbeatMs, ({ jumpMs }) => {
      this.#counts.stalls += 1;
      this.tell({ type: "stalled", lateMs: jumpMs });
    });
  }

  tell(event: Unstamped<Event>): void {
    this.#driver.tell(event);
  }

  get leaderships(): Leaderships {
    return this.#duties.leaderships;
  }

  get address(): { readonly host: string; readonly port: number } {
    return this.#address;
  }

  get current(): CurrentLeader | undefined {
    const leader = this.#leader;
    if (leader === undefined) return undefined;
    const isSelf = leader.member === this.#config.self;
    const stated = isSelf ? this.#from().addr : this.#mesh.known(leader.member)?.addr;
    return { ...leader, isSelf, web: readAddress(stated) };
  }

  get history(): readonly HistoryRow[] {
    return this.#driver.state.record.history;
  }

  explain(): string {
    return explain(this.#driver.state);
  }

  /** True for what the older protocol asks on the web port. */
  takesOnWeb({ method, url = "/" }: IncomingMessage): boolean {
    const path = url.split("?", 1)[0] ?? "/";
    if (method === "POST") return sourcePaths.has(path);
    return method === "GET" && (path === "/pod_id" || path === "/election_ongoing");
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#server.handle(request, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#duties[Symbol.dispose]();
    await this.#driver[Symbol.asyncDispose]();
    this.#watch[Symbol.dispose]();
    this.#old?.[Symbol.dispose]();
    this.#arbiter?.[Symbol.dispose]();
    this.#writer[Symbol.dispose]();
    this.#requests.answerAll();
    this.#reads[Symbol.dispose]();
    this.#mesh[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
    await this.#voterFile?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<void> {
    const own = this.#book.own;
    const { host, port } = this.#options.listen ?? own ?? { host: "127.0.0.1", port: 0 };
    const bound = await this.#server.listen(host, port);
    this.#address = { host: bound.address, port: bound.port };
    this.#mesh.follow(this.#book.peers);
    const { discovery } = this.#options;
    if (discovery !== undefined) void this.#discover(discovery);
    this.tell({ type: "tick" });
  }

  async #discover(discovery: Discovery): Promise<void> {
    for await (const news of discovery.watch(this.#stopping.signal)) {
      if (news.type === "exit") this.#exited(news.id, news.incarnation, news.pid);
      else if (this.#book.take(news)) this.#membersChanged();
    }
  }

  #membersChanged(): void {
    const { members, peers } = this.#book;
    this.#log.info("the members have changed", { members: members.map(({ id }) => id) });
    this.#mesh.follow(peers);
    this.tell({ type: "members-changed", ...split(members) });
  }

  /** Proof counts for the life that ended, and for no later one of the same name. */
  #exited(id: string, incarnation: number, pid: number): void {
    const boots = [this.#mesh.known(id)?.boot, this.#leader?.member === id && this.#leader.boot];
    const boot = boots.find((one) => typeof one === "string" && isBootOf(one, incarnation, pid));
    if (typeof boot !== "string") return;
    this.tell({ type: "exited", process: { member: instanceName(id), boot } });
  }

  #makeDriver(): Driver<State, Event, Effect> {
    const found = this.#voterFile?.found;
    const at = { atMs: performance.now(), wallMs: Date.now(), seed: randomInt(2 ** 32) };
    return new Driver<State, Event, Effect>({
      start: start(this.#config, found, at),
      step,
      wakeAtMs,
      tick: { type: "tick" },
      perform: (effect) => this.#perform(effect),
      log: this.#log,
      inboxMax: inboxMax,
    });
  }

  #makeMesh(authenticator: Authenticator | undefined): PeerMesh {
    return new PeerMesh({
      cluster: this.#options.cluster,
      self: () => this.#from(),
      authenticator,
      onLink: (id, hint) => {
        const is = hint === "reopened" ? "open" : hint;
        this.tell({ type: "link", member: instanceName(id), is });
      },
      onAnswer: (from, answer) => this.tell({ type: "answered", from: signed(from), answer }),
      onOldPeer: this.#config.compat
        ? (id, number) => this.#log.debug("a member of the older protocol", { id, number })
        : undefined,
      onProblem: (id, problem) => {
        this.#counts.problems += 1;
        this.#log.debug("a peer gave no usable answer", { id, problem });
      },
    });
  }

  #makeServer(authenticator: Authenticator | undefined): ElectionServer {
    return new ElectionServer({
      cluster: this.#options.cluster,
      self: this.#options.self.id,
      authenticator,
      from: () => this.#from(),
      onMessage: (from, message) => {
        this.#mesh.heard(from);
        return this.#receive(signed(from), message);
      },
      onOperator: (call) => this.#operate(call),
      onOldBody: this.#config.compat ? (path, body) => this.#takeOld(path, body) : undefined,
      onRead: (request, response, path) => this.#reads.answer(request, response, path),
      onStranger: (path) => {
        this.#counts.strangers += 1;
        if (this.#counts.strangers === 1) {
          this.#log.warn("somebody without our key speaks to the election port", { path });
        }
      },
    });
  }

  #receive(from: Sender, message: Message): Promise<Answer | undefined> {
    return this.#requests.open((requestId) =>
      this.tell({ type: "received", from, requestId, message }),
    );
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "send":
        this.#send(effect.to, effect.message);
        return;
      case "reply":
        this.#requests.answer(effect.requestId, effect.answer);
        return;
      case "persist":
        this.#writer.write(effect.writeId, effect.record);
        return;
      case "redial":
        this.#mesh.redial(effect.member);
        return;
      case "arbiter-read":
        this.#arbiter?.read(effect.askId);
        return;
      case "arbiter-swap":
        this.#arbiter?.swap(effect.askId, effect.expected, effect.record);
        return;
      case "fence":
        void this.#duties.fence(effect.term, effect.token);
        return;
      case "lead":
        this.#lead(effect.term, effect.token);
        return;
      case "drain":
        void this.#duties.drain(effect.term, effect.boundMs);
        return;
      case "step-down":
        this.#stepDown(effect.term, effect.why);
        return;
      case "prepare":
        void this.#duties.prepare(effect.term);
        return;
      case "follow":
        this.#follow(effect.leader);
        return;
      case "suspect":
        this.#listeners.suspected({ leader: effect.leader, reason: effect.reason });
        return;
      case "record":
        this.#duties.report("leading");
        return;
      case "alarm":
        this.#alarm(effect.alarm, effect.detail);
        return;
      default:
        unreachable(effect);
    }
  }

  #send(to: string, message: Message): void {
    if (this.#old !== undefined && this.#mesh.isOld(to)) void this.#old.send(to, message);
    else this.#mesh.send(to, message, this.#timeoutMs(message));
  }

  /** The machine judges answers by its own clock; this only ends what nobody will answer. */
  #timeoutMs({ kind }: Message): number {
    const { stickinessMs, inquiryMs, voteMs } = this.#config.timing;
    if (kind === "prepare") return prepareMs;
    if (kind === "inquire") return 2 * inquiryMs;
    if (kind === "vote") return 4 * voteMs;
    return stickinessMs;
  }

  #lead(term: number, token: string): void {
    this.#leader = { member: this.#config.self, boot: this.#config.boot, term };
    this.#duties.lead(term, token);
    this.#changed();
  }

  #stepDown(term: number, why: string): void {
    this.#duties.stepDown(term, why);
    this.#changed();
  }

  #follow(leader: LeaderRef | undefined): void {
    this.#leader = leader;
    this.#log.info("the leader has changed", { leader: leader?.member, term: leader?.term });
    if (leader?.member !== this.#config.self) this.#listeners.followed(this.current);
    this.#changed();
  }

  #alarm(alarm: string, detail: string): void {
    this.#log.warn("the election raises an alarm", { alarm, detail });
    this.#listeners.alarmed({ alarm, detail });
  }

  #changed(): void {
    this.#reads.changed();
    this.#listeners.changed();
  }

  async #operate(call: OperatorCall): Promise<Reply> {
    if (call.type === "promote") {
      this.tell({ type: "promote-asked" });
      return { status: 202, body: { accepted: true } };
    }
    const term = this.leaderships.current?.term;
    if (term === undefined) {
      return {
        status: 409,
        body: { error: { code: "NOT_LEADER", message: "This member does not lead." } },
      };
    }
    const to = call.to === undefined ? undefined : instanceName(call.to);
    this.tell({ type: "resign-asked", to, drainMs: call.drainMs });
    return { status: 202, body: { accepted: true, term } };
  }

  async #takeOld(path: string, body: string): Promise<Reply> {
    return (await this.#old?.take(path, body)) ?? { status: 404, body: {} };
  }

  #makeOldMembers(): OldMembers {
    return new OldMembers({
      mesh: this.#mesh,
      number: this.#book.ownNumber,
      heartbeatMs: this.#config.timing.heartbeatMs,
      boot: this.#config.boot,
      numberOf: (id) => this.#book.numberOf(id),
      idOf: (number) => this.#book.findByNumber(number)?.id,
      leader: () => this.#leader,
      openAttempt: () => {
        const { role, seen } = this.#driver.state;
        return role.at === "inquiring" ? { attempt: role.attempt, term: seen } : undefined;
      },
      termSeen: () => this.#driver.state.seen,
      voters: () => this.#driver.state.record.voters,
      receive: (id, message) =>
        this.#receive({ member: instanceName(id), boot: oldBoot, trust: "compat" }, message),
      answered: (id, answer) =>
        this.tell({
          type: "answered",
          from: { member: instanceName(id), boot: oldBoot, trust: "compat" },
          answer,
        }),
    });
  }

  /** X1: by the clock, on every call. */
  #holds(term: number): boolean {
    return leadership(this.#driver.state, performance.now())?.term === term;
  }

  #from(): From {
    const { id, web } = this.#options.self;
    const { boot } = this.#config;
    return web === undefined ? { id, boot } : { id, boot, addr: printAddress(web) };
  }

  snapshot(): Snapshot {
    return snapshotOf({
      id: this.#options.self.id,
      number: this.#book.ownNumber,
      config: this.#config,
      state: this.#driver.state,
      isLeading: this.leaderships.current !== undefined,
      current: this.current,
      members: this.#book.members,
      isHeard: (id) => id === this.#options.self.id || this.#mesh.known(id) !== undefined,
      isConnected: (id) => id === this.#options.self.id || this.#mesh.isWarm(id),
      loopDelayP99Ms: this.#watch.delayP99Ms,
    });
  }

  #counters(): Readonly<Record<string, number>> {
    return {
      prunella_election_leaderships_total: this.#duties.count,
      prunella_election_strangers_total: this.#counts.strangers,
      prunella_election_peer_problems_total: this.#counts.problems,
      prunella_election_stalls_total: this.#counts.stalls,
      prunella_election_connections_evicted_total: this.#server.evictedCount,
      prunella_election_open_requests: this.#requests.size,
      prunella_election_warm_links: this.#mesh.warmCount,
      prunella_election_vote_disk_failing: this.#writer.isFailing ? 1 : 0,
    };
  }
}

const inboxMax = 8_192;

function signed({ id, boot }: From): Sender {
  return { member: instanceName(id), boot, trust: "signed" };
}
