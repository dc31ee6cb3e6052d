/** A number of generated inputs against the oracles, with a tally that shows what was reached. */
import {
  defaultReaderOptions,
  fromLatin1,
} from "../../shell/gateway/parser/fixtures/request-reader.ts";
import { mutate } from "./byte-mutation.ts";
import { Draws } from "./draws.ts";
import { requestFrom, responseFrom } from "./message-grammar.ts";
import { judgeRequests, judgeResponses, type Verdict } from "./oracles.ts";

export type Failure = {
  readonly side: "request" | "response";
  readonly seed: number;
  readonly problem: string;
  /** Minimal, one character per byte. */
  readonly input: string;
};

export type Tally = {
  readonly inputs: number;
  /** Messages that were read to their end. */
  readonly complete: number;
  /** How often each end was reached. */
  readonly ends: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
};

const failuresMax = 10;

/** The input of one seed: one to three messages, damaged. */
export function requestInput(seed: number): Uint8Array {
  return inputFrom(new Draws(seed), requestFrom);
}

export function responseInput(seed: number): Uint8Array {
  return inputFrom(new Draws(seed), responseFrom);
}

/** Tries the seeds from `seed` on; stops early after ten failures. */
export function runCampaign(side: Failure["side"], seed: number, count: number): Tally {
  const ends = new Map<string, number>();
  const failures: Failure[] = [];
  let complete = 0;
  let inputs = 0;
  for (; inputs < count && failures.length < failuresMax; inputs++) {
    const current = (seed + inputs) >>> 0;
    const input = side === "request" ? requestInput(current) : responseInput(current);
    const verdict = judge(side, input, current);
    complete += verdict.complete;
    ends.set(verdict.end, (ends.get(verdict.end) ?? 0) + 1);
    if (verdict.problem !== undefined)
      failures.push(failureOf(side, current, input, verdict.problem));
  }
  return { inputs, complete, ends, failures };
}

function judge(side: Failure["side"], input: Uint8Array, seed: number): Verdict {
  const draws = new Draws(seed ^ 0x5bd1e995);
  try {
    return side === "request"
      ? judgeRequests(input, draws, defaultReaderOptions)
      : judgeResponses(input, draws);
  } catch (error) {
    return { end: "exception", complete: 0, problem: String(error) };
  }
}

function inputFrom(draws: Draws, messageFrom: (draws: Draws) => string): Uint8Array {
  let text = messageFrom(draws);
  while (draws.percent(20)) text += messageFrom(draws);
  const other = draws.percent(20) ? messageFrom(draws) : text;
  return mutate(draws, fromLatin1(text), fromLatin1(other));
}

/** Takes bytes away as long as something still goes wrong. */
function failureOf(
  side: Failure["side"],
  seed: number,
  input: Uint8Array,
  problem: string,
): Failure {
  let smallest = input;
  for (let size = input.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= smallest.length; ) {
      const shorter = new Uint8Array(smallest.length - size);
      shorter.set(smallest.subarray(0, at));
      shorter.set(smallest.subarray(at + size), at);
      if (judge(side, shorter, seed).problem === undefined) at += size;
      else smallest = shorter;
    }
  }
  return {
    side,
    seed,
    problem: judge(side, smallest, seed).problem ?? problem,
    input: Buffer.from(smallest).toString("latin1"),
  };
}
