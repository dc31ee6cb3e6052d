/**
 * Everything between the machine and the other members: the port where they ask, the links on which they
 * are asked, who is believed to have said what, and, if it is wanted, the members of the older protocol.
 *
 * It decides nothing. What comes in becomes an event of the machine, and what the machine wants sent is sent.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type {
  Answer,
  ElectionConfig,
  Event,
  LeaderRef,
  Message,
  Sender,
  State,
} from "@prunella/core/election";
import { instanceName } from "@prunella/core/kernel";
import type { Log, Unstamped } from "@prunella/driver";
import { Authenticator } from "./authentication/authenticator.ts";
import { OldMembers, oldBoot } from "./compat/old-members.ts";
import { prepareMs } from "./leader-duties.ts";
import type { MemberBook } from "./member-book.ts";
import { OpenRequests } from "./open-requests.ts";
import { type ElectionOptions, keysFrom } from "./options.ts";
import {
  ElectionServer,
  type OperatorCall,
  type Reply,
  sourcePaths,
} from "./peer/election-server.ts";
import type { From } from "./peer/envelope.ts";
import { PeerMesh } from "./peer/peer-mesh.ts";

export type TransportOptions = {
  readonly options: ElectionOptions;
  readonly config: ElectionConfig;
  readonly log: Log;
  readonly book: MemberBook;
  /** What this member says about itself in every envelope. */
  readonly from: () => From;
  readonly state: () => State;
  readonly leader: () => LeaderRef | undefined;
  readonly tell: (event: Unstamped<Event>) => void;
  readonly operate: (call: OperatorCall) => Promise<Reply>;
  readonly read: (request: IncomingMessage, response: ServerResponse, path: string) => boolean;
};

export class Transport implements AsyncDisposable {
  readonly #parts: TransportOptions;
  readonly #server: ElectionServer;
  readonly #mesh: PeerMesh;
  readonly #requests = new OpenRequests(prepareMs);
  readonly #old: OldMembers | undefined;
  #strangerCount = 0;
  #problemCount = 0;

