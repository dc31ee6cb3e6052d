/** Each rule of an election switched off, one at a time: the simulator has to notice every one. */
import type { Mutant } from "../plan.ts";

type Row = readonly [name: string, says: string, budget: number, choices?: Mutant["choices"]];

const quorum = { mode: "quorum" } as const;

const rows: readonly Row[] = [
  ["revalidateReplies", "a reply counts whatever it answers", 2_000, quorum],
  ["durableVotes", "a vote is told before it is on the disk", 2_000, quorum],
  ["restartQuarantine", "a voter that has just started votes at once", 2_000, quorum],
  ["driftMargin", "a lease is as long as stickiness, on clocks that drift", 2_000, quorum],
  ["leaseFromSendTime", "a lease counts from the arrival of an acknowledgement", 2_000, quorum],
  ["stickiness", "a voter that hears its leader votes for another", 2_000, quorum],
  ["preVote", "a vote is asked for without an inquiry", 500, quorum],
  ["vouchedHaste", "proof of an end is enough to ask for votes at once", 2_000, quorum],
  ["amnesiaRule", "a voter without memory votes at once", 5_000, { mode: "quorum", memory: "yes" }],
  ["distrustClosedLinks", "a closed connection counts as the end of the leader", 2_000, quorum],
  ["freshTermAfterRestart", "a restarted process goes on under the term it led", 500, quorum],
  ["fenceFirst", "a leader serves before its resources have seen its token", 2_000],
  [
    "compareVoters",
    "votes are given under an older set of voters",
    5_000,
    { mode: "quorum", change: "yes" },
  ],
  ["requireSignature", "what is not signed counts", 500, { forge: "yes" }],
  ["tokenCheck", "the resource takes writes of any token", 500],
];

export const mutants: readonly Mutant[] = rows.map(([name, says, budget, choices = {}]) => ({
  name,
  says,
  budget,
  choices,
}));
