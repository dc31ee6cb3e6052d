/**
 * One TCP connection of a client and the one to the member that serves it. Bytes are not interpreted.
 *
 * Nothing is read from the client before the member accepted, so a connect that fails can be made
 * good by a sibling: no byte was sent to anybody. Half-closes and back-pressure pass in both
 * directions (`pipe`), so each direction holds one buffer of the stream and no more. A connection that
 * breaks on one side is reset on the other: the end must not look clean.
 */
import { connect, type Socket } from "node:net";
import type { Member } from "../routing/member.ts";
import type { Service } from "../routing/service.ts";

export type TcpRelayOptions = {
  readonly client: Socket;
  readonly service: Service;
  /** The next member to try; undefined when nobody is left. */
  readonly choose: (tried: readonly Member[]) => Member | undefined;
  readonly triesMax: number;
  readonly connectMs: number;
  /** What a member gets before anything of the client, which is no traffic. */
  readonly header: Uint8Array | undefined;
  /** What the client has sent already. */
  readonly opening: Uint8Array | undefined;
  /** Instead of closing at once when there is nobody to connect to. */
  readonly refuse: (() => void) | undefined;
  /** It belongs to the leader of an elected service and ends with its term. */
  readonly followsLeader: boolean;
  readonly now: () => number;
  readonly onEnd: (relay: TcpRelay) => void;
};

/** A peer that vanished without a word is noticed after some multiples of this. */
const keepAliveMs = 30_000;

export class TcpRelay {
  readonly #options: Omit<TcpRelayOptions, "opening">;
  readonly #tried: Member[] = [];
  #member: Member | undefined;
  #upstream: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #connected = false;
  #term = 0;
  #opening: Uint8Array | undefined;
  #ended = false;
  /** Set while its member takes no new connections: when it is cut. */
  cutAtMs: number | undefined;

  constructor(options: TcpRelayOptions) {
    const { opening, ...others } = options;
    this.#opening = opening;
    this.#options = others;
  }

  get member(): Member | undefined {
    return this.#member;
  }

  /** One side has closed, and the other only has to take what is left. */
  get isEnding(): boolean {
    return this.#connected && (this.#upstream === undefined || this.#options.client.destroyed);
  }

  /** Its leader has been followed by another one, or by itself under a higher term. */
  get isOvertaken(): boolean {
    const { followsLeader, service } = this.#options;
    return followsLeader && this.#term < (service.leaderRoute?.term ?? 0);
  }

  start(): void {
    const { client } = this.#options;
    client.setKeepAlive(true, keepAliveMs);
    client.setNoDelay(true);
    client.on("error", ignore); // `close` follows.
    client.on("close", (broken: boolean) => this.#clientClosed(broken));
    this.#tryNext();
  }

  /** Ends both connections at once. */
  cut(): void {
    this.#options.client.resetAndDestroy();
    this.#finish();
  }

  #tryNext(): void {
    const { service, choose, triesMax, connectMs } = this.#options;
    const isOver = this.#tried.length >= triesMax;
    const member = isOver ? undefined : choose(this.#tried);
    if (member === undefined) {
      service.counters.tcp.add(this.#tried.length === 0 ? "no-member" : "connect-failed");
      this.#giveUp();
      return;
    }
    this.#tried.push(member);
    this.#term = service.leaderRoute?.term ?? 0;
    this.#member = member;
    service.began(member);
    const { host, port } = member;
    const upstream = connect({ host, port, noDelay: true, allowHalfOpen: true });
    this.#upstream = upstream;
    this.#timer = setTimeout(() => upstream.destroy(), connectMs);
    upstream.on("error", ignore);
    upstream.on("connect", () => this.#join(member, upstream));
    upstream.on("close", (broken: boolean) => this.#upstreamClosed(member, upstream, broken));
  }

  #join(member: Member, upstream: Socket): void {
    if (this.#ended) return;
    const { client, service } = this.#options;
    const { counters } = service;
    clearTimeout(this.#timer);
    this.#connected = true;
    member.connected();
    counters.tcp.add("relayed");
    upstream.setKeepAlive(true, keepAliveMs);
    this.#open(upstream);
    client.on("data", (bytes: Buffer) => {
      counters.tcpBytesIn += bytes.length;
    });
    upstream.on("data", (bytes: Buffer) => {
      counters.tcpBytesOut += bytes.length;
    });
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** What goes before the stream of the client, in one write. */
  #open(upstream: Socket): void {
    const { header, service } = this.#options;
    const opening = this.#opening;
    this.#opening = undefined;
    upstream.cork();
    if (header !== undefined) upstream.write(header);
    if (opening !== undefined) {
      service.counters.tcpBytesIn += opening.length;
      upstream.write(opening);
    }
    upstream.uncork();
  }

  #giveUp(): void {
    const { client, refuse } = this.#options;
    if (refuse === undefined || client.destroyed) {
      client.destroy();
      this.#finish();
      return;
    }
    this.#finish();
    refuse();
  }

  #upstreamClosed(member: Member, upstream: Socket, broken: boolean): void {
    if (this.#ended || upstream !== this.#upstream) return;
    if (!this.#connected) {
      clearTimeout(this.#timer);
      if (member.current) member.refused(this.#options.now());
      this.#release();
      this.#tryNext();
      return;
    }
    const { client } = this.#options;
    // A clean end has gone to the client with `end`; what it was not given yet still leaves.
    if (broken || !upstream.readableEnded) client.resetAndDestroy();
    if (client.destroyed) this.#finish();
    else this.#release();
  }

  #clientClosed(broken: boolean): void {
    if (this.#ended) return;
    const upstream = this.#upstream;
    const isClean = !broken && this.#connected && this.#options.client.readableEnded;
    if (!isClean && upstream !== undefined) {
      if (this.#connected) upstream.resetAndDestroy();
      else upstream.destroy();
    }
    if (upstream === undefined || upstream.destroyed) this.#finish();
  }

  /** The member is free of it. */
  #release(): void {
    const member = this.#member;
    this.#member = undefined;
    this.#upstream = undefined;
    if (member !== undefined) this.#options.service.ended(member);
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#upstream?.resetAndDestroy();
    this.#release();
    this.#options.onEnd(this);
  }
}

function ignore(): void {}
