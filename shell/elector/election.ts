/**
 * An election as a program uses it: the machine of `core/election` on real time, with peers over HTTP, a
 * voter file, fences, and leadership as something to hold and to loop over.
 *
 * The machine decides everything. This file starts its surroundings, performs its effects and tells it
 * what came of them; `await` stands only where no decision waits for it.
 */
import { EventEmitter } from "node:events";
import type { RequestListener } from "node:http";
import type { HistoryRow, LeaderRef } from "@prunella/core/election";
import { ClusterError, instanceName } from "@prunella/core/kernel";
import { Bell, type Log } from "@prunella/driver";
import { complaints } from "./complaints.ts";
import { ElectionRun } from "./election-run.ts";
import type { Leadership } from "./leadership.ts";
import type { ElectionOptions } from "./options.ts";
import type { KnownMember } from "./peer/public-reads.ts";
import { leaderRoute } from "./web/leader-route.ts";

/** Whom a member follows. */
export type CurrentLeader = LeaderRef & {
  readonly isSelf: boolean;
  /** Where it serves its users, when it said so. */
  readonly web: { readonly host: string; readonly port: number } | undefined;
};

/** Told after the state has changed, in order. */
export type ElectionEvents = {
  /** This member leads. */
  leader: [leadership: Leadership];
  /** Somebody else leads, or nobody is known to. */
  follower: [leader: CurrentLeader | undefined];
  suspect: [about: { readonly leader: LeaderRef | undefined; readonly reason: string }];
  alarm: [about: { readonly alarm: string; readonly detail: string }];
};

export type ResignOptions = {
  /** Who should lead next. Default: the best successor that is ready. */
  readonly to?: string;
  /** How long work under way may take to end. Default 5,000. */
  readonly drainMs?: number;
};

const drainMsDefault = 5_000;
/** Beside the drain: two round trips, and the vote of the successor. */
const handoverMsMax = 10_000;

export class Election implements AsyncDisposable {
  readonly #options: ElectionOptions;
  readonly #log: Log;
  readonly #emitter = new EventEmitter<ElectionEvents>();
  readonly #changed = new Bell();
  readonly #stopped = new AbortController();
  #run: ElectionRun | undefined;

