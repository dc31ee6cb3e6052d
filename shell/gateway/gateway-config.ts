/**
 * What a gateway process is told when it starts. The agent writes it as JSON with mode 0600; it
 * holds the path of the token and never the token. Checked by hand, because a schema library would
 * cost a tenth of the time in which a gateway must be back.
 */
import { ClusterError } from "@prunella/core/kernel";
import type { ListenOptions } from "./data-path.ts";

export type GatewayConfig = {
  /** Names the gateway in `Via`; views of other clusters are refused. */
  readonly cluster: string;
  /** Name of this copy, for logs and answers of the admin listener. */
  readonly instance: string;
  readonly listeners: readonly ListenOptions[];
  /** File that holds the cluster token. */
  readonly tokenFile: string;
  /** Where the last applied view is kept. */
  readonly viewFile: string;
  /** Written once the process listens: `{pid, adminUrl, port}`. */
  readonly announceFile: string;
  /** One line of JSON for each exchange; a number above 0 and at most 1: for that share of them. */
  readonly accessLog: boolean | number;
  /** Where log lines go; standard output unless given. */
  readonly logFile?: string;
  /** Query parameters whose values are blanked in the log, beside the usual ones. */
  readonly redactQuery?: readonly string[];
  /** Addresses and networks (`10.0.0.0/8`) whose forwarding fields are believed. */
  readonly trustedProxies: readonly string[];
  /** How long requests may go on after SIGTERM. */
  readonly drainMs?: number;
};

/** @throws ClusterError `CONFIG_INVALID` that names every field that is wrong. */
export function parseGatewayConfig(value: unknown): GatewayConfig {
  const config = value as GatewayConfig;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(["the configuration must be an object"]);
  }
  const problems = [
    ...(["cluster", "instance", "tokenFile", "viewFile", "announceFile"] as const).flatMap(
      (name) => (isText(config[name]) ? [] : [`${name} must be a text`]),
    ),
    ...(Array.isArray(config.listeners) && config.listeners.length > 0
      ? config.listeners.flatMap(listenerProblems)
      : ["listeners must be a list with at least one {host, port}"]),
    ...(isShare(config.accessLog) ? [] : ["accessLog must be true, false, or a share up to 1"]),
    ...(isTextList(config.trustedProxies) ? [] : ["trustedProxies must be a list of addresses"]),
    ...(isAbsentOr(config.redactQuery, isTextList) ? [] : ["redactQuery must be a list of names"]),
    ...(isAbsentOr(config.logFile, isText) ? [] : ["logFile must be a path"]),
    ...(isAbsentOr(config.drainMs, isDuration) ? [] : ["drainMs must be milliseconds"]),
  ];
  if (problems.length > 0) throw invalid(problems);
  return config;
}

function listenerProblems(listener: ListenOptions, index: number): readonly string[] {
  const at = `listeners[${index}]`;
  if (typeof listener !== "object" || listener === null) return [`${at} must be {host, port}`];
  const { host, port } = listener;
  return [
    ...(isText(host) ? [] : [`${at}.host must be an address`]),
    ...(Number.isInteger(port) && port >= 0 && port < 65_536 ? [] : [`${at}.port must be 0-65535`]),
  ];
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isShare(value: unknown): boolean {
  return typeof value === "boolean" || (typeof value === "number" && value > 0 && value <= 1);
}

function isDuration(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}

function invalid(problems: readonly string[]): ClusterError {
  return new ClusterError("CONFIG_INVALID", {
    message: `The gateway's configuration is wrong: ${problems.join("; ")}.`,
    details: { problems },
  });
}
