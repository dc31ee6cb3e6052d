/** What the data path tells beside its counters: facts that somebody must act on. */
import type { ServiceName } from "@prunella/core/kernel";

/** Something that a person or the agent should hear of; the same one at most once a minute. */
export type DataPathFact = {
  readonly type:
    | "framing-fault" // A member sent bytes that belong to no response, twice within 60 s.
    | "ejected" // A member failed in a row and is left alone for a moment.
    | "fail-open" // More members look bad than may be ejected: all are admitted.
    | "term-conflict" // A view names another leader of the same term: ignored.
    | "term-lower" // A view names a leader of a term that was overtaken: ignored.
    | "view-behind" // An answer names a higher term than any view: a fresh view is needed.
    | "emptied" // A view left a service without a serving member.
    | "port-refused" // A port of a TCP service cannot be had; it is tried again.
    | "view-invalid"; // A service of the view cannot be placed; its old placement stays.
  readonly service: ServiceName;
  readonly member: string | undefined;
  /** Of the member; a restart is another one, and starts clean. */
  readonly incarnation?: number;
  readonly message: string;
};
