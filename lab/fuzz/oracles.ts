/**
 * What must hold for every input, however strange. Each oracle returns a sentence when it does not.
 *
 *   G1  A refused message contributes nothing: what was read before stays as it was.
 *   G2  What is forwarded is exactly one request to the next reader, with the same meaning.
 *   G5  The outcome does not depend on the cuts.
 */
import {
  forwardedForm,
  fromLatin1,
  type ReaderOptions,
  type ReadRequest,
  readRequests,
} from "../../shell/gateway/parser/fixtures/request-reader.ts";
import { readResponses } from "../../shell/gateway/parser/fixtures/response-reader.ts";
import type { Draws } from "./draws.ts";

/** The grammar of RFC 9112 for a head, written a second time and in another way. */
const headGrammar =
  /^[A-Za-z0-9!#$%&'*+.^_`|~-]+ [!"$-~]+ HTTP\/1\.[01]\r\n(?:[A-Za-z0-9!#$%&'*+.^_`|~-]+:[\t -~\x80-\xff]*\r\n)*$/;

/** Lines that must never reach an instance as they came from a stranger. */
const forbiddenLine =
  /\r\n(?:connection|keep-alive|te|proxy-connection|proxy-authenticate|proxy-authorization|prunella-[^:]*|forwarded|x-forwarded-[^:]*|x-request-id)[:]/i;

export type Verdict = {
  readonly end: string;
  readonly complete: number;
  readonly problem?: string;
};

/** Reads requests from `input` in several ways and applies every oracle. */
export function judgeRequests(input: Uint8Array, draws: Draws, options: ReaderOptions): Verdict {
  const whole = readRequests(input, [], options);
  const verdict = { end: whole.end, complete: whole.requests.length };
  const cuts = cutsFrom(draws, input.length);
  const cut = readRequests(input, cuts, options);
  if (JSON.stringify(cut) !== JSON.stringify(whole)) {
    return { ...verdict, problem: `G5: cut at ${cuts.join()} it reads ${JSON.stringify(cut)}` };
  }
  for (const request of whole.requests) {
    const problem = forwardingProblem(request, options);
    if (problem !== undefined) return { ...verdict, problem };
  }
  return verdict;
}

/** Reads responses from `input` in several ways and applies every oracle. */
export function judgeResponses(input: Uint8Array, draws: Draws): Verdict {
  const asked = draws.below(4);
  const whole = readResponses(input, [], { asked });
  const verdict = { end: whole.end, complete: whole.responses.length };
  const cuts = cutsFrom(draws, input.length);
  const cut = readResponses(input, cuts, { asked });
  if (JSON.stringify(cut) !== JSON.stringify(whole)) {
    return { ...verdict, problem: `G5: cut at ${cuts.join()} it reads ${JSON.stringify(cut)}` };
  }
  return verdict;
}

/** Up to eight ascending cuts, or every byte alone. */
export function cutsFrom(draws: Draws, length: number): readonly number[] {
  if (length < 2) return [];
  if (draws.percent(10)) return Array.from({ length: length - 1 }, (_, index) => index + 1);
  const cuts = Array.from({ length: 1 + draws.below(8) }, () => 1 + draws.below(length - 1));
  return [...new Set(cuts)].sort((a, b) => a - b);
}

function forwardingProblem(request: ReadRequest, options: ReaderOptions): string | undefined {
  if (!headGrammar.test(request.head)) return `an accepted head is no head: ${request.head}`;
  const form = forwardedForm(request);
  const sent = `\r\n${form.slice(0, form.indexOf("\r\n\r\n"))}`.replace(
    /\r\nConnection: Upgrade$/,
    "",
  );
  const line = forbiddenLine.exec(sent);
  if (line !== null) return `it forwards ${JSON.stringify(line[0])}`;

  const { requests, end } = readRequests(fromLatin1(form), [], options);
  const [again] = requests;
  if (requests.length !== 1 || end !== "idle" || again === undefined) {
    return `G2: forwarded, it is ${requests.length} requests and ${end}: ${JSON.stringify(form)}`;
  }
  const same =
    again.method === request.method &&
    again.target === request.target &&
    again.body === request.body &&
    again.facts["chunked"] === request.facts["chunked"] &&
    again.facts["contentLength"] === request.facts["contentLength"] &&
    again.facts["pathHash"] === request.facts["pathHash"] &&
    again.facts["upgrade"] === request.facts["upgrade"] &&
    again.facts["minorVersion"] === 1;
  return same ? undefined : `G2: forwarded, it means something else: ${JSON.stringify(form)}`;
}
