/** The byte machines of the gateway: pure functions over `Uint8Array`, no I/O, no clock, no Node. */
export {
  type ChunkLimits,
  ChunkScanner,
  keepDataOnly,
  keepFraming,
  requestChunkLimits,
  responseChunkLimits,
} from "./chunk-scanner.ts";
export { nominatedNames } from "./connection-options.ts";
export { knownMethods, methodCode } from "./methods.ts";
export { noUpgrade, RequestHead, webSocketUpgrade } from "./request-head.ts";
export { ByteRange, findCookie, findHeader, findQuery, hashRange } from "./request-key.ts";
export {
  createRequestLimits,
  type RequestLimits,
  type RequestLimitsOptions,
} from "./request-limits.ts";
export { parseRequestHead, resumeRequestHead } from "./request-parser.ts";
export {
  askedHead,
  askedUpgrade,
  bodyKind,
  defaultResponseLimits,
  ResponseHead,
  type ResponseLimits,
} from "./response-head.ts";
export { parseResponseHead, resumeResponseHead } from "./response-parser.ts";
