/**
 * The schema of the cluster file: every field, its check, its default and its meaning. It describes
 * shape only; what must hold between fields is in `relations.ts`, and defaults are filled in by
 * `completion.ts`. TypeScript and YAML files are held against this same schema.
 */
import { z } from "zod";
import { shown } from "./complaint.ts";
import { defaults, limits } from "./defaults.ts";
import { choice, type Fault, field, fieldFacts, oneOrMany, text, whole } from "./field.ts";
import { nearestName } from "./nearest-name.ts";
import { trafficFields } from "./traffic-schema.ts";
import {
  hostFault,
  keyFault,
  nameFault,
  networkFault,
  prefixFault,
  probePathFault,
  programFault,
  routeHostFault,
} from "./value-rules.ts";

const { hourMs } = limits;

const probe = z.strictObject({
  path: text(
    {
      type: "path",
      default: "none: a TCP connect is enough",
      meaning: "HTTP GET that answers 2xx or 3xx when the instance can do its work.",
    },
    probePathFault,
  ).optional(),
  intervalMs: whole({
    ...{ min: 10, max: hourMs, unit: "ms", default: String(defaults.probe.intervalMs) },
    meaning: "Time between two probes.",
  }).optional(),
  timeoutMs: whole({
    ...{ min: 10, max: hourMs, unit: "ms", default: String(defaults.probe.timeoutMs) },
    meaning: "How long one probe may take.",
  }).optional(),
  failuresMax: whole({
    ...{ min: 1, max: 1000, default: String(defaults.probe.failuresMax) },
    meaning: "Failures in a row before an instance counts as sick.",
  }).optional(),
  successesMin: whole({
    ...{ min: 1, max: 1000, default: String(defaults.probe.successesMin) },
    meaning: "Successes in a row before it counts as well again.",
  }).optional(),
  startupMs: whole({
    ...{ min: 10, max: hourMs, unit: "ms", default: String(defaults.probe.startupMs) },
    meaning: "Time from launch to the first good probe; after it the instance is restarted.",
  }).optional(),
});

const route = z.preprocess(
  (value) => (typeof value === "string" ? { prefix: value } : value),
  z.strictObject({
    host: text(
      {
        default: "any host",
        meaning: "Only requests for this host. `*.example.org` is every name below it.",
      },
      routeHostFault,
    ).optional(),
    prefix: text(
      {
        type: "path",
        default: "required",
        meaning: "Requests whose path is this, or below it. The longest prefix wins.",
      },
      prefixFault,
    ),
  }),
);

const scale = z.strictObject({
  min: whole({
    ...{ min: 0, max: limits.instancesMax },
    default: `${defaults.scale.min}; 0 with \`count: 0\` or \`compat\``,
    meaning: "Fewest instances that `scale` and `rm` may leave.",
  }).optional(),
  max: whole({
    ...{ min: 1, max: limits.instancesMax },
    default: `${defaults.scale.max}; ${limits.seedMapMembersMax} with \`compat\` or \`seed-512\``,
    meaning: "Most instances that `scale` and `add` may reach.",
  }).optional(),
  cpu: field<undefined>(
    {
      ...{ type: "not yet", default: "none" },
      meaning:
        "Processor use to scale by. Autoscaling comes later; until then the file is refused.",
    },
    (value) =>
      value === undefined
        ? undefined
        : {
            ...{ code: "NOT_YET", at: "key" },
            message: "is not there yet: autoscaling comes in a later release",
            fix: "remove it and set the number with count, or with prunella scale",
          },
  ).optional(),
});

const stop = z.strictObject({
  drainMs: whole({
    ...{ min: 0, max: hourMs, unit: "ms", default: String(defaults.stop.drainMs) },
    meaning: "How long running requests may go on before SIGTERM.",
  }).optional(),
  graceMs: whole({
    ...{ min: 0, max: hourMs, unit: "ms", default: String(defaults.stop.graceMs) },
    meaning: "How long after SIGTERM until SIGKILL of the whole process group.",
  }).optional(),
});