  /** @internal Use `createElection`. */
  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#log = options.log ?? complaints();
  }

  /**
   * Opens the election port and takes part from then on.
   *
   * @throws ClusterError `CONFIG_INVALID`, `ELECTION_KEY`, `PORT_TAKEN`, or what is wrong with the voter
   *   file: `STATE_LOCKED`, `STATE_CORRUPT`, `STATE_REFUSED`, `DISK_FULL`.
   */
  async start(): Promise<void> {
    if (this.#run !== undefined) return;
    this.#run = await ElectionRun.start(this.#options, this.#log, {
      led: (leadership) => this.#emitter.emit("leader", leadership),
      followed: (leader) => this.#emitter.emit("follower", leader),
      suspected: (about) => this.#emitter.emit("suspect", about),
      alarmed: (about) => this.#emitter.emit("alarm", about),
      changed: () => this.#changed.ring(),
    });
  }

  /**
   * Leaves the leadership if this member has it, and ends. Call it on SIGTERM.
   *
   * @param drainMs - How long work under way may take to end. Default 5,000.
   */
  async stop(drainMs = drainMsDefault): Promise<void> {
    const run = this.#run;
    if (run === undefined || this.#stopped.signal.aborted) return;
    if (this.#leads) await this.resign({ drainMs }).catch(ignoreNotLeader);
    this.#stopped.abort();
    await run[Symbol.asyncDispose]();
    this.#changed.ring();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  on<Name extends keyof ElectionEvents>(
    name: Name,
    listener: (...words: ElectionEvents[Name]) => void,
  ): this {
    // The emitter's own types cannot see that a generic name and its listener belong together.
    (this.#emitter as EventEmitter).on(name, listener as (...words: unknown[]) => void);
    return this;
  }

  /** Each leadership of this member, one after the other; ends with `stop`. */
  lead(): AsyncIterable<Leadership>;
  /**
   * The same with a function. It is called when this member leads, and not again before it has returned.
   * Resolves after `stop`; rejects with what the function throws, unless the leadership had ended.
   */
  lead(work: (leadership: Leadership) => void | Promise<void>): Promise<void>;
  lead(
    work?: (leadership: Leadership) => void | Promise<void>,
  ): AsyncIterable<Leadership> | Promise<void> {
    const each = this.#running.leaderships.each(this.#stopped.signal);
    return work === undefined ? each : leadEach(each, work);
  }

  /** Whom this member follows, itself included; undefined while nobody is known. */
  get current(): CurrentLeader | undefined {
    return this.#run?.current;
  }

  /** The leadership of this member, while it has one. */
  get leadership(): Leadership | undefined {
    return this.#run?.leaderships.current;
  }

  /** Everybody who takes part, this member included. */
  get members(): readonly KnownMember[] {
    return this.#run?.snapshot().members ?? [];
  }

  /** The last leaderships, oldest first. */
  history(): readonly HistoryRow[] {
    return this.#run?.history ?? [];
  }

  /** Why the leader is who it is, in sentences. */
  explain(): string {
    return this.#run?.explain() ?? "The election has not been started.";
  }

  /** Where the election port listens. */
  get address(): { readonly host: string; readonly port: number } {
    return this.#running.address;
  }

  /**
   * Hands the leadership over: the successor gets ready, work under way ends, then it leads. Resolves when
   * this member has stopped leading.
   *
   * @throws ClusterError `NOT_LEADER` when it does not lead.
   */
  async resign({ to, drainMs = drainMsDefault }: ResignOptions = {}): Promise<void> {
    const run = this.#running;
    const term = run.leaderships.current?.term;
    if (term === undefined) {
      throw new ClusterError("NOT_LEADER", {
        message: "This member does not lead, so there is nothing to resign.",
      });
    }
    run.tell({
      type: "resign-asked",
      to: to === undefined ? undefined : instanceName(to),
      drainMs,
    });
    const bound = AbortSignal.any([
      this.#stopped.signal,
      AbortSignal.timeout(drainMs + handoverMsMax),
    ]);
    await this.#changed.until(() => run.leaderships.current?.term !== term, bound);
  }

  /** What this program knows about itself: ill and busy members are passed over. */
  report(word: "healthy" | "unhealthy" | "busy" | "idle"): void {
    this.#running.tell({ type: "app", says: { is: word } });
  }

  /** How fresh this member's data is; the freshest member is preferred. */
  reportVersion(stateVersion: number): void {
    this.#running.tell({ type: "app", says: { is: "at-version", stateVersion } });
  }

  /** A listener for the web port: the leader serves, the others send its users there. */
  serve(listener: RequestListener): RequestListener {
    const route = leaderRoute(
      {
        followers: this.#options.followers ?? "proxy",
        leadership: () => this.leadership,
        leader: () => {
          const leader = this.current;
          if (leader === undefined || leader.isSelf) return undefined;
          return { id: leader.member, term: leader.term, web: leader.web };
        },
      },
      listener,
    );
    if (this.#options.compat !== true) return route;
    return (request, response) => {
      if (!this.#running.takesOnWeb(request)) return route(request, response);
      void this.#running.handle(request, response);
    };
  }

  get #leads(): boolean {
    return this.leadership !== undefined;
  }

  get #running(): ElectionRun {
    if (this.#run !== undefined) return this.#run;
    throw new ClusterError("CONFIG_INVALID", {
      message: "Start the election first: await election.start().",
    });
  }
}

/** One member of an election. Nothing happens before `start`. */
export function createElection(options: ElectionOptions): Election {
  return new Election(options);
}

async function leadEach(
  each: AsyncIterable<Leadership>,
  work: (leadership: Leadership) => void | Promise<void>,
): Promise<void> {
  for await (const leadership of each) {
    try {
      await work(leadership);
    } catch (error) {
      if (!leadership.signal.aborted) throw error; // Work that was cut off by the end may throw.
    }
  }
}

function ignoreNotLeader(error: unknown): void {
  const isOver = error instanceof Error && ["TimeoutError", "AbortError"].includes(error.name);
  if (!ClusterError.is(error, "NOT_LEADER") && !isOver) throw error;
}
