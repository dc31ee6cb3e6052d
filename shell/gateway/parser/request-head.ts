/** What `request-parser.ts` finds in the head of a request, and everything that forwarding needs. */
import { ConnectionOptions } from "./connection-options.ts";

/** What became of `Upgrade`. Everything but a well-formed WebSocket request is an ordinary request. */
export const noUpgrade = 0;
export const webSocketUpgrade = 1;

/**
 * One parsed request head: numbers and booleans only, reused from request to request.
 *
 * Offsets point into the array that was parsed and are valid as long as its bytes stay where they
 * are. A range whose start is -1 is absent. Fields are meaningful after `accepted`; after a refusal
 * only `method` and `minorVersion` are, as far as the request line got.
 *
 * Forwarding copies `[methodStart, fieldsEnd)` without the `drops`, adds lines of its own and then the
 * empty line. When `rewritesLine` is true the request line must be written anew.
 */
export class RequestHead {
  /** Where the request line starts, behind an empty line that was skipped. */
  methodStart = 0;
  methodEnd = 0;
  /** A code from `methods.ts`. */
  method = 0;
  /** RFC 9110, section 9.2.2: GET, HEAD, OPTIONS, PUT, DELETE. */
  idempotent = false;

  /**
   * The target to forward: origin-form. Of an absolute-form target it is the part behind the
   * authority, which may be empty or start with `?`; then `needsSlash` is true and a `/` belongs before.
   */
  targetStart = 0;
  targetEnd = 0;
  /** End of the path: the offset of the first `?`, else `targetEnd`. */
  pathEnd = 0;
  needsSlash = false;
  /** `OPTIONS *`: the gateway answers itself. `targetStart` points at the star. */
  asterisk = false;
  /** A `.` or `..` segment, plain or percent-encoded; refused when the limits say so. */
  hasDotSegment = false;
  /** Hash of the path bytes with the seed of the limits; equals `hashKey(path, seed)` of core/ring. */
  pathHash = 0;

  /** 0 or 1. */
  minorVersion = 1;
  /** True for HTTP/1.0 and absolute-form: write `METHOD SP target SP HTTP/1.1 CRLF` instead. */
  rewritesLine = false;
  /** First byte behind the request line. */
  fieldsStart = 0;
  /** Offset of the empty line: where own lines are added. */
  fieldsEnd = 0;
  /** First byte behind the head. */
  end = 0;
  fieldCount = 0;

  /** Bytes of the body, -1 without Content-Length. */
  contentLength = -1;
  chunked = false;
  /** The client lets the connection live: RFC 9112, section 9.3. */
  keepAlive = true;
  /** `Expect: 100-continue` is forwarded; false when it was dropped (HTTP/1.0, no body). */
  expectContinue = false;
  /** `noUpgrade` or `webSocketUpgrade`. When set, `Upgrade` stays and `Connection: Upgrade` is ours to add. */
  upgrade = noUpgrade;

  /** The value of Host, or the authority of an absolute-form target. -1 in HTTP/1.0 without Host. */
  hostStart = -1;
  hostEnd = -1;
  /** The host without its port. IPv6 keeps its brackets. */
  hostNameEnd = -1;
  /** True when no Host line is left to forward: write `Host: ` and the range above, or the member's address. */
  needsHost = false;

  /** X-Request-Id that may be kept (trusted peer, 1-128 token bytes, one line), else -1. */
  requestIdStart = -1;
  requestIdEnd = -1;
  /**
   * First line of each forwarding field; the lines are always in `drops`. For several
   * X-Forwarded-For lines see `forwardedForCount` and walk them with `findHeader`.
   */
  forwardedForStart = -1;
  forwardedForEnd = -1;
  forwardedForCount = 0;
  forwardedProtoStart = -1;
  forwardedProtoEnd = -1;
  forwardedHostStart = -1;
  forwardedHostEnd = -1;

  /** `[start, end)` pairs of lines not to forward, ascending, never touching: 2 x `dropCount` numbers. */
  drops: Int32Array = new Int32Array(16);
  dropCount = 0;
  /** What Connection said. Its lines, and those of the fields that it names, are in `drops`. */
  connection = new ConnectionOptions();

  // Work in progress, for this folder only.
  /** Where the message starts, with an empty line that may come before. */
  messageStart = 0;
  /** The line in progress, and up to where it is known to have no end. */
  lineStart = 0;
  scanned = 0;
  inFields = false;
  /** Where the request line went wrong. */
  faultAt = 0;
  authorityStart = -1;
  authorityEnd = -1;
  authorityNameEnd = -1;
  hostLineStart = -1;
  hostLineEnd = -1;
  expectLineStart = -1;
  expectLineEnd = -1;
  upgradeLineStart = -1;
  upgradeLineEnd = -1;
  upgradeLineCount = 0;
  requestIdLineCount = 0;
  ownViaCount = 0;
}
