/**
 * Who leads an elected service, as far as its electors have told. Pure: the agent keeps one of these
 * for each service, writes it down, and publishes what it says.
 *
 * The registry elects nobody. It orders what electors say by their terms, so that neither a late word
 * of an old leader, nor one from before a restart of the agent, nor a forged one moves the route back.
 *
 * Invariants:
 *   LR1  The term never falls, over any sequence of words and over restarts of the agent.
 *   LR2  A term has one leader: one incarnation of one member. Another one that claims it is refused
 *        and told, because its election has promised that this cannot happen.
 *   LR3  An incarnation whose process has ended leads never again, as long as the agent lives that saw
 *        it end.
 *
 * LR1 and LR2 hold because every word is compared with `term` and with the last row before anything
 * changes, and rows are only ever appended. LR3 holds because `ended` marks the row of its term, and a
 * later term of the same incarnation is refused by name. The next agent forgets those names
 * (`takenOver`): what ended before it came cannot speak to it, and after `prunella down` it counts
 * incarnations from 1 again, so that the name of a dead one is soon that of a living one.
 */
import type { Step } from "@prunella/core/kernel";
import type { ElectionCause, LeaderAnnouncement, TermRow } from "@prunella/wire/election";

/** Rows that are kept; the election keeps as many (section "memory of past leaders" of its document). */
export const rowsMax = 64;
/** Ended incarnations that are remembered, so that a late word of theirs is not believed. */
const deadMax = 64;
/** Terms begin at wall-clock milliseconds; one this far ahead was not made by a clock of ours. */
const aheadMsMax = 10 * 365 * 86_400_000;

export type Leader = {
  readonly member: string;
  readonly incarnation: number;
  readonly term: number;
  readonly state: "leading" | "handing-over";
};

/** A term with a leader. `to` is undefined while it leads. */
export type Reign = {
  readonly term: number;
  readonly member: string;
  readonly incarnation: number;
  readonly fromMs: number;
  readonly toMs?: number;
  /** When it began to hand over: from then on it takes no protected work. */
  readonly handingOverMs?: number;
  readonly why?: ElectionCause;
  readonly detectMs?: number;
  readonly electMs?: number;
  readonly ending?: string;
};

export type RegistryState = {
  readonly schema: 1;
  readonly term: number;
  readonly leader: Leader | undefined;
  /** Oldest first, at most `rowsMax`. */
  readonly reigns: readonly Reign[];
  /** `NAME/INCARNATION` of what ended under this agent, the newest last. */
  readonly dead: readonly string[];
};

export type RegistryEvent =
  | { readonly type: "announced"; readonly atMs: number; readonly word: LeaderAnnouncement }
  /** The process of that incarnation, and all that it had started, is gone. */
  | {
      readonly type: "ended";
      readonly atMs: number;
      readonly member: string;
      readonly incarnation: number;
      readonly how: string;
    };

export type RegistryEffect =
  /** The word was believed; `leader` or its state changed if `changed`. */
  | { readonly type: "accept"; readonly changed: boolean }
  | { readonly type: "refuse"; readonly reason: string }
  /** LR2 was violated from outside; people must hear of it. */
  | { readonly type: "report-conflict"; readonly reason: string }
  | { readonly type: "tell"; readonly what: "leader" | "handing-over" | "leaderless" };

export const emptyRegistry: RegistryState = {
  schema: 1,
  term: 0,
  leader: undefined,
  reigns: [],
  dead: [],
};

type Decision = Step<RegistryState, RegistryEffect>;

export function stepRegistry(state: RegistryState, event: RegistryEvent): Decision {
  return event.type === "ended" ? ended(state, event) : announced(state, event);
}

/** What the next agent begins with: all terms, and no names of the dead. */
export function takenOver(state: RegistryState): RegistryState {
  return { ...state, dead: [] };
}

/** What people read of it. */
export function termRows({ reigns }: RegistryState): readonly TermRow[] {
  return reigns.map((reign, index) => {
    const before = reigns[index - 1];
    const restMs = before?.handingOverMs ?? before?.toMs;
    const gapMs = restMs === undefined ? undefined : Math.max(0, reign.fromMs - restMs);
    return {
      term: reign.term,
      leader: reign.member,
      incarnation: reign.incarnation,
      from: new Date(reign.fromMs).toISOString(),
      to: reign.toMs === undefined ? null : new Date(reign.toMs).toISOString(),
      why: reign.why ?? null,
      detectMs: reign.detectMs ?? null,
      electMs: reign.electMs ?? null,
      leaderlessMs: gapMs ?? null,
      ending: reign.ending ?? null,
    };
  });
}

function announced(
  state: RegistryState,
  { atMs, word }: Extract<RegistryEvent, { type: "announced" }>,
): Decision {
  const { name, incarnation, term } = word;
  const claim = `${name} (incarnation ${incarnation})`;
  if (term > atMs + aheadMsMax) return refuse(state, `term ${term} is more than ten years ahead`);
  if (term < state.term) {
    return refuse(state, `term ${term} of ${claim} is older than term ${state.term}`);
  }
  const holder = reignOf(state, term);
  if (holder !== undefined && !isSame(holder, name, incarnation)) {
    const reason = `${claim} claims term ${term}, which ${holder.member} (incarnation ${holder.incarnation}) leads`;
    return conflict(state, reason);
  }
  if (word.state === "none") return steppedDown(state, word, atMs);
  if (state.dead.includes(life(name, incarnation))) {
    return refuse(state, `the process of ${claim} has ended, so it cannot lead`);
  }
  return led(state, { ...word, state: word.state }, atMs);
}

