/**
 * The rules that make an election safe, each with a name and a switch.
 *
 * Nobody but a test turns one off: the mutation gate of the lab does it to prove that its worlds
 * would notice the missing rule. A shell takes `allRules` and offers no option for it.
 */
export type Rules = {
  /** A reply counts only for the attempt, term and boot that asked (S6). */
  readonly revalidateReplies: boolean;
  /** A vote is on disk before it is answered (S7). */
  readonly durableVotes: boolean;
  /** A voter that has just started grants nothing for one stickiness period (S3). */
  readonly restartQuarantine: boolean;
  /** A lease is shorter than stickiness by what two clocks may drift apart (S3). */
  readonly driftMargin: boolean;
  /** A lease counts from when the round was sent, not from when it was acknowledged (S3). */
  readonly leaseFromSendTime: boolean;
  /** A voter that hears a leader grants nobody else a vote (S3, S5). */
  readonly stickiness: boolean;
  /** An inquiry that costs no term comes before a vote (S5). */
  readonly preVote: boolean;
  /** Without an inquiry only whom a leader counted among a majority until its proven end (S5). */
  readonly vouchedHaste: boolean;
  /** A voter without memory asks the others before it votes (S1). */
  readonly amnesiaRule: boolean;
  /** A closed connection is a hint; only an exit or a resignation is proof (S3). */
  readonly distrustClosedLinks: boolean;
  /** A restarted process never leads a term that it led before (S1, S2). */
  readonly freshTermAfterRestart: boolean;
  /** A new leader shows its token to every fenced resource before it serves (S4). */
  readonly fenceFirst: boolean;
  /** A voter that knows later voters refuses who asks for votes under earlier ones (S1). */
  readonly compareVoters: boolean;
  /** What carries no valid signature changes nothing (S8). */
  readonly requireSignature: boolean;
};

export const allRules: Rules = {
  revalidateReplies: true,
  durableVotes: true,
  restartQuarantine: true,
  driftMargin: true,
  leaseFromSendTime: true,
  stickiness: true,
  preVote: true,
  vouchedHaste: true,
  amnesiaRule: true,
  distrustClosedLinks: true,
  freshTermAfterRestart: true,
  fenceFirst: true,
  compareVoters: true,
  requireSignature: true,
};
