/**
 * The HTTP data path as one object: listeners in front, instances behind, a view that says which.
 * It decides nothing about health or scale; it obeys the view and reports what it saw.
 */
import type { ServiceName } from "@prunella/core/kernel";
import type { View } from "@prunella/wire/view";
import type { AccessEntry } from "./access-entry.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { LocalEndpoints } from "./local-endpoint.ts";
import type { DataPathSnapshot } from "./snapshot.ts";

/** Something that a person or the agent should hear of; rate-limited by the data path. */
export type DataPathFact = {
  readonly type:
    | "framing-fault" // A member sent bytes that belong to no response, twice within 60 s.
    | "fail-open" // More members look bad than may be ejected: all are admitted.
    | "emptied" // A view left a service without a serving member.
    | "view-invalid"; // A service of the view cannot be placed; its old placement stays.
  readonly service: ServiceName;
  readonly member: string | undefined;
  readonly message: string;
};

export type DataPathOptions = {
  /** Names the gateway in `Via`. */
  readonly cluster: string;
  readonly limits?: Partial<Limits>;
  /** Addresses (exact, IPv4 or IPv6) whose forwarding fields and request ids are believed. */
  readonly trustedProxies?: readonly string[];
  /** Called at the end of each exchange; must not throw and should not block. */
  readonly accessLog?: (entry: AccessEntry) => void;
  readonly localEndpoints?: LocalEndpoints;
  readonly report?: (fact: DataPathFact) => void;
};

export type ListenOptions = {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly reusePort?: boolean;
};

export type ListenAddress = { readonly host: string; readonly port: number };

export type AppliedView = {
  /** False when the data path already has this view or a newer one. */
  readonly applied: boolean;
  /** Services whose placement was built anew; a restart of an instance rebuilds none. */
  readonly rebuilt: readonly ServiceName[];
};

export class DataPath {
  readonly #limits: Limits;

  constructor(options: DataPathOptions) {
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  /** Never closes a client connection; exchanges under way keep their member. */
  applyView(_view: View): AppliedView {
    throw new Error(`not built yet ${this.#limits.idleMs}`);
  }

  /** May be called more than once: each call is one more listener. */
  listen(_options: ListenOptions): Promise<ListenAddress> {
    throw new Error("not built yet");
  }

  /**
   * Stops accepting, says `Connection: close` on every answer, closes idle connections and resolves
   * when the last exchange has ended or `deadlineMs` is over (30 s), whichever comes first.
   */
  drain(_deadlineMs?: number): Promise<void> {
    throw new Error("not built yet");
  }

  /** Ends everything at once. Idempotent. */
  close(): Promise<void> {
    throw new Error("not built yet");
  }

  snapshot(): DataPathSnapshot {
    throw new Error("not built yet");
  }
}
