/**
 * Writes `docs/reference/command-line.md` from the table that also makes parser, help and completion.
 * `node -C @prunella/source scripts/command-line-reference.ts` writes it; a test compares.
 */
import { writeFileSync } from "node:fs";
import { exitCodes } from "../apps/cli/exit-code.ts";
import { globalOptions } from "../apps/cli/global-options.ts";
import type { Verb } from "../apps/cli/verb.ts";
import { verbs } from "../apps/cli/verbs.ts";

export const commandPage = new URL("../docs/reference/command-line.md", import.meta.url);

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: "done",
  failed: "failed; stderr says what, why and how to fix it",
  usage: "the command line is wrong",
  specInvalid: "the cluster file is wrong or missing",
  changesPending: "`plan --exit-code` found something to change",
  notConverged: "the wanted state was not reached in time",
  locked: "another agent owns the state folder",
  unreachable: "the agent, or the runtime behind it, does not answer",
  interrupted: "Ctrl-C",
  terminated: "SIGTERM",
};

export function commandReference(): string {
  const codes = Object.entries(meanings).map(
    ([name, meaning]) => `| ${exitCodes[name as keyof typeof exitCodes]} | ${meaning} |`,
  );
  return `# Command line

Generated from \`apps/cli/verbs.ts\`; do not edit. Data goes to stdout, talk and progress to stderr.
\`prunella COMMAND --help\` says the same in the terminal.

${verbs.map(section).join("\n")}
## For every command

| flag | meaning |
|---|---|
${globalOptions.map(({ flags, summary }) => `| \`${flags}\` | ${summary} |`).join("\n")}

Without \`--file\` the cluster file is the one that \`PRUNELLA_FILE\` names, else \`cluster.ts\`, \`cluster.yaml\`
or \`cluster.yml\` in the current folder. \`NO_COLOR\` switches colours off.

## Exit codes

| code | meaning |
|---|---|
${codes.join("\n")}
`;
}

function section(verb: Verb): string {
  const usage = [verb.name, ...verb.arguments.map(({ term }) => term)].join(" ");
  const options = verb.options.map(({ flags, summary }) => `- \`${flags}\`: ${summary}`);
  const examples = verb.examples.map(([command, meaning]) => `prunella ${command}   # ${meaning}`);
  const fence = "```";
  return [
    `## ${usage}`,
    "",
    `${verb.summary[0]?.toUpperCase()}${verb.summary.slice(1)}.`,
    "",
    ...(options.length > 0 ? [...options, ""] : []),
    `${fence}sh`,
    ...examples,
    fence,
    "",
  ].join("\n");
}

if (import.meta.main) writeFileSync(commandPage, commandReference());
