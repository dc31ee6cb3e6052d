export {
  type ChunkLimits,
  ChunkScanner,
  keepDataOnly,
  keepFraming,
  requestChunkLimits,
  responseChunkLimits,
} from "./chunk-scanner.ts";
export { knownMethods, methodCode } from "./methods.ts";
export {
  noUpgrade,
  parseRequestHead,
  RequestHead,
  resumeRequestHead,
  webSocketUpgrade,
} from "./request-head.ts";
export { ByteRange, findCookie, findHeader, findQuery, hashRange } from "./request-key.ts";
export {
  createRequestLimits,
  type RequestLimits,
  type RequestLimitsOptions,
} from "./request-limits.ts";
export {
  askedHead,
  askedUpgrade,
  bodyKind,
  defaultResponseLimits,
  parseResponseHead,
  ResponseHead,
  type ResponseLimits,
  resumeResponseHead,
} from "./response-head.ts";