const log = z.strictObject({
  fileMiB: whole({
    ...{ min: 1, max: 4096, unit: "MiB", default: String(defaults.log.fileMiB) },
    meaning: "Size of one log file before it is rotated.",
  }).optional(),
  filesMax: whole({
    ...{ min: 0, max: 1000, default: String(defaults.log.filesMax) },
    meaning: "Old files kept beside the current one.",
  }).optional(),
});

const kinds = ["replicas", "elected", "workers", "database"] as const;

const plannedKinds: readonly unknown[] = ["workers", "database"];

/** Both schemas of services ask this; which of the two judges a service follows from its kind. */
export function kindFault(value: unknown): Fault | undefined {
  if (value === "replicas" || value === "elected") return undefined;
  if (plannedKinds.includes(value)) {
    return {
      code: "NOT_YET",
      message: `${String(value)} is not there yet: this release runs replicas and elected services`,
      fix: 'write kind "replicas" or "elected" (in TypeScript: replicas({ ... }), elected({ ... })), or wait for a later release',
    };
  }
  if (value === undefined) {
    return {
      message: "is missing",
      fix: 'write replicas({ ... }) in TypeScript, or "kind: replicas" in YAML',
    };
  }
  const near = typeof value === "string" ? nearestName(value, kinds) : undefined;
  return {
    message: `must be "replicas" or "elected", not ${shown(value)}`,
    fix: `write "${near ?? "replicas"}"`,
  };
}

export const replicasSchema = z.strictObject({
  kind: field<"replicas">(
    {
      ...{ type: '"replicas" or "elected"', default: "required in YAML" },
      meaning:
        "What the service promises. In TypeScript the helpers `replicas({ ... })` and `elected({ ... })` set it. `workers` and `database` come later.",
    },
    kindFault,
  ),
  run: field<string | string[]>(
    {
      ...{ type: "command, or list of words", default: "required" },
      meaning:
        'The program, which listens on `PORT` and stops on SIGTERM. A `.ts`, `.mts`, `.js`, `.mjs` or `.cjs` file is run by the Node that runs Prunella. No shell: for pipes and variables write a script or `["sh", "-c", "..."]`. Relative to `folder`.',
    },
    programFault,
  ),
  count: whole({
    ...{ min: 0, max: limits.instancesMax },
    default: `${defaults.count}, or \`scale.min\` if that is more`,
    meaning:
      "How many instances are kept alive. `prunella scale` changes it while the cluster runs.",
  }).optional(),
  scale: scale.optional(),
  route: oneOrMany(route, limits.routesMax).optional(),
  key: oneOrMany(
    text(
      {
        type: "key source, or list of them",
        default: '`"request"`; with `compat`: `query:id`, `header:X-Request-Id`, `request`',
        meaning:
          'What decides which instance a request goes to: `"request"` (spread evenly), `"path"`, `"client"` (address), `"header:NAME"`, `"query:NAME"` or `"cookie:NAME"`. The first one that a request has; the last resort is always `request`.',
      },
      keyFault,
    ),
    limits.keysMax,
  ).optional(),
  hash: choice(
    {
      ...{ type: '"default" or "seed-512"', default: '"default"; "seed-512" with `compat`' },
      meaning:
        "How keys are placed on instances. `seed-512` is the 512-slot map of the load-balancer document, far out of balance, for at most 56 instances.",
    },
    ["default", "seed-512"],
  ).optional(),
  compat: choice(
    {
      ...{ type: '"load-balancer"', default: "off" },
      meaning:
        "Answers `/rep`, `/add` and `/rm` as the load-balancer document says, **without a token**, and brings its map and limits as defaults.",
    },
    ["load-balancer"],
  ).optional(),
  pipelining: choice(
    {
      ...{ type: '"safe"', default: "off" },
      meaning:
        "GET and HEAD without a body may share a connection to an instance, up to 16 at a time. Costs gateways about a fifth less processor time a request. **Only for programs that answer each request exactly once, in order and soon**: a misplaced answer would reach another client.",
    },
    ["safe"],
  ).optional(),
  health: z
    .preprocess((value) => (typeof value === "string" ? { path: value } : value), probe)
    .optional(),
  env: z
    .record(z.string(), z.unknown())
    .register(fieldFacts, {
      ...{ type: "names and texts", default: "none" },
      meaning:
        "Variables for the program. `PORT`, `SERVER_ID` and `PRUNELLA_*` are set by Prunella and cannot be set here.",
    })
    .optional(),
  folder: text(
    {
      ...{ type: "path", default: "folder of the cluster file" },
      meaning: "Where the program starts, relative to the cluster file.",
    },
    folderFault,
  ).optional(),
  stop: stop.optional(),
  log: log.optional(),
  timeoutMs: whole({
    ...{ min: 10, max: hourMs, unit: "ms", default: String(defaults.timeoutMs) },
    meaning: "Bound of all tries of one request together, until the response begins.",
  }).optional(),
  bodyMiBMax: whole({
    ...{ min: 0, max: 1_048_576, unit: "MiB", default: String(defaults.bodyMiBMax) },
    meaning: "Largest request body; a larger one is answered with 413.",
  }).optional(),
  ...trafficFields,
});

