/**
 * From anything at all to a cluster specification, or to every complaint about it. Pure: the agent
 * runs it on what the control API brings, the CLI on what a cluster file exports.
 */
import { clusterSchema } from "./cluster-schema.ts";
import type { ClusterSpec, ServiceSpec } from "./cluster-spec.ts";
import { type Complaint, complaintsMax, type Path } from "./complaint.ts";
import { completeGateway, completeService, type Surroundings } from "./completion.ts";
import { limits } from "./defaults.ts";
import { type PartialService, schemaFor } from "./elected-schema.ts";
import { type CheckedService, relationComplaints } from "./relations.ts";
import { issueComplaints } from "./schema-complaints.ts";
import { nameFault, variableFault } from "./value-rules.ts";

export type ClusterCheck =
  | { readonly ok: true; readonly spec: ClusterSpec }
  | { readonly ok: false; readonly complaints: readonly Complaint[] };

/**
 * Checks a cluster definition and fills in its defaults.
 *
 * @param raw - What `defineCluster` returned or YAML said: plain data of any shape.
 * @returns The specification, or at most `complaintsMax` complaints, in the order of the file.
 *   Never throws, whatever `raw` holds.
 */
export function checkCluster(raw: unknown, around: Surroundings): ClusterCheck {
  const top = clusterSchema.safeParse(raw);
  const complaints = top.success ? [] : [...issueComplaints(top.error, clusterSchema, raw, [])];
  const services: CheckedService[] = [];
  for (const [name, service] of entries(entry(raw, "services"))) {
    complaints.push(...nameComplaints(name));
    const checked = checkService(name, service);
    complaints.push(...checked.complaints);
    if (checked.service !== undefined) services.push(checked.service);
  }
  complaints.push(...sizeComplaints(raw));
  complaints.push(...relationComplaints(services));
  if (complaints.length > 0) return { ok: false, complaints: complaints.slice(0, complaintsMax) };
  return { ok: true, spec: complete(raw, around) };
}

function complete(raw: unknown, around: Surroundings): ClusterSpec {
  const cluster = clusterSchema.parse(raw);
  const services: Record<string, ServiceSpec> = {};
  const isAlone = Object.keys(cluster.services).length === 1;
  for (const [name, service] of Object.entries(cluster.services)) {
    const shape = schemaFor(entry(service, "kind")).parse(service);
    services[name] = completeService(shape, around, isAlone);
  }
  const gateway = completeGateway(cluster.gateway ?? {});
  return { name: cluster.name, gateway, services };
}

type ServiceCheck = {
  readonly complaints: readonly Complaint[];
  /** Undefined when nothing useful can be said about how it relates to others. */
  readonly service: CheckedService | undefined;
};

function checkService(name: string, raw: unknown): ServiceCheck {
  const path = ["services", name];
  const schema = schemaFor(entry(raw, "kind"));
  const parsed = schema.safeParse(raw);
  const env = variableComplaints(entry(raw, "env"), [...path, "env"]);
  if (parsed.success) {
    const service = { name, shape: parsed.data, wrong: new Set<string>() };
    return { complaints: env, service };
  }
  const complaints = issueComplaints(parsed.error, schema, raw, path);
  const later = complaints.filter(
    ({ path: [, , field], code }) => field === "kind" && code === "NOT_YET",
  );
  if (later.length > 0) return { complaints: later, service: undefined }; // Its fields are not known yet.
  const wrong = new Set(parsed.error.issues.map((issue) => String(issue.path[0])));
  return {
    complaints: [...complaints, ...env],
    service: { name, shape: rightPart(raw, wrong), wrong },
  };
}

/** The fields that are right in themselves. */
function rightPart(raw: unknown, wrong: ReadonlySet<string>): PartialService {
  const schema = schemaFor(entry(raw, "kind"));
  const known = Object.keys(schema.shape);
  const kept = entries(raw).filter(([name]) => known.includes(name) && !wrong.has(name));
  const parsed = schema.partial().safeParse(Object.fromEntries(kept));
  return parsed.success ? parsed.data : {};
}

const reservedNames = ["gateway", "agent"];

function nameComplaints(name: string): readonly Complaint[] {
  const fault = reservedNames.includes(name)
    ? { message: "is the name of a part of Prunella itself", fix: "choose another name" }
    : nameFault(name, limits.serviceNameLengthMax);
  if (fault === undefined) return [];
  return [{ path: ["services", name], at: "key", code: "CONFIG_INVALID", ...pick(fault) }];
}

function variableComplaints(env: unknown, path: Path): readonly Complaint[] {
  return entries(env).flatMap(([name, value]): readonly Complaint[] => {
    const fault = variableFault(name, value);
    if (fault === undefined) return [];
    return [
      { path: [...path, name], at: fault.at ?? "value", code: "CONFIG_INVALID", ...pick(fault) },
    ];
  });
}

function pick({ message, fix }: { readonly message: string; readonly fix: string }) {
  return { message, fix };
}

function sizeComplaints(raw: unknown): readonly Complaint[] {
  const services = entry(raw, "services");
  const complaint = (path: Path, message: string, fix: string): Complaint => {
    return { path, at: "key", code: "CONFIG_INVALID", message, fix };
  };
  if (isObject(services) && entries(services).length === 0) {
    const fix = 'add one, for example services: { hello: replicas({ run: "./server.ts" }) }';
    return [complaint(["services"], "is empty", fix)];
  }
  const found: Complaint[] = [];
  if (entries(services).length > limits.servicesMax) {
    const message = `may have ${limits.servicesMax} entries at most, and has ${entries(services).length}`;
    found.push(complaint(["services"], message, "split the cluster in two"));
  }
  for (const [name, service] of entries(services)) {
    const size = entries(entry(service, "env")).length;
    if (size <= limits.envMax) continue;
    const message = `may have ${limits.envMax} variables at most, and has ${size}`;
    found.push(complaint(["services", name, "env"], message, "put them into a file"));
  }
  return found;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entries(value: unknown): readonly (readonly [string, unknown])[] {
  return isObject(value) ? Object.entries(value) : [];
}

function entry(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
