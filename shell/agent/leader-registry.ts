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
import type { ElectionCause, LeaderAnnouncement } from "@prunella/wire/election";
import { causeOf, endedBy, spansOf, stepDownText } from "./term-account.ts";

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
  /** The leader before it left by itself: it has answered what it had accepted. */
  readonly handedOver?: true;
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
  /** Why the election was held that it won. */
  readonly why?: ElectionCause;
  readonly detectMs?: number;
  readonly electMs?: number;
  /** From its election until the agent knew of it. */
  readonly exposeMs?: number;
  readonly proof?: "exited" | "resigned";
  /** What it said itself about its end. */
  readonly told?: ElectionCause;
  /** Nobody saw it end: it was over by `toMs`, and how long before is not known. */
  readonly isUnseen?: boolean;
  /** How its process ended, if that is what ended the reign. */
  readonly exit?: string;
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
      /** Nobody saw it end: `atMs` is when it was found. */
      readonly isUnseen?: boolean;
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
  const leader: Leader = {
    member,
    incarnation,
    term,
    state: word.state,
    ...handoverOf(state, word),
  };
  const known = reignOf(state, term);
  const before = state.leader;
  if (known !== undefined && before?.term === term && before.state === word.state) {
    return { state, effects: [{ type: "accept", changed: false }] };
  }
  const reigns =
    known === undefined
      ? succeeded(state.reigns, word, atMs)
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

function handoverOf({ leader }: RegistryState, { term, why }: LeaderAnnouncement) {
  const wasHandedOver = leader?.term === term && leader.handedOver === true;
  const isHandover = why === "resign" || why === "preempted";
  return wasHandedOver || isHandover ? ({ handedOver: true } as const) : {};
}

/** The leader of that term leads no more. Also raises the term when it is a higher one. */
function steppedDown(state: RegistryState, word: LeaderAnnouncement, atMs: number): Decision {
  const { name, incarnation, term } = word;
  const wasLeader = state.leader !== undefined && isSame(asReign(state.leader), name, incarnation);
  const next = { ...state, term };
  if (!wasLeader) return { state: next, effects: [{ type: "accept", changed: false }] };
  const { why: told } = word;
  const end = { toMs: atMs, ending: stepDownText(name, told), ...(told && { told }) };
  return {
    state: {
      ...next,
      leader: undefined,
      reigns: closed(state.reigns, end),
    },
    effects: [
      { type: "accept", changed: true },
      { type: "tell", what: "leaderless" },
    ],
  };
}

function ended(
  state: RegistryState,
  { atMs, member, incarnation, how, isUnseen }: Extract<RegistryEvent, { type: "ended" }>,
): Decision {
  const mark = life(member, incarnation);
  if (state.dead.includes(mark)) return { state, effects: [] };
  const next = { ...state, dead: [...state.dead, mark].slice(-deadMax) };
  const { leader } = state;
  const unseen = isUnseen === true ? { isUnseen } : {};
  const end = { toMs: atMs, ending: `${member} ${how}`, exit: how, ...unseen };
  if (leader === undefined || leader.member !== member || leader.incarnation !== incarnation) {
    return {
      state: { ...next, reigns: explained(next.reigns, member, incarnation, end) },
      effects: [],
    };
  }
  return {
    state: { ...next, leader: undefined, reigns: closed(state.reigns, end) },
    effects: [{ type: "tell", what: "leaderless" }],
  };
}

function begun(word: LeaderAnnouncement, before: Reign | undefined, atMs: number): Reign {
  const { name: member, incarnation, term, ageMs = 0 } = word;
  const fromMs = Math.max(Math.round(atMs - ageMs), before?.fromMs ?? 0);
  const why = causeOf(word, before);
  const spans = spansOf({ ...word, ageMs: atMs - fromMs }, before);
  return { term, member, incarnation, fromMs, ...(why === undefined ? {} : { why }), ...spans };
}

type End = Pick<Reign, "toMs" | "ending" | "told" | "exit" | "isUnseen">;

/** Ends the last reign unless it has ended already. */
function closed(reigns: readonly Reign[], end: End): readonly Reign[] {
  const last = reigns.at(-1);
  if (last === undefined || last.toMs !== undefined) return reigns;
  return [...reigns.slice(0, -1), { ...last, ...end }];
}

/** The last reign gets the end that its successor knows of, and that of the successor begins. */
function succeeded(
  reigns: readonly Reign[],
  word: LeaderAnnouncement,
  atMs: number,
): readonly Reign[] {
  const before = reigns.at(-1);
  const next = begun(word, before, atMs);
  return before === undefined ? [next] : [...reigns.slice(0, -1), endedBy(before, next), next];
}

/** The electors were quicker: they said that a process had ended before anybody saw how. */
function explained(
  reigns: readonly Reign[],
  member: string,
  incarnation: number,
  { ending, exit }: End,
): readonly Reign[] {
  const [before, next] = reigns.slice(-2);
  if (before === undefined || next?.why !== "crash") return reigns;
  if (before.exit !== undefined || !isSame(before, member, incarnation)) return reigns;
  const known = { ...before, ...(ending && { ending }), ...(exit && { exit }) };
  return [...reigns.slice(0, -2), known, next];
}

/** The same leader goes on under the same term: it hands over, or does so no more, or is back. */
function reopened(reigns: readonly Reign[], handingOverMs: number | undefined): readonly Reign[] {
  const last = reigns.at(-1);
  if (last === undefined) return reigns;
  const { toMs, ending, told, exit, isUnseen, handingOverMs: _, ...rest } = last;
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
