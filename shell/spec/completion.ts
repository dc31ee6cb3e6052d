/**
 * Fills in what the cluster file leaves out. Input is a shape that the schema accepted; output is the
 * specification that everything else works with, in which nothing is optional any more.
 */
import { extname, isAbsolute, resolve } from "node:path";
import { invariant } from "@prunella/core/kernel";
import type { KeySource, Placement, RouteView, TrafficView } from "@prunella/wire/view";
import type { GatewayShape } from "./cluster-schema.ts";
import type { ClusterSpec, ElectionSpec, ServiceSpec, TcpSpec } from "./cluster-spec.ts";
import { splitCommand } from "./command-line.ts";
import { defaults, limits } from "./defaults.ts";
import type { PartialService } from "./elected-schema.ts";

/** What a relative name in the file is relative to, and what runs scripts. */
export type Surroundings = {
  /** Absolute folder of the cluster file. */
  readonly folder: string;
  /** The Node executable that runs `.ts` and `.js` programs. */
  readonly execPath: string;
};

export function completeGateway(shape: Partial<GatewayShape>): ClusterSpec["gateway"] {
  return {
    host: shape.host ?? defaults.gateway.host,
    port: shape.port ?? defaults.gateway.port,
    count: shape.count ?? defaults.gateway.count,
    trustedProxies: shape.trustedProxies ?? [],
    accessLog: shape.accessLog ?? defaults.gateway.accessLog,
  };
}

/** @param isAlone - It is the only service of its file, so every request can only be meant for it. */
export function completeService(
  shape: PartialService,
  around: Surroundings,
  isAlone: boolean,
): ServiceSpec {
  const program = completeProgram(shape, around, isAlone);
  if (shape.kind !== "elected") return { kind: "replicas", ...program };
  return { kind: "elected", ...program, election: completeElection(shape) };
}

function completeElection(shape: PartialService): ElectionSpec {
  const { mode, timing, preempt, leaseBreak, followers } = defaults.election;
  return {
    mode: shape.mode ?? mode,
    timing: shape.timing ?? timing,
    preempt: shape.preempt ?? preempt,
    leaseBreak: shape.leaseBreak ?? leaseBreak,
    followers: shape.followers ?? followers,
  };
}

function completeProgram(shape: PartialService, around: Surroundings, isAlone: boolean) {
  const folder = resolve(around.folder, shape.folder ?? ".");
  const { count, min, max } = completeCounts(shape);
  const { probe } = defaults;
  return {
    command: completeCommand(shape.run ?? [], folder, around.execPath),
    folder,
    env: completeEnv(shape.env),
    count,
    scale: { min, max },
    routes: completeRoutes(shape, isAlone),
    keys: completeKeys(shape),
    placement: completePlacement(shape),
    compat: shape.compat,
    pipelining: shape.pipelining,
    timeoutMs: shape.timeoutMs ?? defaults.timeoutMs,
    bodyMiBMax: shape.bodyMiBMax ?? defaults.bodyMiBMax,
    traffic: completeTraffic(shape),
    weights: completeWeights(shape.weights),
    tcp: completeTcp(shape),
    probe: {
      path: shape.health?.path,
      intervalMs: shape.health?.intervalMs ?? probe.intervalMs,
      timeoutMs: shape.health?.timeoutMs ?? probe.timeoutMs,
      failuresMax: shape.health?.failuresMax ?? probe.failuresMax,
      successesMin: shape.health?.successesMin ?? probe.successesMin,
      startupMs: shape.health?.startupMs ?? probe.startupMs,
    },
    stop: {
      drainMs: shape.stop?.drainMs ?? defaults.stop.drainMs,
      graceMs: shape.stop?.graceMs ?? defaults.stop.graceMs,
    },
    log: {
      fileMiB: shape.log?.fileMiB ?? defaults.log.fileMiB,
      filesMax: shape.log?.filesMax ?? defaults.log.filesMax,
    },
  };
}

export type Counts = { readonly count: number; readonly min: number; readonly max: number };

/** The source of the compatibility mode names no floor, so `rm` may take the last instance there. */
export function completeCounts(shape: PartialService): Counts {
  if (shape.kind === "elected") return completeElectedCounts(shape);
  const floor = shape.compat === undefined ? defaults.scale.min : 0;
  const min = shape.scale?.min ?? Math.min(floor, shape.count ?? floor);
  const narrow = shape.compat !== undefined || completePlacement(shape) === "seed-512";
  const max = shape.scale?.max ?? (narrow ? limits.seedMapMembersMax : defaults.scale.max);
  return { count: shape.count ?? Math.max(defaults.count, min), min, max };
}

