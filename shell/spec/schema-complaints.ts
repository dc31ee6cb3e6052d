/** Turns what zod found into complaints that say how to fix them. */
import type { z } from "zod";
import { clusterSchema, gatewaySchema, replicasSchema } from "./cluster-schema.ts";
import { type Complaint, type Path, pathText, shown } from "./complaint.ts";
import { electedSchema, electionFields, leaderlessFields } from "./elected-schema.ts";
import { emptyFault, type FaultParams, missingFault } from "./field.ts";
import { nearestName } from "./nearest-name.ts";
import { bareSchema, fieldNames } from "./schema-walk.ts";

type Issue = z.core.$ZodIssue;

/**
 * @param raw - The value that `schema` judged; it stands at `base` of the cluster file.
 */
export function issueComplaints(
  error: z.ZodError,
  schema: unknown,
  raw: unknown,
  base: Path,
): readonly Complaint[] {
  return error.issues.flatMap((issue) => {
    const path = [...base, ...writtenPath(issue.path, raw)];
    if (issue.code === "unrecognized_keys") return unknownFields(issue, schema, raw, base, path);
    if (issue.code === "custom") return [fieldComplaint(issue, path)];
    return [shapeComplaint(issue, path, valueAt(raw, writtenPath(issue.path, raw)))];
  });
}

function fieldComplaint(issue: Issue & { readonly code: "custom" }, path: Path): Complaint {
  const params = issue.params as FaultParams; // Only `field` raises custom issues.
  const code = params.code ?? "CONFIG_INVALID";
  return { path, at: params.at ?? "value", code, message: issue.message, fix: params.fix };
}

/** Where a shorthand was written, the schema sees its long form: `route[0].prefix` for `route: "/"`. */
function writtenPath(path: readonly PropertyKey[], raw: unknown): Path {
  const written: (string | number)[] = [];
  let here = raw;
  for (const [index, part] of path.entries()) {
    if (typeof here !== "object" || here === null) {
      // A shorthand: the value stands for its own parts. A missing field is named all the same.
      if (here !== undefined || index === 0) return written;
    }
    if (typeof part === "number" && !Array.isArray(here)) continue;
    written.push(typeof part === "number" ? part : String(part));
    here = valueAt(here, [String(part)]);
  }
  return written;
}

function valueAt(raw: unknown, path: Path): unknown {
  let here = raw;
  for (const part of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Readonly<Record<string | number, unknown>>)[part];
  }
  return here;
}

/** What an object or a list should have been, shown by example. */
const examples: Readonly<Record<string, string>> = {
  "": 'export default defineCluster({ name: "shop", services: { ... } })',
  gateway: "gateway: { port: 5000 }",
  services: 'services: { hello: replicas({ run: "./server.ts" }) }',
  trustedProxies: 'trustedProxies: ["10.0.0.0/8"]',
  scale: "scale: { min: 1, max: 10 }",
  route: 'route: "/" or route: { host: "api.example.org", prefix: "/v1" }',
  health: 'health: "/healthz" or health: { path: "/healthz", intervalMs: 1000 }',
  env: 'env: { LOG_LEVEL: "info" }',
  stop: "stop: { drainMs: 5000, graceMs: 5000 }",
  log: "log: { fileMiB: 16, filesMax: 3 }",
  tcp: 'tcp: 6379 or tcp: { port: 6379, by: "member" }',
};

const serviceExample = 'replicas({ run: "./server.ts" }) in TypeScript, or kind and run in YAML';

function shapeComplaint(issue: Issue, path: Path, value: unknown): Complaint {
  const invalid = (message: string, fix: string): Complaint => {
    return { path, at: "value", code: "CONFIG_INVALID", message, fix };
  };
  if (issue.code === "too_big" && issue.origin === "array") {
    return invalid(`may have ${issue.maximum} entries at most`, "remove some");
  }
  const named = path.findLast((part) => typeof part === "string") ?? "";
  const example = path.length === 2 && path[0] === "services" ? serviceExample : examples[named];
  const fix = `write for example ${example ?? "an object: { ... }"}`;
  if (value === undefined) return invalid(missingFault.message, fix);
  if (value === null) return invalid(emptyFault.message, fix);
  const list = issue.code === "invalid_type" && issue.expected === "array";
  const short = named === "route" || named === "health"; // A text stands for the most common form.
  const wanted = list ? "a list" : short ? "a path or an object" : "an object";
  return invalid(`must be ${wanted}, not ${shown(value)}`, fix);
}