function led(
  state: RegistryState,
  word: LeaderAnnouncement & { readonly state: Leader["state"] },
  atMs: number,
): Decision {
  const { name: member, incarnation, term } = word;
  const leader: Leader = { member, incarnation, term, state: word.state };
  const known = reignOf(state, term);
  const before = state.leader;
  if (known !== undefined && before?.term === term && before.state === word.state) {
    return { state, effects: [{ type: "accept", changed: false }] };
  }
  const reigns =
    known === undefined
      ? [...closed(state.reigns, atMs, endingOf(word, before)), begun(word, atMs)]
      : reopened(state.reigns, word.state === "handing-over" ? atMs : undefined);
  const what = word.state === "leading" ? "leader" : "handing-over";
  return {
    state: { ...state, term, leader, reigns: reigns.slice(-rowsMax) },
    effects: [
      { type: "accept", changed: true },
      { type: "tell", what },
    ],
  };
}

/** The leader of that term leads no more. Also raises the term when it is a higher one. */
function steppedDown(state: RegistryState, word: LeaderAnnouncement, atMs: number): Decision {
  const { name, incarnation, term } = word;
  const wasLeader = state.leader !== undefined && isSame(asReign(state.leader), name, incarnation);
  const next = { ...state, term };
  if (!wasLeader) return { state: next, effects: [{ type: "accept", changed: false }] };
  const why = word.why === undefined ? "" : `: ${endings[word.why]}`;
  return {
    state: {
      ...next,
      leader: undefined,
      reigns: closed(state.reigns, atMs, `${name} stepped down${why}`),
    },
    effects: [
      { type: "accept", changed: true },
      { type: "tell", what: "leaderless" },
    ],
  };
}

function ended(
  state: RegistryState,
  { atMs, member, incarnation, how }: Extract<RegistryEvent, { type: "ended" }>,
): Decision {
  const mark = life(member, incarnation);
  if (state.dead.includes(mark)) return { state, effects: [] };
  const next = { ...state, dead: [...state.dead, mark].slice(-deadMax) };
  const { leader } = state;
  if (leader === undefined || leader.member !== member || leader.incarnation !== incarnation) {
    return { state: next, effects: [] };
  }
  return {
    state: { ...next, leader: undefined, reigns: closed(state.reigns, atMs, `${member} ${how}`) },
    effects: [{ type: "tell", what: "leaderless" }],
  };
}

function begun(word: LeaderAnnouncement, fromMs: number): Reign {
  const { name: member, incarnation, term, why, detectMs, electMs } = word;
  return {
    ...{ term, member, incarnation, fromMs },
    ...(why === undefined ? {} : { why }),
    ...(detectMs === undefined ? {} : { detectMs }),
    ...(electMs === undefined ? {} : { electMs }),
  };
}

/** How the reign before ended, when nobody said so before the next one began. */
function endingOf({ why, name }: LeaderAnnouncement, before: Leader | undefined): string {
  const old = before?.member ?? "the leader";
  if (why === "resign" || why === "preempted") return `${old} handed over to ${name}`;
  const cause = why === undefined ? "" : `: ${endings[why]}`;
  return `${old} was replaced by ${name}${cause}`;
}

const endings: Readonly<Record<ElectionCause, string>> = {
  start: "nobody had led",
  crash: "its process ended",
  silence: "nothing was heard of the old leader",
  resign: "a planned handover",
  lease: "the lease could not be renewed",
  preempted: "a better member asked for the lead",
  merge: "two leaders met after a partition",
  stalled: "its main loop stood still",
  unhealthy: "the old leader was not well",
  fence: "a resource knew a newer leader",
  "higher-term": "a newer term was heard of",
  arbiter: "the arbiter named another one",
  duplicate: "two processes had its name",
};

/** Ends the last reign unless it has ended already. */
function closed(reigns: readonly Reign[], toMs: number, ending: string): readonly Reign[] {
  const last = reigns.at(-1);
  if (last === undefined || last.toMs !== undefined) return reigns;
  return [...reigns.slice(0, -1), { ...last, toMs, ending }];
}

/** The same leader goes on under the same term: it hands over, or does so no more, or is back. */
function reopened(reigns: readonly Reign[], handingOverMs: number | undefined): readonly Reign[] {
  const last = reigns.at(-1);
  if (last === undefined) return reigns;
  const { toMs: _, ending: __, handingOverMs: ___, ...rest } = last;
  const reign = handingOverMs === undefined ? rest : { ...rest, handingOverMs };
  return [...reigns.slice(0, -1), reign];
}

function reignOf({ reigns }: RegistryState, term: number): Reign | undefined {
  const last = reigns.at(-1);
  return last?.term === term ? last : undefined;
}

function asReign({ term, member, incarnation }: Leader): Reign {
  return { term, member, incarnation, fromMs: 0 };
}

function isSame(reign: Reign, member: string, incarnation: number): boolean {
  return reign.member === member && reign.incarnation === incarnation;
}

function life(member: string, incarnation: number): string {
  return `${member}/${incarnation}`;
}

function refuse(state: RegistryState, reason: string): Decision {
  return { state, effects: [{ type: "refuse", reason }] };
}

function conflict(state: RegistryState, reason: string): Decision {
  return {
    state,
    effects: [
      { type: "refuse", reason },
      { type: "report-conflict", reason },
    ],
  };
}