/** A quorum that has lost its majority elects nobody, so `scale` may not go below three. */
function completeElectedCounts(shape: PartialService): Counts {
  const votes = isQuorum(shape);
  const floor = votes ? limits.votersMin : Math.min(defaults.scale.min, shape.count ?? 1);
  const min = shape.scale?.min ?? floor;
  const max = shape.scale?.max ?? (votes ? limits.votersMax : defaults.scale.max);
  return { count: shape.count ?? Math.max(defaults.election.count, min), min, max };
}

export function isQuorum(shape: PartialService): boolean {
  return (shape.mode ?? defaults.election.mode) === "quorum";
}

export function completePlacement(shape: PartialService): Placement {
  return shape.hash ?? (shape.compat === undefined ? "default" : "seed-512");
}

/**
 * The calls of the compatibility mode stand at the root, so there the service does too. A service
 * that has its file to itself gets every request; of several, each must say what is meant for it.
 */
export function completeRoutes(shape: PartialService, isAlone = false): readonly RouteView[] {
  const isAtRoot = (isAlone && (shape.tcp ?? []).length === 0) || shape.compat !== undefined;
  const written = shape.route ?? (isAtRoot ? [{ prefix: "/" }] : []);
  return written.map(({ host, prefix }) => {
    const bare = prefix === "/" ? "/" : prefix.replace(/\/$/, "");
    return host === undefined ? { prefix: bare } : { host: host.toLowerCase(), prefix: bare };
  });
}

/**
 * In compatibility mode a client may choose the request id itself, in the query or in a header, as
 * the experiments of the source need it.
 */
function completeKeys(shape: PartialService): readonly KeySource[] {
  const fallback = shape.compat === undefined ? [] : ["query:id", "header:X-Request-Id"];
  const keys = (shape.key ?? fallback).map(keySource);
  const last = keys.at(-1);
  return last !== undefined && alwaysYields(last) ? keys : [...keys, { from: "request" }];
}

/** True when no later source could ever be asked. */
export function alwaysYields(key: KeySource): boolean {
  return key.from === "request" || key.from === "path" || key.from === "client";
}

function keySource(text: string): KeySource {
  const colon = text.indexOf(":");
  const name = text.slice(colon + 1);
  const from = colon < 0 ? text : text.slice(0, colon);
  if (from === "header") return { from, name: name.toLowerCase() }; // Field names have no case.
  if (from === "query" || from === "cookie") return { from, name };
  invariant(
    from === "request" || from === "path" || from === "client",
    "the schema lets known key sources through only",
  );
  return { from };
}

const scriptExtensions = [".ts", ".mts", ".js", ".mjs", ".cjs"];

/** True for a program that Node runs. */
function isScript(program: string): boolean {
  return scriptExtensions.includes(extname(program));
}

/** A name without a slash stays a name, and is looked up in PATH when the instance is launched. */
function completeCommand(
  run: string | readonly string[],
  folder: string,
  execPath: string,
): readonly string[] {
  const split = typeof run === "string" ? splitCommand(run) : { ok: true as const, words: run };
  const [program, ...rest] = split.ok ? split.words : [];
  invariant(program !== undefined, "the schema lets commands with a program through only");
  if (isScript(program)) return [execPath, resolve(folder, program), ...rest];
  const path = program.includes("/") && !isAbsolute(program) ? resolve(folder, program) : program;
  return [path, ...rest];
}

function completeTraffic(shape: PartialService): TrafficView {
  const { tryTimeoutMs, retryUnsafe, maxInFlight, holdMs } = shape;
  const { slowStartMs, loadBound, ejectAfter } = shape;
  const fields = { tryTimeoutMs, retryUnsafe, maxInFlight, holdMs };
  const said = Object.entries({ ...fields, slowStartMs, loadBound, ejectAfter });
  return Object.fromEntries(said.filter(([, value]) => value !== undefined));
}

function completeTcp(shape: PartialService): readonly TcpSpec[] {
  return (shape.tcp ?? []).map(({ port, by = "service", role, proxyProtocol }) => ({
    ...{ port, by },
    ...(role === undefined ? {} : { role }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  }));
}

function completeWeights(weights: PartialService["weights"]): Readonly<Record<string, number>> {
  const numbers = Object.entries(weights ?? {}).map(([name, value]) => {
    invariant(typeof value === "number", "the check lets weights that are numbers through only");
    return [name, value] as const;
  });
  return Object.fromEntries(numbers);
}

function completeEnv(env: PartialService["env"]): Readonly<Record<string, string>> {
  const texts = Object.entries(env ?? {}).map(([name, value]) => {
    invariant(typeof value === "string", "the check lets variables that are texts through only");
    return [name, value] as const;
  });
  return Object.fromEntries(texts);
}