/** Words that other tools use for the same thing, and slips of thought. */
const otherWords: Readonly<Record<string, string>> = {
  ...{ command: "run", cmd: "run", script: "run", exec: "run", image: "run", args: "run" },
  ...{ replicas: "count", instances: "count", size: "count", cwd: "folder", dir: "folder" },
  ...{ directory: "folder", workdir: "folder", environment: "env", vars: "env" },
  ...{ healthcheck: "health", healthCheck: "health", probe: "health", probes: "health" },
  ...{ liveness: "health", readiness: "health", path: "route", url: "route", paths: "route" },
  ...{ routes: "route", keys: "key", hashKey: "key", placement: "hash", ring: "hash" },
  ...{ autoscale: "scale", logs: "log", timeout: "timeoutMs", interval: "intervalMs" },
  ...{ ports: "port", listen: "port", address: "host", bind: "host", service: "services" },
};

function unknownFields(
  issue: Issue & { readonly code: "unrecognized_keys" },
  schema: unknown,
  raw: unknown,
  base: Path,
  path: Path,
): readonly Complaint[] {
  const known = fieldNames(schema, issue.path.map(String));
  const slip = issue.path.length === 0 ? helperSlip(schema, raw) : undefined;
  if (slip !== undefined) return [{ path: base, at: "value", code: "CONFIG_INVALID", ...slip }];
  return issue.keys.map((key) => ({
    path: [...path, key],
    at: "key",
    code: "CONFIG_INVALID",
    message: path.length === 0 ? "is no field of a cluster" : `is no field of ${pathText(path)}`,
    fix: unknownFix(key, known, path, bareSchema(schema) === electedSchema),
  }));
}

/** A helper in the wrong place, or with the wrong argument: one fault, not one for each field. */
function helperSlip(schema: unknown, raw: unknown) {
  const fields = raw as Readonly<Record<string, unknown>>; // Unknown fields are fields of an object.
  if (bareSchema(schema) === clusterSchema && Object.hasOwn(fields, "kind")) {
    const fix = 'write defineCluster({ name: "shop", services: { hello: replicas({ ... }) } })';
    return { message: "exports one service, not a cluster", fix };
  }
  // replicas("./server.ts") spreads into characters.
  if (!Object.hasOwn(fields, "0")) return undefined;
  const message = "is not made from an object: the helper takes one object";
  const helper = bareSchema(schema) === electedSchema ? "elected" : "replicas";
  return { message, fix: `write ${helper}({ run: "./server.ts" })` };
}

function unknownFix(key: string, known: readonly string[], path: Path, isElected: boolean): string {
  if (isElected && Object.hasOwn(leaderlessFields, key)) {
    return "remove it: every request of an elected service goes to its leader";
  }
  const other = Object.hasOwn(otherWords, key) ? otherWords[key] : undefined;
  if (other !== undefined && known.includes(other)) return `write "${other}" instead`;
  if (key === "port" && path[0] === "services") {
    return "remove it: each instance gets its own PORT, and people connect to gateway.port";
  }
  const near = nearestName(key, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  const home = homeOf(key);
  if (home !== undefined) return `it belongs to ${home}`;
  return `known here: ${known.join(", ")}`;
}

/** A field that exists, but elsewhere. */
function homeOf(key: string): string | undefined {
  for (const [name, inner] of Object.entries(replicasSchema.shape)) {
    if (fieldNames(inner, []).includes(key)) return `${name}: ${name}: { ${key}: ... }`;
  }
  if (Object.hasOwn(replicasSchema.shape, key))
    return `a service: services: { name: { ${key}: ... } }`;
  if (Object.hasOwn(electionFields, key)) {
    return `an elected service: elected({ ${key}: ... }), in YAML kind: elected`;
  }
  if (Object.hasOwn(gatewaySchema.shape, key)) return `gateway: gateway: { ${key}: ... }`;
  if (Object.hasOwn(clusterSchema.shape, key)) return "the cluster itself, beside services";
  return undefined;
}
