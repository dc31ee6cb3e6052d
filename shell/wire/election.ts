/**
 * What electors and the agent say to each other, and what people read about an election. The agent
 * only helps: it tells who the members are and whose process has ended, and hears who leads.
 * Elections go on without it.
 */
import { z } from "zod";

const count = z.number().int().nonnegative();
const durationMs = z.number().nonnegative();

/** Why leadership moved, as the electors saw it. */
export const electionCauses = [
  "start", // Nobody led before.
  "crash", // The process of the old leader ended.
  "silence", // Nothing was heard of it for too long.
  "resign", // It handed over.
  "lease", // It could not renew its lease.
  "preempted", // A better member asked for the lead.
  "merge", // Two leaders met after a partition.
  "stalled", // Its main loop did not turn.
  "unhealthy", // It said itself that it was not well.
  "fence", // A resource knew a newer leader.
  "higher-term", // It heard of a newer term.
  "arbiter", // The arbiter named another one.
  "duplicate", // Two processes had its name.
] as const;
export type ElectionCause = (typeof electionCauses)[number];

/** The supervisor saw the process of the old leader end, or the leader said itself that it leads no more. */
const endProof = z.enum(["exited", "resigned"]);

/**
 * `POST /v1/services/NAME/election/leader`: who leads under which term. `none` says that this leader
 * has stepped down.
 */
export const leaderAnnouncement = z.object({
  name: z.string().min(1).max(253),
  incarnation: count.min(1),
  term: count.min(1),
  state: z.enum(["leading", "handing-over", "none"]),
  /** A cause that this agent does not know is left out: the word counts all the same. */
  why: z.enum(electionCauses).optional().catch(undefined),
  // What only explains never makes a word void.
  /** Of which term it tells the end; undefined when it knows of none. */
  after: count.optional().catch(undefined),
  proof: endProof.optional().catch(undefined),
  /** From the last sign of the old leader that the electors had to the first suspicion. */
  detectMs: durationMs.optional().catch(undefined),
  /** From the suspicion to the vote that decided. */
  electMs: durationMs.optional().catch(undefined),
  /** How long ago that was, when this is said. */
  ageMs: durationMs.optional().catch(undefined),
});
export type LeaderAnnouncement = z.infer<typeof leaderAnnouncement>;

/** The answer: what the agent holds true now. */
export const acceptedLeader = z.object({ term: count, leader: z.string().nullable() });
export type AcceptedLeader = z.infer<typeof acceptedLeader>;

/** A member as `members` of the stream lists it. Without a port it does not run now. */
export type ElectionMember = {
  readonly name: string;
  readonly number: number;
  readonly incarnation: number;
  readonly host: string;
  readonly port: number | null;
  readonly electionPort: number;
  readonly pid: number | null;
  readonly state: "starting" | "serving" | "draining" | "leaving" | "detached";
};

/** Proof that a process has ended, with everything that it had started. */
export type ElectionExit = {
  readonly name: string;
  readonly incarnation: number;
  /** Null when the agent never knew it. */
  readonly pid: number | null;
  readonly atMs: number;
};

/** `GET /v1/services/NAME/election/stream`, as Server-Sent Events by these names. */
export type ElectionEvent =
  | { readonly type: "members"; readonly members: readonly ElectionMember[] }
  | { readonly type: "exit"; readonly exit: ElectionExit };

/** One term that had a leader. */
export const termRow = z.object({
  term: count,
  leader: z.string(),
  incarnation: count,
  /** ISO 8601. `to` is null while it leads. */
  from: z.string(),
  to: z.string().nullable(),
  /** Why this election was held. */
  why: z.enum(electionCauses).nullable(),
  /** How the end of the leader before was known for certain; null when it was inferred. */
  proof: endProof.nullable(),
  detectMs: z.number().nullable(),
  electMs: z.number().nullable(),
  /** From its election until the agent knew, and with it every gateway. */
  exposeMs: z.number().nullable(),
  /** From the end of the term before to the first word of this one. Null for the first one. */
  leaderlessMs: z.number().nullable(),
  /** How it ended, in a sentence; null while it leads. */
  ending: z.string().nullable(),
});
export type TermRow = z.infer<typeof termRow>;

export const electionStatus = z.object({
  service: z.string(),
  mode: z.enum(["quorum", "arbiter", "available"]),
  timing: z.string(),
  term: count,
  leader: z.string().nullable(),
  state: z.enum(["leading", "handing-over", "none"]),
  /** Oldest first, the last 64. */
  history: z.array(termRow),
});
export type ElectionStatus = z.infer<typeof electionStatus>;

export const resignRequest = z.strictObject({ to: z.string().min(1).max(253).optional() });
