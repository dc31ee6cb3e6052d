/**
 * The gateway's own answers, built once: status line, Date, type, length, `Connection: close`, JSON body.
 */
import type { RefusalReason } from "./refusals.ts";

export type Answer = {
  readonly status: number;
  /** Head and body; the 29 bytes at `dateStart` are the slot for an IMF-fixdate. */
  readonly bytes: Uint8Array;
  readonly dateStart: number;
  /** Head alone ends here: all that an answer to HEAD may send. */
  readonly headEnd: number;
};

/** `extra` are whole lines without CR LF, for example `Retry-After: 1` or `Allow: GET`. */
export function buildAnswer(_reason: RefusalReason, _extra?: readonly string[]): Answer {
  throw new Error("not built yet");
}

/** 204 with `Allow`: the answer to `OPTIONS *`. */
export function buildOptionsAnswer(_methods: readonly string[]): Answer {
  throw new Error("not built yet");
}

/**
 * Copies an answer to `target` at `offset` with the date stamped in; without the body for HEAD.
 *
 * @param date - 29 bytes, for example `Sun, 06 Nov 1994 08:49:37 GMT`.
 * @returns The offset behind the last byte written.
 */
export function writeAnswer(
  _answer: Answer,
  _target: Uint8Array,
  _offset: number,
  _date: Uint8Array,
  _headOnly: boolean,
): number {
  throw new Error("not built yet");
}
