/** What `response-parser.ts` finds in the head of a response, and everything that forwarding needs. */
import { ConnectionOptions } from "./connection-options.ts";

/** How the body of a response ends: RFC 9112, section 6.3. */
export const bodyKind = { none: 0, length: 1, chunked: 2, untilClose: 3, tunnel: 4 } as const;

/** What the request asked for; flags that add up. The framing of a response depends on them. */
export const askedHead = 1;
export const askedUpgrade = 2;

export type ResponseLimits = {
  /** Whole head in bytes. */
  readonly headBytesMax: number;
  readonly fieldsMax: number;
};

export const defaultResponseLimits: ResponseLimits = { headBytesMax: 65_536, fieldsMax: 512 };

/**
 * One parsed response head, reused. Offsets as in `RequestHead`; forwarding copies `[start, fieldsEnd)`
 * without the `drops`, adds own lines (Date, Connection, ...) and then the empty line. The first nine
 * bytes are always `HTTP/1.x `; when `minorVersion` is 0 the seventh byte behind `start` must become `1`.
 */
export class ResponseHead {
  start = 0;
  minorVersion = 1;
  status = 0;
  fieldsStart = 0;
  /** Offset of the empty line: where own lines are added. */
  fieldsEnd = 0;
  /** First byte behind the head. */
  end = 0;
  fieldCount = 0;

  /** One of `bodyKind`. */
  body = 0;
  /** The declared length, also when no body follows (HEAD, 304); -1 without one. */
  contentLength = -1;
  /** Transfer-Encoding was `chunked`, also when no body follows (HEAD). */
  chunked = false;
  /** Line of Content-Length or Transfer-Encoding, for callers that change the framing; -1 without. */
  framingStart = -1;
  framingEnd = -1;

  /** The instance lets the connection live, as far as the head says. False for `untilClose`. */
  keepAlive = true;
  /** `timeout` of Keep-Alive in seconds, -1 without. */
  keepAliveSeconds = -1;
  hasDate = false;
  hasRetryAfter = false;
  /** `Prunella-Refused`: the instance did not start the work. */
  hasRefused = false;
  /** Value of `Prunella-Term`, -1 without or when it is no number. */
  term = -1;

  /**
   * As in `RequestHead`: hop-by-hop lines, `Prunella-*`, and Content-Length of 1xx and 204. `Upgrade` of
   * a tunnel stays, and `Connection: Upgrade` is ours to add.
   */
  drops: Int32Array = new Int32Array(16);
  dropCount = 0;
  connection: ConnectionOptions = new ConnectionOptions();

  // Work in progress, for this folder only.
  /** The line in progress, and up to where it is known to have no end. */
  lineStart = 0;
  scanned = 0;
  inFields = false;
  faultAt = 0;
  upgradeLineStart = -1;
  upgradeLineEnd = -1;
  upgradeLineCount = 0;
  upgradesToWebSocket = false;
}
