/**
 * One incarnation of an instance as the data path sees it: its connections, what is in flight, and
 * whether it stays out for a moment. A restart is a new object, so it starts clean; the old one
 * lives on until its last exchange has ended. Only the counts go on: a counter of a member must not
 * fall because the member was restarted.
 *
 * Staying out never touches the placement: when it is over, every key is back where it was.
 *   refused  A connect error: 200 ms, doubling to 5 s while it lasts.
 *   faults   Five (`ejectAfter`) resets, time-outs, framing faults or 5xx in a row: 1 s x 2^k with jitter, at most
 *            30 s; k falls by one for each clean minute.
 */
import type { MemberView } from "@prunella/wire/view";
import type { UpstreamConnection } from "../exchange/state/upstream-connection.ts";
import type { Limits } from "../limits.ts";
import type { MemberSnapshot } from "../observation/snapshot.ts";
import { Tally } from "../observation/tally.ts";

const refusedMsMin = 200;
const refusedMsMax = 5_000;
const ejectedMsMin = 1_000;
const ejectedMsMax = 30_000;
const cleanMs = 60_000;
const framingWindowMs = 60_000;
/**
 * After a framing fault: one misplaced byte on a shared connection is another client's answer. Twice as
 * long after each fault that was made when sharing had begun again, because each may have cost one.
 */
const shareAfterMs = 60_000;
const shareAfterMsMax = 3_600_000;

const faultLabels = ["connect", "reset", "late", "framing", "status"] as const;
export type FaultLabel = (typeof faultLabels)[number];

export class Member {
  view: MemberView;
  readonly host: string;
  readonly port: number;
  readonly isLocal: boolean;
  /** Index in the placement of its service; -1 when it is not placed. */
  place = -1;
  serving = false;
  /** When it began to serve; undefined before. */
  servingSinceMs: number | undefined = undefined;
  /** Until then it gets less than its share (`slow-start.ts`). */
  slowUntilMs = 0;
  /** False once a newer incarnation, or a view without it, has taken its place. */
  current = true;
  inFlight = 0;
  requests: number;
  /** Open or opening, idle ones included. */
  connectionCount = 0;
  /** Last in, first out: the top is warm and the tail ages out. */
  readonly idle: UpstreamConnection[] = [];
  /** The connection that has room for one more request of this turn. */
  gathering: UpstreamConnection | undefined = undefined;
  /** Shared connections whose answers are not all there. */
  linesUnderWay = 0;
  /** The last of them had all its answers within `upstreamGatherMs`. */
  answersSoon = false;
  /** Until then each request has a connection for itself. */
  shareAgainAtMs = 0;
  readonly faults: Tally<FaultLabel>;
  readonly ejections: Tally<"refused" | "faults">;

  refusedUntilMs = 0;
  #refusedMs = 0;
  ejectedUntilMs = 0;
  #ejectLevel = 0;
  #ejectedAtMs = 0;
  #faultsInRow = 0;
  #framingFaultAtMs = Number.NEGATIVE_INFINITY;
  #noSharingMs = 0;

  /** @param before - The incarnation that it replaces. */
  constructor(view: MemberView, before?: Member) {
    this.view = view;
    this.requests = before?.requests ?? 0;
    this.faults = before?.faults ?? new Tally(faultLabels);
    this.ejections = before?.ejections ?? new Tally(["refused", "faults"]);
    this.host = view.host;
    this.port = view.port;
    this.isLocal = isLoopback(view.host);
    this.serving = view.state === "serving";
  }

  /** True while the gateway itself keeps it out. */
  isOut(nowMs: number): boolean {
    return nowMs < this.refusedUntilMs || nowMs < this.ejectedUntilMs;
  }

  /** At its concurrency limit, or without a connection to have. */
  isFull(limits: Limits): boolean {
    if (this.inFlight >= limits.maxInFlight) return true;
    return this.connectionCount >= limits.upstreamConnectionsMax && this.idle.length === 0;
  }

  connected(): void {
    this.#refusedMs = 0;
    this.refusedUntilMs = 0;
  }

  refused(nowMs: number): void {
    this.faults.add("connect");
    if (nowMs < this.refusedUntilMs) return; // Its siblings in the same burst say nothing new.
    this.ejections.add("refused");
    this.#refusedMs =
      this.#refusedMs === 0 ? refusedMsMin : Math.min(2 * this.#refusedMs, refusedMsMax);
    this.refusedUntilMs = nowMs + this.#refusedMs;
  }

  /** A complete answer that is no fault. */
  succeeded(): void {
    this.#faultsInRow = 0;
  }

  /** True when this was one fault too many: the caller decides whether it may be put out. */
  faulted(label: FaultLabel, inRowMax: number): boolean {
    this.faults.add(label);
    this.#faultsInRow += 1;
    return inRowMax > 0 && this.#faultsInRow >= inRowMax;
  }

  /** @param luck - In [0, 1): spreads the returns of members that failed together. */
  eject(nowMs: number, luck: number): void {
    const cleanMinutes = Math.floor((nowMs - this.#ejectedAtMs) / cleanMs);
    this.#ejectLevel = Math.max(0, this.#ejectLevel - cleanMinutes);
    const restMs = Math.min(ejectedMsMin * 2 ** this.#ejectLevel, ejectedMsMax);
    this.ejectedUntilMs = nowMs + Math.min(restMs * (0.75 + luck / 2), ejectedMsMax);
    this.#ejectedAtMs = this.ejectedUntilMs;
    this.#ejectLevel = Math.min(this.#ejectLevel + 1, 5);
    this.#faultsInRow = 0;
    this.ejections.add("faults");
  }

  readmit(): void {
    this.ejectedUntilMs = 0;
    this.#faultsInRow = 0;
  }

  /**
   * Nothing is pipelined to it for a while, and longer each time. True when it is the second framing fault within a minute,
   * which somebody must hear of.
   */
  framingFaulted(nowMs: number): boolean {
    const again = nowMs - this.#framingFaultAtMs <= framingWindowMs;
    if (nowMs >= this.shareAgainAtMs) {
      this.#noSharingMs = Math.min(Math.max(shareAfterMs, 2 * this.#noSharingMs), shareAfterMsMax);
    }
    this.shareAgainAtMs = nowMs + this.#noSharingMs;
    this.#framingFaultAtMs = nowMs;
    return again;
  }

  snapshot(nowMs: number): MemberSnapshot {
    const { id, incarnation, state } = this.view;
    return {
      id,
      incarnation,
      address: `${this.host}:${this.port}`,
      state,
      inFlight: this.inFlight,
      idleConnections: this.idle.length,
      busyConnections: this.connectionCount - this.idle.length,
      ejected: this.#outBecause(nowMs),
      ejections: this.ejections.snapshot(),
      requests: this.requests,
      faults: this.faults.snapshot(),
    };
  }

  #outBecause(nowMs: number): "refused" | "faults" | undefined {
    if (nowMs < this.refusedUntilMs) return "refused";
    return nowMs < this.ejectedUntilMs ? "faults" : undefined;
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
