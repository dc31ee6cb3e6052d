/**
 * How a command ends, as a number that scripts may rely on. The table is part of the public contract:
 * a code may be added and never changes its meaning.
 */
import { ClusterError, type ErrorCode } from "@prunella/core/kernel";
import { Cancellation, UsageError } from "./usage-error.ts";

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  specInvalid: 3,
  /** `plan --exit-code` found something to change. */
  changesPending: 4,
  notConverged: 5,
  /** Another agent owns the state folder. */
  locked: 8,
  /** The agent, or the runtime behind it, does not answer. */
  unreachable: 69,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const byErrorCode: Partial<Record<ErrorCode, ExitCode>> = {
  AGENT_UNREACHABLE: exitCodes.unreachable,
  CLUSTER_FILE_MISSING: exitCodes.specInvalid,
  CONFIG_INVALID: exitCodes.specInvalid,
  NOT_CONVERGED: exitCodes.notConverged,
  NOT_YET: exitCodes.specInvalid,
  RUNTIME_UNAVAILABLE: exitCodes.unreachable,
  STATE_LOCKED: exitCodes.locked,
};

/** The exit code of a command that ended with this error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof Cancellation) return exitCodes.interrupted;
  if (ClusterError.is(error)) return byErrorCode[error.code] ?? exitCodes.failed;
  return exitCodes.failed;
}
