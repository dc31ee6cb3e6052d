/**
 * What the core keeps per connection to a member. Fields only, each with one type for life; the
 * rules that move them are in `upstream-pool.ts` and `response-relay.ts`.
 */

import type { LocalAnswer } from "../../load-balancer/local-endpoint.ts";
import { ChunkScanner, ResponseHead } from "../../parser/index.ts";
import type { Member } from "../../routing/member.ts";
import type { Service } from "../../routing/service.ts";
import { GrowingBytes } from "../bytes/byte-queue.ts";
import type { Exchange } from "./exchange.ts";
import { endedLink, type Link } from "./transport.ts";

export const upstreamPhase = {
  connecting: 0,
  idle: 1,
  /** Waits for a response head, or for the rest of one. */
  head: 2,
  body: 3,
  tunnel: 4,
  closed: 5,
  /** Was idle, and collects requests of this turn that leave as one write (`pipeline.ts`). */
  gathering: 6,
} as const;

/** What to do with the bytes of a response body. */
export const bodyRoute = {
  stream: 0,
  /** Collected behind the head until it is whole. */
  hold: 1,
  /** An untold length for an HTTP/1.1 client: each piece becomes a chunk. */
  wrap: 2,
  /** The client gets another answer: the bytes are only counted. */
  discard: 3,
} as const;

export class UpstreamConnection {
  readonly service: Service;
  readonly member: Member;
  link: Link = endedLink;
  phase: number = upstreamPhase.connecting;
  exchange: Exchange | undefined = undefined;
  /** Those whose answers come behind that of `exchange`, in this order; before the write, all. */
  readonly line: Exchange[] = [];
  /** The line waits for the write no longer than until then. */
  gatherUntilMs = 0;
  /** Counted in `linesUnderWay` of its member since then. */
  isUnderWay = false;
  lineSentAtMs = 0;
  /** The current exchange was sent behind another one. */
  follows = false;
  /** Its last answer was small, so the next requests may go out together. */
  shareable = false;
  /** Exchanges begun on it; above 1 it was reused. */
  useCount = 0;
  lastUsedAtMs = 0;
  idleUntilMs = 0;
  connectUntilMs = 0;
  /** The peer does not take our bytes: wait for `drained`. */
  blocked = false;
  /** We do not read, because the client does not. */
  paused = false;
  /** The peer sent FIN. */
  ended = false;
  /** Its bytes land here while it streams, else in the buffer that all share (`read-buffer.ts`). */
  ownBuffer: Buffer | undefined = undefined;
  /** A view of that buffer may wait in a socket: the next bytes need another one. */
  lent = false;

  /** A head that came in pieces; made on first need. */
  ownHead: ResponseHead | undefined = undefined;
  readonly headBytes = new GrowingBytes();
  interimCount = 0;
  /** A byte of the response has arrived. */
  begun = false;

  bodyKind = 0;
  bodyRoute: number = bodyRoute.stream;
  /** Bytes still to come of a body with a length. */
  bodyLeft = 0;
  /** Of the piece at hand: where the body ends in it, and whether it is complete. */
  takenTo = 0;
  /** Of the piece at hand: where the next answer of the line begins; its length when there is none. */
  nextAt = 0;
  bodyDone = false;
  scanner: ChunkScanner | undefined = undefined;
  keepAlive = true;
  keepAliveSeconds = -1;
  /** Head and body of a held response; filled up to `heldAt`. */
  held: Buffer | undefined = undefined;
  heldAt = 0;
  discardedBytes = 0;
  /** What the client gets instead. */
  replacement: LocalAnswer | undefined = undefined;

  constructor(service: Service, member: Member) {
    this.service = service;
    this.member = member;
  }

  beginExchange(exchange: Exchange): void {
    this.exchange = exchange;
    this.phase = upstreamPhase.head;
    this.useCount += 1;
    this.follows = false;
    this.headBytes.clear();
    this.interimCount = 0;
    this.begun = false;
    this.held = undefined;
    this.replacement = undefined;
    this.discardedBytes = 0;
  }

  headOfItsOwn(): ResponseHead {
    this.ownHead ??= new ResponseHead();
    return this.ownHead;
  }

  scannerOfItsOwn(): ChunkScanner {
    this.scanner ??= new ChunkScanner();
    return this.scanner;
  }
}
