/**
 * What the machine is told. `atMs` is a monotonic clock of this process; it never goes back, and no
 * two processes share it. The time of day is given once, to `start`, where it seeds numbers.
 */
import type { MemberId } from "../kernel/index.ts";
import type { Identity, Member } from "./member.ts";
import type { Answer, Message } from "./message.ts";

/** Who sent something, as far as the shell could verify it. */
export type Sender = Identity & {
  /** `signed`: a valid signature. `compat`: a member of the older protocol. `none`: anything else. */
  readonly trust: "signed" | "compat" | "none";
};

/** The one record of an arbiter: a Lease of Kubernetes, a row, a locked file. */
export type ArbiterRecord = {
  /** Undefined when nobody holds it: never written, or released. */
  readonly holder: Identity | undefined;
  readonly term: number;
  readonly leaseMs: number;
};

/** `version` is the store's own, and opaque; undefined when there is no record yet. */
export type VersionedRecord = {
  readonly version: string | undefined;
  readonly record: ArbiterRecord | undefined;
};

export type ArbiterOutcome =
  /** The answer to a read, or what a watch has seen. */
  | ({ readonly kind: "read" } & VersionedRecord)
  /** Written; `version` is the new one. */
  | { readonly kind: "written"; readonly version: string }
  /** Somebody else wrote first: not written, for certain. */
  | { readonly kind: "conflict" }
  /** Nobody knows whether it was written. */
  | { readonly kind: "failed" };

export type Event =
  /** Time has passed: told at `wakeAtMs`, and whenever the shell likes. */
  | { readonly type: "tick"; readonly atMs: number }
  /** `requestId` is the shell's, opaque; a `reply` effect that answers it carries the same. */
  | {
      readonly type: "received";
      readonly atMs: number;
      readonly from: Sender;
      readonly requestId: string;
      readonly message: Message;
    }
  | {
      readonly type: "answered";
      readonly atMs: number;
      readonly from: Sender;
      readonly answer: Answer;
    }
  /**
   * The connection to a member. `closed` is a hint (P1), answered by a `redial`; what came of that is
   * `open`, `refused` (P2: refused at the member's own address) or `silent` (no answer in time).
   */
  | {
      readonly type: "link";
      readonly atMs: number;
      readonly member: MemberId;
      readonly is: "open" | "closed" | "refused" | "silent";
    }
  /** Proof (P3) that this very process is gone: told by its supervisor, never by a guess. */
  | { readonly type: "exited"; readonly atMs: number; readonly process: Identity }
  /** The record `writeId`, and each one before it, survives a crash from now on. */
  | { readonly type: "persisted"; readonly atMs: number; readonly writeId: number }
  /** `askId` repeats the effect's; undefined for what a watch has seen. */
  | {
      readonly type: "arbiter-answered";
      readonly atMs: number;
      readonly askId: number | undefined;
      readonly outcome: ArbiterOutcome;
    }
  /** Leave the leadership: to a better moment, a named successor, or nobody in particular. */
  | {
      readonly type: "resign-asked";
      readonly atMs: number;
      readonly to: MemberId | undefined;
      readonly drainMs: number;
    }
  /** A person with the admin key wants this member to lead, whatever the rank. Still needs votes. */
  | { readonly type: "promote-asked"; readonly atMs: number }
  /** What the application says; each answers the effect of the same idea, or comes by itself. */
  | { readonly type: "app"; readonly atMs: number; readonly says: AppWord }
  /** The loop of this process, or its main thread, was not run for `lateMs`. */
  | { readonly type: "stalled"; readonly atMs: number; readonly lateMs: number }
  /** Who the members are now. Voters are wishes, which the leader fulfils one at a time. */
  | {
      readonly type: "members-changed";
      readonly atMs: number;
      readonly voters: readonly Member[];
      readonly observers: readonly Member[];
    }
  /** A person gives up what voters without memory have forgotten: the voters get a new version. */
  | { readonly type: "voters-reset"; readonly atMs: number };

export type AppWord =
  /** All fenced resources carry the token of this term. Answers `fence`. */
  | { readonly is: "fenced"; readonly term: number }
  /** Pools are open, caches warm: able to lead at once. Answers `prepare`. */
  | { readonly is: "ready" | "unready"; readonly term: number }
  /** No protected work is under way any more. Answers `drain`. */
  | { readonly is: "drained"; readonly term: number }
  /** Requests reach the new leader; closes the account of the failover. */
  | { readonly is: "exposed"; readonly term: number }
  /** A sick member neither leads nor defers others. */
  | { readonly is: "healthy" | "unhealthy" }
  /** The main thread makes no progress: a leader must not live on in its worker. */
  | { readonly is: "stuck" | "unstuck" }
  /** A busy leader refuses to be relieved by a better member. */
  | { readonly is: "busy" | "idle" }
  /** How fresh this member's data is; the freshest is preferred. */
  | { readonly is: "at-version"; readonly stateVersion: number };

/** The event of that name. */
export type Told<Type extends Event["type"]> = Extract<Event, { type: Type }>;
