/**
 * Terms and the tokens made from them.
 *
 * A term is a whole number below 2^53 that only grows. Without memory it begins at the time of day in
 * milliseconds, so that losing every disk does not move tokens backwards. A term that is ten years
 * ahead of this clock was made by no honest one: whoever sent it would use up the numbers.
 *
 * A token is what a fenced resource compares. It is a decimal number in text: the term where a term
 * has one leader, `term * 2^16 + number` where it may have several; and 32 hexadecimal digits of
 * fixed width when members have no numbers.
 */
import type { Alarm } from "./effect.ts";
import { type State, wallMs } from "./state.ts";

const yearMs = 365 * 24 * 3_600_000;
const aheadMsMax = 10 * yearMs;
const aheadMsNormal = 24 * 3_600_000;

/** What is wrong with a term; undefined when nothing is. */
export function faultOfTerm(state: State, term: number): Alarm | undefined {
  if (!Number.isSafeInteger(term) || term < 0) return "term-malformed";
  const ahead = term - wallMs(state);
  if (ahead > aheadMsMax) return "term-malformed";
  return ahead > aheadMsNormal && term > state.seen ? "term-ahead" : undefined;
}

export function noticeTerm(state: State, term: number): State {
  return term > state.seen ? { ...state, seen: term } : state;
}

/** The next term that this member may try to lead: higher than all it ever heard of. */
export function nextTerm(state: State): number {
  const { promised } = state.record;
  const floor = state.config.mode === "available" ? wallMs(state) : 0;
  return Math.max(promised, state.seen, floor) + 1;
}

export function tokenOf(state: State, term: number): string {
  const { self, boot, mode } = state.config;
  if (mode !== "available") return `${term}`;
  const member = state.record.voters.members.find(({ id }) => id === self);
  if (member?.number !== undefined) return `${BigInt(term) * 0x1_0000n + BigInt(member.number)}`;
  return hex(term, 16) + hex(hash(self), 8) + hex(hash(boot), 8);
}

/** Negative when `a` is older. Both tokens have to come from one election. */
export function compareTokens(a: string, b: string): number {
  const [left, right] = a.length === 32 && b.length === 32 ? [`0x${a}`, `0x${b}`] : [a, b];
  const difference = BigInt(left) - BigInt(right);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, "0");
}

/** FNV-1a in 32 bits. */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    bits = Math.imul(bits ^ text.charCodeAt(index), 0x01000193);
  }
  return bits >>> 0;
}
