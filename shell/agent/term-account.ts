/**
 * Why a leader came to lead, how the one before it ended, and where the time between them went.
 *
 * Two know something of it. The electors say what they heard, and when they began to doubt; the agent
 * knows which process ended, and at which moment. Where they differ, whoever was nearer is believed: a
 * leader about itself, the agent about a process, the electors about all else.
 */
import type { ElectionCause, LeaderAnnouncement, TermRow } from "@prunella/wire/election";
import type { Reign } from "./leader-registry.ts";

/** What a leader sees when another one has already been elected: never the first cause. */
const consequences: ReadonlySet<ElectionCause> = new Set(["higher-term", "arbiter"]);

/** Why the election was held that this leader won. */
export function causeOf(
  word: LeaderAnnouncement,
  before: Reign | undefined,
): ElectionCause | undefined {
  if (before === undefined) return word.why ?? "start";
  const isStale = word.after !== undefined && word.after < before.term;
  const heard = isStale || word.why === "start" ? undefined : word.why;
  const { told, exit } = before;
  if (told !== undefined && !(consequences.has(told) && heard !== undefined)) return told;
  if (exit !== undefined && (heard === undefined || heard === "silence")) return "crash";
  return heard ?? (word.after === undefined && word.why === undefined ? undefined : "silence");
}

/** The moments of the electors, if they speak of the leadership before this one. */
export function spansOf(
  word: LeaderAnnouncement,
  before: Reign | undefined,
): Pick<Reign, "detectMs" | "electMs" | "exposeMs" | "proof"> {
  const { detectMs, electMs, ageMs: exposeMs, proof } = word;
  const isAbout = word.after === undefined || word.after === before?.term;
  return {
    ...(exposeMs === undefined ? {} : { exposeMs: Math.round(exposeMs) }),
    ...(detectMs === undefined || !isAbout ? {} : { detectMs }),
    ...(electMs === undefined || !isAbout ? {} : { electMs }),
    ...(proof === undefined || !isAbout ? {} : { proof }),
  };
}

/** The reign before the one that now begins, with its end as it is known from now on. */
export function endedBy(before: Reign, next: Reign): Reign {
  const { electMs = 0, detectMs = 0, proof } = next;
  const doubtedMs = next.fromMs - electMs;
  const seenMs = before.toMs;
  // Seen too late, or by nobody: then it led until the electors heard of it for the last time.
  const lostMs = doubtedMs - (proof === undefined ? detectMs : 0);
  const toMs = seenMs !== undefined && seenMs <= doubtedMs ? seenMs : lostMs;
  return {
    ...before,
    toMs: Math.min(next.fromMs, Math.max(before.fromMs, toMs)),
    ending: endingOf(before, next),
  };
}

function endingOf({ member, exit, ending, toMs, handingOverMs }: Reign, next: Reign): string {
  const isPlanned = next.why === "resign" || next.why === "preempted";
  // Who had left long before somebody came has handed nothing over.
  const isTaken = next.proof === "resigned" || (handingOverMs !== undefined && toMs === undefined);
  if (isPlanned && isTaken && next.member !== member) {
    const handedOver = `${member} handed over to ${next.member}`;
    return exit === undefined ? handedOver : `${handedOver} and ${exit}`;
  }
  if (toMs !== undefined && ending !== undefined) return ending;
  return next.why === undefined
    ? `${member} was replaced by ${next.member}`
    : endings[next.why](member);
}

/** A leader has said itself that it leads no more. */
export function stepDownText(member: string, why: ElectionCause | undefined): string {
  return why === undefined ? `${member} stepped down` : endings[why](member);
}

/** When adding a cause, also give it a sentence in `docs/guides/elected-services.md`. */
const endings: Readonly<Record<ElectionCause, (member: string) => string>> = {
  start: (member) => `${member} was not known to lead`,
  crash: (member) => `the process of ${member} ended`,
  silence: (member) => `nothing was heard of ${member}`,
  resign: (member) => `${member} was asked to leave the lead`,
  lease: (member) => `${member} could not renew its lease`,
  preempted: (member) => `${member} left the lead to a better member`,
  merge: (member) => `${member} met another leader after a partition`,
  stalled: (member) => `the main loop of ${member} stood still`,
  unhealthy: (member) => `${member} said that it was not well`,
  fence: (member) => `a resource of ${member} could not be fenced`,
  "higher-term": (member) => `${member} heard of a newer term`,
  arbiter: (member) => `the arbiter named another leader than ${member}`,
  duplicate: (member) => `two processes had the name ${member}`,
};

/**
 * What people read. The parts of the time without a leader add up to no more than the whole: until the
 * end that the agent saw, silence of the leader was no time to notice anything.
 */
export function termRows(reigns: readonly Reign[]): readonly TermRow[] {
  return reigns.map((reign, index) => {
    const leaderlessMs = gapMs(reign, reigns[index - 1]);
    const { detectMs, electMs, exposeMs } = reign;
    const restMs = (leaderlessMs ?? Number.POSITIVE_INFINITY) - (electMs ?? 0) - (exposeMs ?? 0);
    return {
      term: reign.term,
      leader: reign.member,
      incarnation: reign.incarnation,
      from: new Date(reign.fromMs).toISOString(),
      to: reign.toMs === undefined ? null : new Date(reign.toMs).toISOString(),
      why: reign.why ?? null,
      proof: reign.proof ?? null,
      detectMs: detectMs === undefined ? null : Math.max(0, Math.min(detectMs, restMs)),
      electMs: electMs ?? null,
      exposeMs: exposeMs ?? null,
      leaderlessMs: leaderlessMs ?? null,
      ending: reign.ending ?? null,
    };
  });
}

/** From the end of the reign before, or the last work that it took, to the first word of this one. */
function gapMs(reign: Reign, before: Reign | undefined): number | undefined {
  const { fromMs, detectMs, exposeMs = 0 } = reign;
  if (before?.toMs === undefined) return undefined;
  if (before.isUnseen === true && detectMs === undefined) return undefined;
  // Its own word may come later than what the electors heard of it.
  const sinceMs = Math.min(before.toMs, before.handingOverMs ?? before.toMs);
  return Math.max(0, fromMs + exposeMs - sinceMs);
}
