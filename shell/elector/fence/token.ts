/**
 * A fencing token: the number of a leadership. A resource keeps the highest one that it has seen and
 * refuses everything below, which is the only thing that stops a leader that was paused between its
 * check and its write.
 *
 * Tokens are text, because 63 bits do not fit into a JavaScript number: decimal digits, which fit into
 * SQL's BIGINT, or 32 hexadecimal digits in mode `available` when members have no numbers. One election
 * makes tokens of one form, so the longer one is the higher one, and equal lengths compare as text.
 */
import { ClusterError } from "@prunella/core/kernel";

/** A token as the leader carries it. Compare with `compareTokens`, never as text. */
export type FenceToken = string;

const decimalPattern = /^(?:0|[1-9]\d{0,18})$/;
const widePattern = /^[0-9a-f]{32}$/;
const decimalMax = 2n ** 63n - 1n;

export function isToken(text: string): boolean {
  return widePattern.test(text) || (decimalPattern.test(text) && BigInt(text) <= decimalMax);
}

/**
 * Reads a token that somebody sent.
 *
 * @throws ClusterError `REQUEST_INVALID` when it is not one.
 */
export function parseToken(text: string | undefined): FenceToken {
  if (text !== undefined && isToken(text)) return text;
  throw new ClusterError("REQUEST_INVALID", {
    message: `A fencing token is a number from 0 to ${decimalMax} in decimal digits, or 32 hexadecimal digits.`,
  });
}

/** Negative when `one` is older than `other`, 0 when they are the same leadership. */
export function compareTokens(one: FenceToken, other: FenceToken): number {
  return one.length - other.length || (one < other ? -1 : Number(one > other));
}

export function staleToken(what: string, token: FenceToken, highest?: FenceToken): ClusterError {
  const by = highest === undefined ? "a newer leader" : `the leader with token ${highest}`;
  return new ClusterError("FENCE_STALE", {
    message: `${what} refuses token ${token}: ${by} was here. Stop acting as leader; nothing was changed.`,
    details: { token, ...(highest === undefined ? {} : { highest }) },
  });
}
