/**
 * One run of an election, from `start` to `stop`: the driver, and everything that it drives.
 *
 * The order of what a leader does when it ends is the order of the machine's effects: the leadership is
 * over here before anybody else hears of it.
 */
import { randomInt } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Effect,
  type ElectionConfig,
  type EndOfLeadership,
  type Event,
  explain,
  type HistoryRow,
  type LeaderRef,
  leadership,
  type State,
  start,
  step,
  wakeAtMs,
} from "@prunella/core/election";
import { instanceName } from "@prunella/core/kernel";
import { Driver, type Log, type Unstamped } from "@prunella/driver";
import { ArbiterPort } from "./arbiter/arbiter-port.ts";
import type { Discovery } from "./discovery/discovery.ts";
import type { CurrentLeader } from "./election.ts";
import { LeaderDuties } from "./leader-duties.ts";
import type { Leadership, Leaderships } from "./leadership.ts";
import { MemberBook } from "./member-book.ts";
import { operate } from "./operator-calls.ts";
import { configFrom, type ElectionOptions, isBootOf, newBoot, split } from "./options.ts";
import type { From } from "./peer/envelope.ts";
import { LoopWatch } from "./peer/loop-watch.ts";
import { PublicReads, type Snapshot } from "./peer/public-reads.ts";
import { printAddress, readAddress } from "./peer/web-address.ts";
import { type Performers, perform } from "./performing.ts";
import { RecordWriter } from "./record-writer.ts";
import { keepRehearsing } from "./rehearsal.ts";
import { snapshotOf } from "./snapshot.ts";
import { Transport } from "./transport.ts";
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
  readonly #transport: Transport;
  readonly #reads: PublicReads;
  readonly #writer: RecordWriter;
  readonly #arbiter: ArbiterPort | undefined;
  readonly #watch: LoopWatch;
  #stallCount = 0;
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
    this.#reads = new PublicReads({
      snapshot: () => this.snapshot(),
      history: () => this.history,
      explain: () => this.explain(),
      counters: () => this.#counters(),
    });
    this.#transport = this.#makeTransport();
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
    const { heartbeatMs } = config.timing;
    this.#watch = new LoopWatch(Math.max(10, heartbeatMs / 4), heartbeatMs, ({ jumpMs }) => {
      this.#stallCount += 1;
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
    const stated = isSelf ? this.#from().addr : this.#transport.known(leader.member)?.addr;
    return { ...leader, isSelf, web: readAddress(stated) };
  }

  get history(): readonly HistoryRow[] {
    return this.#driver.state.record.history;
  }

  explain(): string {
    return explain(this.#driver.state);
  }

  takesOnWeb(request: IncomingMessage): boolean {
    return this.#transport.takesOnWeb(request);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#transport.handle(request, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sayLastWords();
    this.#stopping.abort();
    this.#duties[Symbol.dispose]();
    await this.#driver[Symbol.asyncDispose]();
    this.#watch[Symbol.dispose]();
    this.#arbiter?.[Symbol.dispose]();
    this.#writer[Symbol.dispose]();
    this.#reads[Symbol.dispose]();
    await this.#transport[Symbol.asyncDispose]();
    await this.#voterFile?.[Symbol.asyncDispose]();
  }

  /** A resignation that nobody hears would look like a crash. */
  async #sayLastWords(): Promise<void> {
    if (this.#duties.count === 0 || this.leaderships.current !== undefined) return;
    this.tell({ type: "app", says: { is: "unhealthy" } }); // It has left, and is not to come back.
    const delivered = Promise.all([this.#transport.delivered(), this.#duties.delivered()]);
    await Promise.race([delivered, delay(lastWordsMsMax, undefined, { ref: false })]);
  }

  async #open(): Promise<void> {
    const own = this.#book.own;
    const { host, port } = this.#options.listen ?? own ?? { host: "127.0.0.1", port: 0 };
    this.#address = await this.#transport.listen(host, port);
    this.#transport.follow();
    const { discovery } = this.#options;
    if (discovery !== undefined) void this.#discover(discovery);
    this.tell({ type: "tick" });
    keepRehearsing(this.#stopping.signal);
  }

  async #discover(discovery: Discovery): Promise<void> {
    for await (const news of discovery.watch(this.#stopping.signal)) {
      if (news.type === "exit") this.#exited(news.id, news.incarnation, news.pid);
      else if (this.#book.take(news)) this.#membersChanged();
    }
  }

  #membersChanged(): void {
    const { members } = this.#book;
    this.#log.info("the members have changed", { members: members.map(({ id }) => id) });
    this.#transport.follow();
    this.tell({ type: "members-changed", ...split(members) });
  }

  /** Proof counts for the life that ended, and for no later one of the same name. */
  #exited(id: string, incarnation: number, pid: number): void {
    const boots = [
      this.#transport.known(id)?.boot,
      this.#leader?.member === id && this.#leader.boot,
    ];
    const boot = boots.find((one) => typeof one === "string" && isBootOf(one, incarnation, pid));
    if (typeof boot !== "string") return;
    if (boot === this.#transport.known(id)?.boot) this.#transport.rest(id);
    this.tell({ type: "exited", process: { member: instanceName(id), boot } });
  }

  #makeDriver(): Driver<State, Event, Effect> {
    const found = this.#voterFile?.found;
    const performers = this.#performers();
    const at = { atMs: performance.now(), wallMs: Date.now(), seed: randomInt(2 ** 32) };
    return new Driver<State, Event, Effect>({
      start: start(this.#config, found, at),
      step,
      wakeAtMs,
      tick: { type: "tick" },
      perform: (effect) => perform(effect, performers),
      log: this.#log,
      inboxMax: inboxMax,
    });
  }

  #makeTransport(): Transport {
    return new Transport({
      options: this.#options,
      config: this.#config,
      log: this.#log,
      book: this.#book,
      from: () => this.#from(),
      state: () => this.#driver.state,
      leader: () => this.#leader,
      tell: (event) => this.tell(event),
      operate: async (call) =>
        operate(call, this.leaderships.current?.term, (event) => this.tell(event)),
      read: (request, response, path) => this.#reads.answer(request, response, path),
    });
  }

  #performers(): Performers {
    return {
      transport: this.#transport,
      writer: this.#writer,
      arbiter: this.#arbiter,
      duties: this.#duties,
      lead: (term, token) => this.#lead(term, token),
      stepDown: (term, why) => this.#stepDown(term, why),
      follow: (leader) => this.#follow(leader),
      suspect: (leader, reason) => this.#listeners.suspected({ leader, reason }),
      alarm: (alarm, detail) => this.#alarm(alarm, detail),
    };
  }

  #lead(term: number, token: string): void {
    this.#leader = { member: this.#config.self, boot: this.#config.boot, term };
    this.#duties.lead(term, token);
    this.#changed();
  }

  #stepDown(term: number, why: EndOfLeadership): void {
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
      isHeard: (id) => id === this.#options.self.id || this.#transport.known(id) !== undefined,
      isConnected: (id) => id === this.#options.self.id || this.#transport.isWarm(id),
      loopDelayP99Ms: this.#watch.delayP99Ms,
    });
  }

  #counters(): Readonly<Record<string, number>> {
    return {
      prunella_election_leaderships_total: this.#duties.count,
      prunella_election_stalls_total: this.#stallCount,
      ...this.#transport.counters,
      prunella_election_vote_disk_failing: this.#writer.isFailing ? 1 : 0,
    };
  }
}

const inboxMax = 8_192;
/** Whoever has not heard by then hears it from the others, or from silence. */
const lastWordsMsMax = 250;
