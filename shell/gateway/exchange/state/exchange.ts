/**
 * One request with its response. The object belongs to a client connection and is reused; `begin`
 * sets every field, so nothing of the last exchange can leak into the next.
 */

import type { DivertedLabel } from "../../observation/service-counters.ts";
import { methodCode } from "../../parser/index.ts";
import type { Member } from "../../routing/member.ts";
import type { Service } from "../../routing/service.ts";
import { noBytes } from "../bytes/byte-queue.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

/** How the body of the request ends. */
export const requestBody = { none: 0, length: 1, chunked: 2 } as const;

export class Exchange {
  readonly client: ClientConnection;
  /** Stands in the line of a shared connection for one that has left: its answer is thrown away. */
  vacant = false;
  /** Grows with each request of the connection: an answer that comes late knows that it is late. */
  serial = 0;
  active = false;
  startedAtMs = 0;
  sentAtMs = 0;
  service: Service | undefined = undefined;
  /** Who has it now; counted in that member's in-flight. */
  member: Member | undefined = undefined;
  /** The last one that had it, for the log. */
  servedBy: Member | undefined = undefined;
  attempts = 0;
  upstream: UpstreamConnection | undefined = undefined;

  // The request.
  method: number = methodCode.other;
  idempotent = false;
  minorVersion = 1;
  /** The client lets the connection live after this exchange. */
  keepAlive = true;
  wantsUpgrade = false;
  /** 32 bits from the routing key. */
  hash = 0;
  /** The source's request id, for `seed-512`. */
  requestNumber = 0;
  bodyKind: number = requestBody.none;
  bodyLeft = 0;
  /** The request has come in completely. */
  bodyComplete = true;
  /** The member answered before the body was there: the rest is read and thrown away. */
  bodyDiscarded = false;
  bytesIn = 0;

  /** The head as it goes to a member, with the body behind it if that came along and is small. */
  wire: Buffer = noBytes;
  /** Body bytes behind `wire`, kept until the response begins. */
  readonly kept: Uint8Array[] = [];
  keptBytes = 0;
  /** `wire` and `kept` are everything that was received, so it can be sent again. */
  whole = true;
  /** Bytes went to a member. */
  sent = false;

  // Attempts.
  readonly tried: Member[] = [];
  retryCount = 0;
  connectCount = 0;
  /** Shares no connection (any more): RFC 9112, section 9.3.2. */
  alone = false;
  diverted: DivertedLabel | undefined = undefined;
  /** Waits for a member until then. */
  heldUntilMs = 0;
  isHeld = false;

  // Leader routes only.
  /** The term under which it was sent, or, by way of a follower, the one that the answer names. */
  term = 0;
  /** It has failed under the term before this one, and may not be sent again before. */
  termMin = 0;
  /** The leader that has it was overtaken, and may say until then that it never began; else 0. */
  lastWordUntilMs = 0;
  /** It was given to somebody who may pass it to a leader that we do not know. */
  asksFollower = false;
  /** Without news of a leader, followers are asked from then on; 0 until it waits. */
  askFollowersAtMs = 0;
  /** Where in `wire` the fields end: a line for the term goes there. */
  fieldsEndAt = 0;

  // The response.
  status = 0;
  /** A byte of the final response was given to the client: no retry any more (G9). */
  given = false;
  /** The end of the connection marks the end of the response. */
  closeDelimited = false;
  bytesOut = 0;
  reason: string | undefined = undefined;

  // For the access log; empty when there is none.
  methodText = "";
  target = "";
  requestId = "";
  clientAddress = "";

  constructor(client: ClientConnection) {
    this.client = client;
  }

  begin(nowMs: number): void {
    this.serial += 1;
    this.active = true;
    this.startedAtMs = nowMs;
    this.sentAtMs = nowMs;
    this.service = undefined;
    this.member = undefined;
    this.servedBy = undefined;
    this.attempts = 0;
    this.upstream = undefined;
    this.method = methodCode.other;
    this.idempotent = false;
    this.minorVersion = 1;
    this.keepAlive = true;
    this.wantsUpgrade = false;
    this.hash = 0;
    this.requestNumber = 0;
    this.bodyKind = requestBody.none;
    this.bodyLeft = 0;
    this.bodyComplete = true;
    this.bodyDiscarded = false;
    this.bytesIn = 0;
    this.wire = noBytes;
    this.whole = true;
    this.sent = false;
    this.retryCount = 0;
    this.connectCount = 0;
    this.alone = false;
    this.diverted = undefined;
    this.heldUntilMs = 0;
    this.isHeld = false;
    this.term = 0;
    this.termMin = 0;
    this.lastWordUntilMs = 0;
    this.asksFollower = false;
    this.askFollowersAtMs = 0;
    this.fieldsEndAt = 0;
    this.status = 0;
    this.given = false;
    this.closeDelimited = false;
    this.bytesOut = 0;
    this.reason = undefined;
    this.methodText = "";
    this.target = "";
    this.requestId = "";
    this.clientAddress = "";
    this.clearTried();
  }

  clearTried(): void {
    if (this.tried.length > 0) this.tried.length = 0;
  }

  hasTried(member: Member): boolean {
    return this.tried.length > 0 && this.tried.includes(member);
  }
}
