/**
 * Why the gateway says no: one row per reason, with the status and the sentence that tells the cure.
 *
 * The parser answers with the number of a row (`refusal["bare-lf"]`), logs and metrics use the label,
 * and the client gets `GATEWAY_<REASON>`. Labels are API: adding one is minor, changing the meaning of
 * one is major. Nothing of the input is ever echoed.
 *
 * Source of the statuses: RFC 9110, RFC 9112, RFC 6585; each group names its sections.
 */

/** The machine is content: the message, or its head, is complete. */
export const accepted = 0;

/** The machine needs more bytes. */
export const more = -1;

type Row = readonly [status: number, message: string];

// The order is the numbering, from 1. Append freely: numbers never leave the process.
const table = {
  // The request line: RFC 9112, sections 2.2, 2.3 and 3; RFC 9110, sections 4.2, 9 and 15.6.
  "empty-line": [400, "Send at most one empty line before a request."],
  "bare-lf": [400, "End every line with CR LF, not with LF alone."],
  "bare-cr": [400, "A CR must be followed by LF; remove the lone CR."],
  nul: [400, "Remove the NUL byte: text of the protocol cannot contain it."],
  "method-syntax": [400, "Start the request with a method made of letters."],
  "method-unknown": [
    501,
    "Use a method from the Allow list of OPTIONS *; methods are case-sensitive.",
  ],
  connect: [501, "This gateway is no forward proxy: do not send CONNECT."],
  trace: [405, "TRACE is off because it reflects credentials; use GET."],
  "request-line": [
    400,
    "Separate method, target and version by exactly one space each, and nothing else.",
  ],
  "target-syntax": [400, "Percent-encode every byte of the target outside visible ASCII, and '#'."],
  "target-long": [414, "Shorten the target to at most 8192 bytes."],
  "target-form": [400, "Send the target as an absolute path such as /home."],
  "target-authority": [
    400,
    "Send an http or https target with a plain host and a port from 1 to 65535.",
  ],
  "dot-segment": [400, "Resolve '.' and '..' segments of the path before sending it."],
  "version-syntax": [400, "End the request line with HTTP/1.1."],
  version: [505, "Use HTTP/1.1 or HTTP/1.0 on this connection."],

  // Fields and message length: RFC 9110, sections 5, 7.2, 7.6.1, 8.6 and 10.1.1; RFC 9112, 5 to 7.
  "name-space": [400, "Put no space between a field name and its colon."],
  "name-syntax": [400, "Write every field as 'Name: value' with a token as name."],
  "name-underscore": [
    400,
    "Spell the field with '-' instead of '_': programs behind the gateway merge the two.",
  ],
  fold: [400, "Put each field on one line; folded lines are obsolete."],
  "value-syntax": [400, "Remove the control bytes from the field value."],
  "head-large": [431, "Send fewer or smaller fields: at most 15 KiB together."],
  "head-count": [431, "Send fewer fields: at most 128 lines."],
  "host-missing": [400, "Send a Host field; HTTP/1.1 requires it."],
  "host-many": [400, "Send exactly one Host field."],
  "host-syntax": [
    400,
    "Send a plain host name or address with an optional port in the Host field.",
  ],
  "length-syntax": [400, "Send Content-Length as one plain decimal number."],
  "length-many": [400, "Send exactly one Content-Length field."],
  "length-both": [400, "Send either Content-Length or Transfer-Encoding, never both."],
  "te-version": [400, "Use HTTP/1.1 to send a Transfer-Encoding."],
  "te-syntax": [400, "Send 'Transfer-Encoding: chunked' once and exactly so."],
  "te-coding": [501, "Send the body chunked without another transfer coding."],
  expect: [417, "Send no Expect field other than one '100-continue'."],
  "connection-names": [
    400,
    "List only hop-by-hop fields, as tokens and at most 32, in the Connection field.",
  ],
  loop: [508, "The request passed this gateway three times already: look for a route to itself."],

  // Bodies and trailers: RFC 9110, sections 6.5 and 15.5.14; RFC 9112, section 7.1.
  "body-large": [413, "Send a smaller body; the route bounds its size."],
  "chunk-size": [400, "Send each chunk size as 1 to 16 hexadecimal digits."],
  "chunk-extension": [
    400,
    "Send chunk extensions as ';name=value' without spaces, or better none.",
  ],
  "chunk-extension-large": [400, "Send shorter chunk extensions, or none."],
  "chunk-end": [400, "End the data of each chunk with CR LF after its size."],
  "chunk-tiny": [400, "Send larger chunks: too many have under 16 bytes."],
  "trailer-name": [400, "Send this field in the head; it has no meaning in a trailer."],
  "trailer-large": [431, "Send smaller trailers: at most 8 KiB together."],
  "trailer-count": [431, "Send fewer trailers: at most 32 lines."],

  // Responses only. The client always gets `bad-response`; these labels are for logs and metrics.
  "status-line": [502, "Answer with 'HTTP/1.1 ' and a status from 100 to 599."],
  "status-framing": [502, "Send no Transfer-Encoding with HTTP/1.0, 1xx, 204 or 304."],
  "switch-unasked": [
    502,
    "Answer 101 only to a request that asks for it, with matching Upgrade and Connection.",
  ],

  // The data path: routing, waiting, upstream connections.
  "head-timeout": [408, "Send the whole request head within ten seconds."],
  "body-timeout": [408, "Send the request body without long pauses."],
  "no-route": [404, "No service has a route for this host and path."],
  "method-refused": [405, "Use a method from the Allow field of this answer."],
  unavailable: [503, "No instance can take the request now; try again soon."],
  "queue-full": [503, "Too many requests wait for an instance; try again soon."],
  overloaded: [503, "The gateway's buffers are full; try again soon."],
  draining: [503, "This gateway is stopping; connect again."],
  "leader-changed": [
    503,
    "The leader changed and the outcome is unknown; check before you send it again.",
  ],
  "bad-response": [502, "The instance sent a malformed answer; read its log."],
  "outcome-unknown": [
    502,
    "The instance died before it answered; check the outcome before you send it again.",
  ],
  "connect-failed": [502, "No instance accepts connections; try again soon."],
  timeout: [504, "No instance answered in time; try again or raise timeoutMs."],
} as const satisfies Record<string, Row>;

/** The label of one reason, as logs and metrics show it. */
export type RefusalReason = keyof typeof table;

export type Refusal = {
  readonly reason: RefusalReason;
  readonly status: number;
  /** What the client sees: `GATEWAY_` and the label in capitals. */
  readonly code: string;
  /** One sentence with the cure. */
  readonly message: string;
};

const reasons = Object.keys(table) as RefusalReason[];

/** Every reason in the order of its number; number `n` is `refusals[n - 1]`. */
export const refusals: readonly Refusal[] = reasons.map((reason) => {
  const [status, message] = table[reason];
  return { reason, status, code: `GATEWAY_${reason.toUpperCase().replaceAll("-", "_")}`, message };
});

/** The number of each reason: what the machines return, always greater than 0. */
export const refusal = Object.fromEntries(
  reasons.map((reason, index) => [reason, index + 1]),
) as Readonly<Record<RefusalReason, number>>;

/** The row behind a number that a machine returned. */
export function refusalOf(result: number): Refusal {
  const row = refusals[result - 1];
  if (row === undefined) throw new RangeError(`no refusal has the number ${result}`);
  return row;
}
