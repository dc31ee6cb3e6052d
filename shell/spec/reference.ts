/** Renders the reference page of the cluster file from the schema, so that the two cannot disagree. */
import { z } from "zod";
import { clusterSchema, gatewaySchema, replicasSchema } from "./cluster-schema.ts";
import { electedSchema } from "./elected-schema.ts";
import { type FieldFacts, fieldFacts } from "./field.ts";
import { bareSchema } from "./schema-walk.ts";

/** A field by its name in the file, for example `scale.min`, with what the page says about it. */
export type DocumentedField = { readonly name: string; readonly facts: FieldFacts | undefined };

/** Every field below an object schema, nested ones included. */
function documentedFields(schema: unknown, prefix = ""): readonly DocumentedField[] {
  const bare = bareSchema(schema);
  if (!(bare instanceof z.ZodObject)) return [];
  return Object.entries(bare.shape).flatMap(([key, inner]): readonly DocumentedField[] => {
    const name = prefix + key;
    const value = bareSchema(inner);
    const element = value instanceof z.ZodArray ? bareSchema(value.element) : value;
    const nested = documentedFields(element, `${name}.`);
    if (nested.length > 0) return nested;
    return [{ name, facts: element instanceof z.ZodType ? fieldFacts.get(element) : undefined }];
  });
}

const clusterFields = documentedFields(clusterSchema.pick({ name: true }));
const gatewayFields = documentedFields(gatewaySchema, "gateway.");
const serviceFields = documentedFields(replicasSchema);
/** What an elected service has otherwise, or besides. */
const electedFields = documentedFields(electedSchema).filter(
  ({ name, facts }) =>
    name !== "kind" &&
    !serviceFields.some((field) => field.name === name && field.facts?.meaning === facts?.meaning),
);

export const allFields: readonly DocumentedField[] = [
  ...clusterFields,
  ...gatewayFields,
  ...serviceFields,
  ...electedFields,
];

/** The text of `docs/reference/cluster-file.md`. */
export function clusterFileReference(): string {
  return `# The cluster file

<!-- Written by scripts/cluster-file-reference.ts from shell/spec/cluster-schema.ts. Change it there. -->

One file describes a cluster: \`cluster.ts\`, \`cluster.yaml\` or \`cluster.yml\` in the current folder, or
the file that \`-f\` or \`PRUNELLA_FILE\` names. TypeScript and YAML are held against the same schema.

\`\`\`ts
import { defineCluster, elected, replicas } from "prunella";

export default defineCluster({
  name: "shop",
  services: {
    hello: replicas({ run: "./server.ts", count: 3, route: "/", health: "/healthz" }),
    fortune: elected({ run: "./fortune.ts", count: 3, route: "/fortune" }),
  },
});
\`\`\`

\`\`\`yaml
name: shop
services:
  hello:
    kind: replicas
    run: ./server.ts
    count: 3
    route: /
    health: /healthz
  fortune:
    kind: elected
    run: ./fortune.ts
    count: 3
    route: /fortune
\`\`\`

A TypeScript file is run to read it: in a thread of its own, at most 10 s and 256 MiB, with the types
removed (no enums, no parameter properties). \`prunella\` need not be installed beside it. A file has
at most 1 MiB. Numbers carry their unit in their name; a field that nobody knows is an error, and every
error names file, line and column.

## Cluster

${table(clusterFields)}
| \`services\` | services by name | | required | What runs. A name has at most 58 characters; instances are called \`name-1\`, \`name-2\`, ... |

## Gateway

${table(gatewayFields)}

## Service

The kind of a service is its promise. This release has \`replicas\`: any one will do, N are always alive;
and \`elected\`: one of N leads, and requests go to it. \`workers\` and \`database\` come later, and until
then a file that uses them is refused with \`NOT_YET\`.

${table(serviceFields)}

\`route\` also takes a text (\`"/api"\` is \`{ prefix: "/api" }\`) or a list of both; \`health\` also takes the
path alone (\`"/healthz"\` is \`{ path: "/healthz" }\`), and \`tcp\` a number (\`6379\` is \`{ port: 6379 }\`) or a list. Of two routes the one with the exact host wins
over \`*.\`, that over any host; among equals the longest prefix. Two services may not have the same
route. A service that has its file to itself gets every request when it names no route; of several
services, one that names none is reached through no gateway.

\`compat: "load-balancer"\` needs the route \`/\` and brings it if \`route\` is left out.

## Elected service

It has the fields of a service but for those that share requests out (\`key\`, \`hash\`, \`compat\`,
\`weights\`, \`loadBound\`, \`slowStartMs\`, \`ejectAfter\`), because every request goes to the leader. \`scale\` is 3 to 7 with \`quorum\` unless the file says less. Other defaults, and other fields:

${table(electedFields)}

The program finds in \`PRUNELLA_ELECTION_*\` all it needs to take part;
[elected services](../guides/elected-services.md) lists it.

## What is checked beyond single fields

- \`scale.min <= count <= scale.max\`; at most 56 with \`seed-512\`.
- A quorum has 3 to 7 instances; \`scale\` cannot leave that range.
- No two services with the same route; no service named \`gateway\`, \`agent\`, or like an instance of another.
- \`run\` needs no shell: pipes, redirections, variables and \`&&\` are refused with a hint.

\`prunella doctor\` says what is valid but unwise.
`;
}

function table(fields: readonly DocumentedField[]): string {
  const rows = fields.map(({ name, facts }) => {
    const { type = "", unit = "", default: fallback = "", meaning = "" } = facts ?? {};
    return `| ${[`\`${name}\``, type, unit, fallback, meaning].join(" | ")} |`;
  });
  return ["| field | type | unit | default | meaning |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}
