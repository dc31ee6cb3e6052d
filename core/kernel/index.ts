export {
  ClusterError,
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  type Fault,
} from "./errors.ts";
export {
  type InstanceName,
  instanceName,
  isName,
  type MemberId,
  nameLengthMax,
  type ServiceName,
  serviceName,
} from "./ids.ts";
export { InvariantError, invariant, unreachable } from "./invariant.ts";
export { draw, mix32, type Rng, rngFrom } from "./rng.ts";
export { neverMs, type Step } from "./step.ts";
