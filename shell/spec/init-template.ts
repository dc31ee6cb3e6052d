/** The cluster file that `prunella init` writes: short, commented where a person will want to turn a knob. */
import { invariant } from "@prunella/core/kernel";
import { defaults } from "./defaults.ts";

export type InitAnswers = {
  /** Name of the cluster; also the name of its one service unless `service` is given. */
  readonly name: string;
  readonly service?: string;
  /** As a person would type it: `./server.ts`, `python3 app.py`. */
  readonly program: string;
  readonly count: number;
  readonly port: number;
  /** Path of a health check; undefined for a TCP probe. */
  readonly health: string | undefined;
  readonly format: "ts" | "yaml";
};

export type InitFile = { readonly fileName: string; readonly text: string };

/** Text that `loadCluster` accepts, for answers that `checkCluster` accepts. */
export function initFile(answers: InitAnswers): InitFile {
  invariant(answers.count >= 0 && answers.port > 0, "answers come from checked questions");
  if (answers.format === "yaml") return { fileName: "cluster.yaml", text: yamlText(answers) };
  return { fileName: "cluster.ts", text: scriptText(answers) };
}

/** The same answers as a definition, so that each can be checked before the file is written. */
export function initDefinition(answers: InitAnswers): unknown {
  const { name, service = name, program, count, port, health } = answers;
  const options = { run: program, count, route: "/", ...(health !== undefined && { health }) };
  const services = Object.fromEntries([[service, { kind: "replicas", ...options }]]);
  return { name, gateway: { port }, services };
}

function scriptText({ name, service = name, program, count, port, health }: InitAnswers): string {
  const key = /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(service) ? service : JSON.stringify(service);
  const probe =
    health === undefined
      ? '      // health: "/healthz", // A path that answers 2xx when the program can do its work.'
      : `      health: ${JSON.stringify(health)},`;
  const gateway = port === defaults.gateway.port ? "" : `  gateway: { port: ${port} },\n`;
  return `import { defineCluster, replicas } from "prunella";

export default defineCluster({
  name: ${JSON.stringify(name)},
${gateway}  services: {
    ${key}: replicas({
      run: ${JSON.stringify(program)}, // Listens on PORT and stops on SIGTERM.
      count: ${count},
      route: "/",
${probe}
    }),
  },
});
`;
}

function yamlText({ name, service = name, program, count, port, health }: InitAnswers): string {
  // A JSON text is a YAML text, and never a number, a date or a yes.
  const probe =
    health === undefined
      ? '    # health: "/healthz"  # A path that answers 2xx when the program can do its work.'
      : `    health: ${JSON.stringify(health)}`;
  const gateway = port === defaults.gateway.port ? "" : `gateway:\n  port: ${port}\n`;
  return `name: ${JSON.stringify(name)}
${gateway}services:
  ${JSON.stringify(service)}:
    kind: replicas
    run: ${JSON.stringify(program)}  # Listens on PORT and stops on SIGTERM.
    count: ${count}
    route: "/"
${probe}
`;
}
