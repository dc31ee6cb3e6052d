/**
 * What the core keeps per client connection. Fields only; `request-intake.ts` and the relays move
 * them. A connection serves one request at a time, so its one exchange object is reused.
 */

import { ChunkScanner, RequestHead, type RequestLimits } from "../../parser/index.ts";
import { GrowingBytes } from "../bytes/byte-queue.ts";
import { Exchange } from "./exchange.ts";
import { endedLink, type Link } from "./transport.ts";

export const clientPhase = {
  /** Idle, or in the middle of a request head. */
  head: 0,
  exchange: 1,
  /** The gateway answers itself: the body is being collected, or the answer is being made. */
  local: 2,
  tunnel: 3,
  /** Answered for the last time: what still comes is discarded. */
  linger: 4,
  closed: 5,
} as const;

/** Which bound the deadline of a connection stands for. */
export const deadline = {
  firstByte: 0,
  idle: 1,
  head: 2,
  /** The client sends its body. */
  body: 3,
  /** The member owes a response head. */
  response: 4,
  /** The member owes the rest of the body. */
  stream: 5,
  /** The client owes reading. */
  slowReader: 6,
  linger: 7,
  tunnel: 8,
  tunnelDrain: 9,
  local: 10,
} as const;

/** Why we do not read from a client; reasons add up. */
export const pauseFor = { pending: 1, upstream: 2, kept: 4, buffers: 8, discarded: 16 } as const;

export class ClientConnection {
  link: Link = endedLink;
  readonly address: string;
  readonly isTrusted: boolean;
  /** Via, X-Forwarded-For and X-Forwarded-Proto of this peer. */
  readonly forwarded: Buffer;
  limits: RequestLimits;
  /** Place in the list of all connections. */
  index = -1;

  phase: number = clientPhase.head;
  deadlineMs = 0;
  deadlineFor: number = deadline.firstByte;
  pauses = 0;
  /** The client does not take our bytes: wait for `drained`. */
  blocked = false;
  /** The client sent FIN. */
  ended = false;
  requestCount = 0;
  idleSinceMs: number;

  /** A head that comes in pieces; the object is made on first need. */
  ownHead: RequestHead | undefined = undefined;
  readonly headBytes = new GrowingBytes();
  /** When the first byte of the current head came. */
  headSinceMs = 0;
  /** Bytes of later requests. */
  readonly pending = new GrowingBytes();
  lingerBytes = 0;
  /** Lingering was extended because the client still takes the answer. */
  slowLinger = false;
  scanner: ChunkScanner | undefined = undefined;

  readonly exchange: Exchange = new Exchange(this);

  constructor(
    address: string,
    isTrusted: boolean,
    forwarded: Buffer,
    limits: RequestLimits,
    nowMs: number,
  ) {
    this.address = address;
    this.isTrusted = isTrusted;
    this.forwarded = forwarded;
    this.limits = limits;
    this.idleSinceMs = nowMs;
  }

  wait(untilMs: number, what: number): void {
    this.deadlineMs = untilMs;
    this.deadlineFor = what;
  }

  pause(why: number): void {
    if (this.pauses === 0) this.link.pause();
    this.pauses |= why;
  }

  resume(why: number): void {
    if (this.pauses === 0) return;
    this.pauses &= ~why;
    if (this.pauses === 0) this.link.resume();
  }

  headOfItsOwn(): RequestHead {
    this.ownHead ??= new RequestHead();
    return this.ownHead;
  }

  scannerOfItsOwn(): ChunkScanner {
    this.scanner ??= new ChunkScanner();
    return this.scanner;
  }
}
