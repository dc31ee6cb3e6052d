/** What somebody on the network may say who knows everything but the key. */
import type { Identity, Message, Voters } from "@prunella/core/election";

export type Forged = "announce" | "vote" | "resign";

/** `viewSize` claims more followers than any true leader of a run has. */
export function forgedMessage(
  kind: Forged,
  known: {
    readonly leader: Identity;
    readonly term: number;
    readonly voters: Voters | undefined;
  },
): Message {
  const { leader, term, voters = { term: 0, version: 1, members: [] } } = known;
  switch (kind) {
    case "announce":
      return {
        kind,
        leader,
        term,
        token: `${term}`,
        seq: 1,
        sentAtMs: 0,
        phase: "leading",
        successors: [],
        viewSize: 99,
        history: [],
        voters,
      };
    case "vote": {
      const stamp = { term: voters.term, version: voters.version };
      return { kind, attempt: 1, term, refusedBy: [], voters: stamp, reason: "silence" };
    }
    case "resign":
      return { kind, leader, term };
  }
}
