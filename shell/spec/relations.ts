/**
 * What must hold between fields, and between services. Runs over whatever parts of the file are right
 * in themselves, so that one mistake does not hide another; a relation with a wrong field is skipped.
 */
import type { RouteView } from "@prunella/wire/view";
import { type Complaint, configComplaint, shown } from "./complaint.ts";
import { completeCounts, completePlacement, completeRoutes } from "./completion.ts";
import { limits } from "./defaults.ts";
import type { PartialService } from "./elected-schema.ts";
import { portComplaints } from "./port-relations.ts";
import { voterComplaints } from "./voter-relations.ts";

/** A service with those of its fields that are right in themselves. */
export type CheckedService = {
  readonly name: string;
  readonly shape: PartialService;
  /** Fields that were written, but wrong. */
  readonly wrong: ReadonlySet<string>;
};

export function relationComplaints(services: readonly CheckedService[]): readonly Complaint[] {
  return [
    ...services.flatMap((service) => [
      ...countComplaints(service),
      ...compatComplaints(service),
      ...keyComplaints(service),
      ...weightComplaints(service),
    ]),
    ...repeatedRoutes(services),
    ...portComplaints(services),
    ...ambiguousNames(services),
  ];
}

function countComplaints({ name, shape, wrong }: CheckedService): readonly Complaint[] {
  if (["count", "scale", "compat", "hash", "mode"].some((field) => wrong.has(field))) return [];
  const voters = voterComplaints(name, shape);
  if (voters.length > 0) return voters;
  const at = ["services", name];
  const { count, min, max } = completeCounts(shape);
  const seedMap = completePlacement(shape) === "seed-512";
  const most = limits.seedMapMembersMax;
  if (min > max) {
    const written = shape.scale?.max !== undefined;
    const field = written ? "max" : "min";
    const message = written
      ? `is ${max}, less than scale.min (${min})`
      : `is ${min}, more than the default scale.max (${max})`;
    return [
      configComplaint(
        [...at, "scale", field],
        message,
        `write scale: { min: ${max}, max: ${min} } or widen the range`,
      ),
    ];
  }
  if (seedMap && max > most) {
    const message = `is ${max}, but the map "seed-512" holds ${most} instances at most`;
    return [
      configComplaint(
        [...at, "scale", "max"],
        message,
        `write ${most} or less, or hash: "default"`,
      ),
    ];
  }
  if (count >= min && count <= max) return [];
  const bound = count < min ? "min" : "max";
  const limit = count < min ? min : max;
  const side = count < min ? "less" : "more";
  const origin =
    shape.scale?.[bound] === undefined ? `the default scale.${bound}` : `scale.${bound}`;
  const fix =
    seedMap && bound === "max"
      ? `write ${most} or less, or hash: "default"`
      : `write count: ${limit}, or scale: { ${bound}: ${count} }`;
  return [configComplaint([...at, "count"], `is ${count}, ${side} than ${origin} (${limit})`, fix)];
}

function compatComplaints({ name, shape, wrong }: CheckedService): readonly Complaint[] {
  if (shape.compat === undefined || wrong.has("route")) return [];
  if (completeRoutes(shape).some(({ prefix }) => prefix === "/")) return [];
  const message = 'answers /rep, /add and /rm at the root, but the service has no route "/"';
  const fix = 'write route: "/", or leave route out';
  return [configComplaint(["services", name, "compat"], message, fix, "key")];
}

const lastSources = ["request", "path", "client"];

/** Every request has a number, a path and an address: no source after one of these is ever asked. */
function keyComplaints({ name, shape, wrong }: CheckedService): readonly Complaint[] {
  if (shape.key === undefined || wrong.has("key")) return [];
  const last = shape.key.findIndex((source) => lastSources.includes(source));
  if (last < 0 || last === shape.key.length - 1) return [];
  const message = `is never asked, because every request has a key by "${shape.key[last]}"`;
  return [
    configComplaint(["services", name, "key", last + 1], message, "remove it, or put it first"),
  ];
}

/** Weights are for instances of this very service, and none may be so small that it means nothing. */
function weightComplaints({ name, shape, wrong }: CheckedService): readonly Complaint[] {
  if (shape.weights === undefined || wrong.has("weights") || wrong.has("scale")) return [];
  const { weightMin, weightMax } = limits;
  const { max } = completeCounts(shape);
  return Object.entries(shape.weights).flatMap(([instance, weight]): readonly Complaint[] => {
    const path = ["services", name, "weights", instance];
    const number = instance.startsWith(`${name}-`) ? instance.slice(name.length + 1) : "";
    if (!/^[1-9][0-9]*$/.test(number) || Number(number) > max) {
      const message = `is no instance of services.${name}`;
      return [
        configComplaint(path, message, `write a name from "${name}-1" to "${name}-${max}"`, "key"),
      ];
    }
    const fits = typeof weight === "number" && weight >= weightMin && weight <= weightMax;
    if (fits) return [];
    const message = `must be a number from ${weightMin} to ${weightMax}, not ${shown(weight)}`;
    return [configComplaint(path, message, `write for example "${instance}": 0.5`)];
  });
}

/** Two services that claim the same requests. The same route twice in one service only is doctor's. */
function repeatedRoutes(services: readonly CheckedService[]): readonly Complaint[] {
  const owners = new Map<string, string>();
  const complaints: Complaint[] = [];
  for (const { name, shape, wrong } of services) {
    if (wrong.has("route")) continue;
    for (const [index, route] of completeRoutes(shape).entries()) {
      const owner = owners.get(routeKey(route));
      owners.set(routeKey(route), owner ?? name);
      if (owner === undefined || owner === name) continue;
      const written = shape.route !== undefined;
      const path = ["services", name, ...(written ? ["route", index] : ["compat"])];
      const message = written
        ? `${routeText(route)} is a route of services.${owner} already`
        : `brings the route ${routeText(route)}, which services.${owner} has already`;
      complaints.push(configComplaint(path, message, "give one of them another prefix or host"));
    }
  }
  return complaints;
}

export function routeKey(route: RouteView): string {
  return `${route.host ?? "*"} ${route.prefix}`;
}

export function routeText(route: RouteView): string {
  return route.host === undefined ? `"${route.prefix}"` : `"${route.host}${route.prefix}"`;
}

/** `hello-2` as a service beside `hello`: nobody could say which one `logs hello-2` means. */
function ambiguousNames(services: readonly CheckedService[]): readonly Complaint[] {
  const names = new Set(services.map(({ name }) => name));
  return services.flatMap(({ name }) => {
    const base = /^(.+)-[0-9]+$/.exec(name)?.[1];
    if (base === undefined || !names.has(base)) return [];
    const message = `is also the name of an instance of services.${base}`;
    return [
      configComplaint(
        ["services", name],
        message,
        "choose a name that does not end with a number",
        "key",
      ),
    ];
  });
}