  constructor(parts: TransportOptions) {
    this.#parts = parts;
    const { options, config, log } = parts;
    const keys = keysFrom(options.key, log);
    const identity = { cluster: options.cluster, id: options.self.id, boot: config.boot };
    const operatorKeys = keysFrom(options.operatorKey, log);
    const authenticator =
      keys === undefined ? undefined : new Authenticator({ identity, keys, operatorKeys });
    this.#mesh = this.#makeMesh(authenticator);
    this.#server = this.#makeServer(authenticator);
    this.#old = config.compat ? this.#makeOldMembers() : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#old?.[Symbol.dispose]();
    this.#requests.answerAll();
    this.#mesh[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }

  async listen(
    host: string,
    port: number,
  ): Promise<{ readonly host: string; readonly port: number }> {
    const bound = await this.#server.listen(host, port);
    return { host: bound.address, port: bound.port };
  }

  /** Keeps a link to each peer of the book. */
  follow(): void {
    this.#mesh.follow(this.#parts.book.peers);
  }

  /**
   * Announcements wait until all that this very moment allows has been begun: a leader that has just been
   * elected fences and serves first, and tells the others then.
   */
  send(to: string, message: Message): void {
    if (message.kind === "announce") setImmediate(() => this.#send(to, message));
    else this.#send(to, message);
  }

  #send(to: string, message: Message): void {
    if (this.#old !== undefined && this.#mesh.isOld(to)) void this.#old.send(to, message);
    else this.#mesh.send(to, message, this.#timeoutMs(message));
  }

  /** Resolves when whoever was told something until now has heard it, or cannot hear it. */
  async delivered(): Promise<void> {
    await this.#mesh.delivered();
  }

  /** Answers a question that the machine was told of. */
  reply(requestId: string, answer: Answer): void {
    this.#requests.answer(requestId, answer);
  }

  redial(id: string): void {
    this.#mesh.redial(id);
  }

  /** The process of this peer has ended: nobody is asked there for a moment. */
  rest(id: string): void {
    this.#mesh.rest(id);
  }

  /** What a peer last said about itself. */
  known(id: string): From | undefined {
    return this.#mesh.known(id);
  }

  /** True while a connection to it is open. */
  isWarm(id: string): boolean {
    return this.#mesh.isWarm(id);
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

  get counters(): Readonly<Record<string, number>> {
    return {
      prunella_election_strangers_total: this.#strangerCount,
      prunella_election_peer_problems_total: this.#problemCount,
      prunella_election_connections_evicted_total: this.#server.evictedCount,
      prunella_election_open_requests: this.#requests.size,
      prunella_election_warm_links: this.#mesh.warmCount,
    };
  }

  #makeMesh(authenticator: Authenticator | undefined): PeerMesh {
    const { options, config, log, from, tell } = this.#parts;
    return new PeerMesh({
      cluster: options.cluster,
      self: from,
      authenticator,
      onLink: (id, hint) => {
        const is = hint === "reopened" ? "open" : hint;
        tell({ type: "link", member: instanceName(id), is });
      },
      onAnswer: (who, answer) => tell({ type: "answered", from: signed(who), answer }),
      onOldPeer: config.compat
        ? (id, number) => log.debug("a member of the older protocol", { id, number })
        : undefined,
      onProblem: (id, problem) => {
        this.#problemCount += 1;
        log.debug("a peer gave no usable answer", { id, problem });
      },
    });
  }

  #makeServer(authenticator: Authenticator | undefined): ElectionServer {
    const { options, config, log, from, operate, read } = this.#parts;
    return new ElectionServer({
      cluster: options.cluster,
      self: options.self.id,
      authenticator,
      from,
      onMessage: (who, message) => {
        this.#mesh.heard(who);
        return this.#receive(signed(who), message);
      },
      onOperator: operate,
      onOldBody: config.compat ? (path, body) => this.#takeOld(path, body) : undefined,
      onRead: read,
      onStranger: (path) => {
        this.#strangerCount += 1;
        if (this.#strangerCount === 1) {
          log.warn("somebody without our key speaks to the election port", { path });
        }
      },
    });
  }

  #receive(from: Sender, message: Message): Promise<Answer | undefined> {
    return this.#requests.open((requestId) =>
      this.#parts.tell({ type: "received", from, requestId, message }),
    );
  }

  /** The machine judges answers by its own clock; this only ends what nobody will answer. */
  #timeoutMs({ kind }: Message): number {
    const { stickinessMs, inquiryMs, voteMs } = this.#parts.config.timing;
    if (kind === "prepare") return prepareMs;
    if (kind === "inquire") return 2 * inquiryMs;
    if (kind === "vote") return 4 * voteMs;
    return stickinessMs;
  }

  async #takeOld(path: string, body: string): Promise<Reply> {
    return (await this.#old?.take(path, body)) ?? { status: 404, body: {} };
  }

  #makeOldMembers(): OldMembers {
    const { config, book, state, leader, tell } = this.#parts;
    return new OldMembers({
      mesh: this.#mesh,
      number: book.ownNumber,
      heartbeatMs: config.timing.heartbeatMs,
      boot: config.boot,
      numberOf: (id) => book.numberOf(id),
      idOf: (number) => book.findByNumber(number)?.id,
      leader,
      openAttempt: () => {
        const { role, seen } = state();
        return role.at === "inquiring" ? { attempt: role.attempt, term: seen } : undefined;
      },
      termSeen: () => state().seen,
      voters: () => state().record.voters,
      receive: (id, message) => this.#receive(unsigned(id), message),
      answered: (id, answer) => tell({ type: "answered", from: unsigned(id), answer }),
    });
  }
}

function signed({ id, boot }: From): Sender {
  return { member: instanceName(id), boot, trust: "signed" };
}

/** A member of the older protocol, which has no lives and no signatures. */
function unsigned(id: string): Sender {
  return { member: instanceName(id), boot: oldBoot, trust: "compat" };
}
