/**
 * The schema of an elected service: that of replicas without what says where a request goes, because
 * it goes to the leader, and with what says how the leader is found.
 */
import type { z } from "zod";
import { kindFault, type ReplicasShape, replicasSchema } from "./cluster-schema.ts";
import { defaults, limits } from "./defaults.ts";
import { choice, field, whole } from "./field.ts";

const { election } = defaults;

/** Fields of replicas that mean nothing where every request goes to one member. */
export const leaderlessFields = {
  key: true,
  hash: true,
  compat: true,
  pipelining: true,
  weights: true,
  loadBound: true,
  slowStartMs: true,
  ejectAfter: true,
} as const;

/** The fields that only elected services have. */
export const electionFields = {
  mode: choice(
    {
      ...{ type: '"quorum", "arbiter" or "available"', default: `"${election.mode}"` },
      meaning:
        "Who decides who leads. `quorum`: a majority of the instances, 3 to 7 of them. `arbiter`: one record that only one can change at a time, here a locked file; also for two instances. `available`: whoever reaches each other; after a partition two may lead for a while, and only the fence at the resource keeps the old one out.",
    },
    ["quorum", "arbiter", "available"],
  ).optional(),
  timing: choice(
    {
      ...{ type: '"demo", "lan", "k8s", "safe" or "wan"', default: `"${election.timing}"` },
      meaning:
        "How soon a silent leader is given up: after 150 ms, 600 ms, 1 s, 1.5 s or 4 s. A killed one is replaced at once with any of them.",
    },
    ["demo", "lan", "k8s", "safe", "wan"],
  ).optional(),
  preempt: choice(
    {
      ...{ type: '"never", "after-stable" or "always"', default: `"${election.preempt}"` },
      meaning:
        "Whether a member of higher rank takes the lead over from one that is well, always by a planned handover.",
    },
    ["never", "after-stable", "always"],
  ).optional(),
  leaseBreak: choice(
    {
      ...{ type: '"proof" or "refused"', default: `"${election.leaseBreak}"` },
      meaning:
        "What lets a new leader be elected before the lease of the old one has run out. `proof`: its process has ended and Prunella saw it. `refused`: also a connection that a majority sees refused.",
    },
    ["proof", "refused"],
  ).optional(),
  followers: choice(
    {
      ...{ type: '"proxy", "redirect" or "refuse"', default: `"${election.followers}"` },
      meaning:
        "What an instance that does not lead does with a request that reaches it directly: pass it to the leader, name the leader (307), or refuse it (503). The gateway goes to the leader by itself.",
    },
    ["proxy", "redirect", "refuse"],
  ).optional(),
};

export const electedSchema = replicasSchema.omit(leaderlessFields).extend({
  kind: field<"elected">(
    { type: '"elected"', default: "required in YAML", meaning: "One of the instances leads." },
    kindFault,
  ),
  count: whole({
    ...{ min: 1, max: limits.instancesMax },
    default: `${election.count}, or \`scale.min\` if that is more`,
    meaning:
      "How many instances are kept alive. With `quorum` each is a voter, and they are added and removed one at a time.",
  }).optional(),
  ...electionFields,
});

export type ElectedShape = z.output<typeof electedSchema>;

/** The fields of a service of any kind. */
export type ServiceShape = Omit<ReplicasShape, "kind"> &
  Omit<ElectedShape, "kind"> & { readonly kind: "replicas" | "elected" };

/** The fields of a service that are right in themselves, while others may be wrong. */
export type PartialService = {
  readonly [Name in keyof ServiceShape]?: ServiceShape[Name] | undefined;
};

/** The schema that judges this service. Whatever is no elected service is held against replicas. */
export function schemaFor(kind: unknown): typeof replicasSchema | typeof electedSchema {
  return kind === "elected" ? electedSchema : replicasSchema;
}