function shareFault(value: unknown): Fault | undefined {
  if (typeof value === "boolean") return undefined;
  if (typeof value === "number" && value > 0 && value <= 1) return undefined;
  const fix =
    value === 0
      ? "write false"
      : "write true or false without quotes, or for example 0.01 for one request in a hundred";
  return { message: `must be true, false or a share above 0 to 1, not ${shown(value)}`, fix };
}

function folderFault(value: string): Fault | undefined {
  if (value === "") return { message: "is empty", fix: 'write "." or leave it out' };
  if (value.startsWith("~")) {
    return {
      message: "begins with ~, which only a shell would replace",
      fix: "write the path out",
    };
  }
  return value.includes("\0")
    ? { message: "contains a NUL character", fix: "remove it" }
    : undefined;
}

export const gatewaySchema = z.strictObject({
  host: text(
    {
      default: `"${defaults.gateway.host}"`,
      meaning: 'Address to listen on. The default is this machine only; `"0.0.0.0"` is everybody.',
    },
    hostFault,
  ).optional(),
  port: whole({
    ...{ min: 1, max: 65_535, default: String(defaults.gateway.port) },
    meaning: "Port to listen on.",
  }).optional(),
  count: whole({
    ...{ min: 1, max: limits.gatewaysMax, default: String(defaults.gateway.count) },
    meaning:
      "How many gateway processes share the port. With two or more the death of one costs only its own connections.",
  }).optional(),
  trustedProxies: z
    .array(
      text(
        {
          ...{ type: "list of addresses or networks", default: "none" },
          meaning: "Proxies in front of the gateway whose `X-Forwarded-*` fields are believed.",
        },
        networkFault,
      ),
    )
    .max(limits.proxiesMax)
    .optional(),
  accessLog: field<boolean | number>(
    {
      type: "true, false or a share, above 0 to 1",
      default: String(defaults.gateway.accessLog),
      meaning:
        "Write one line for each request. With a share, as 0.01, that part of those that went well, drawn at random, and all others: 5xx, answers of the gateway itself, answers that broke off.",
    },
    shareFault,
  ).optional(),
});

export const clusterSchema = z.strictObject({
  name: text(
    {
      ...{ type: "name", default: "required" },
      meaning: "Name of the cluster: letters, digits, `.`, `_` and `-`, at most 63.",
    },
    (value) => nameFault(value),
  ),
  gateway: gatewaySchema.optional(),
  services: z.record(z.string(), z.unknown()),
});

/** A service whose shape is right. Shorthands are written out; defaults are not filled in yet. */
export type ReplicasShape = z.output<typeof replicasSchema>;
export type GatewayShape = z.output<typeof gatewaySchema>;
