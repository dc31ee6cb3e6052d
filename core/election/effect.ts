/**
 * What the machine asks for, in order. Effects of one step are performed one after the other, so that
 * a leader has stopped working before anybody hears that it stepped down.
 *
 * Nothing that depends on a record leaves before the record is on disk: the machine keeps it back
 * until `persisted` and then looks again whether it is still true. The shell has to write only.
 */
import type { MemberId } from "../kernel/index.ts";
import type { DurableRecord } from "./durable-record.ts";
import type { ArbiterRecord } from "./event.ts";
import type { EndOfLeadership, HistoryRow } from "./history.ts";
import type { Answer, LeaderRef, Message, Reason } from "./message.ts";

export type Alarm =
  | "duplicate-name" // Two living processes use one name: neither leads.
  | "term-ahead" // A term more than a day ahead of this clock.
  | "term-malformed" // A term that no honest clock can have made: ignored.
  | "second-leader" // Two processes announced the same term: the second is ignored.
  | "unsigned" // Something without a valid signature: ignored.
  | "held-overflow" // The disk is so slow that an answer was dropped.
  | "recovering"; // This voter has lost its memory and cannot vote yet.

export type Effect =
  /** Fire and forget. Its answer, if it has one, is an `answered` event. */
  | { readonly type: "send"; readonly to: MemberId; readonly message: Message }
  /** Answers the `received` event of that request. */
  | { readonly type: "reply"; readonly requestId: string; readonly answer: Answer }
  /** Append and sync; answered by `persisted`. A newer record may replace one still waiting. */
  | { readonly type: "persist"; readonly writeId: number; readonly record: DurableRecord }
  /** Connect once more, with a short time-out, on a fresh socket; answered by `link`. */
  | { readonly type: "redial"; readonly member: MemberId }
  | { readonly type: "arbiter-read"; readonly askId: number }
  /** Write the record if its version is still `expected` (undefined: if there is none). */
  | {
      readonly type: "arbiter-swap";
      readonly askId: number;
      readonly expected: string | undefined;
      readonly record: ArbiterRecord;
    }
  /** Elected, not serving yet: write the token to every fenced resource; answered by `fenced`. */
  | { readonly type: "fence"; readonly term: number; readonly token: string }
  /** Serve. Protected work asks `leadership(state, nowMs)` on each call, not this effect. */
  | {
      readonly type: "lead";
      readonly term: number;
      readonly token: string;
      readonly leaseUntilMs: number;
    }
  /** Take no more protected work, wait for the rest; answered by `drained`, at most `boundMs` later. */
  | { readonly type: "drain"; readonly term: number; readonly boundMs: number }
  /** No longer leads, now: abort the work, close the clients' connections, withdraw the exposure. */
  | { readonly type: "step-down"; readonly term: number; readonly why: EndOfLeadership }
  /** Get ready to lead; answered by `ready` or `unready`. */
  | { readonly type: "prepare"; readonly term: number }
  /** Whom this member follows now; undefined while nobody is known. */
  | { readonly type: "follow"; readonly leader: LeaderRef | undefined }
  | { readonly type: "suspect"; readonly leader: LeaderRef | undefined; readonly reason: Reason }
  /** One leadership was added to, or completed in, the history. */
  | { readonly type: "record"; readonly row: HistoryRow }
  | { readonly type: "alarm"; readonly alarm: Alarm; readonly detail: string };
