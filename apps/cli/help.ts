/** How help looks: a picture of the commands in groups, and examples that can be pasted. */
import type { HelpConfiguration } from "commander";
import { globalOptions } from "./global-options.ts";
import type { Screen } from "./screen.ts";
import type { Verb } from "./verb.ts";

export function styleHelp(screen: Screen): HelpConfiguration {
  return {
    styleTitle: (text) => screen.style("bold", text),
    styleCommandText: (text) => screen.style("cyan", text),
    styleSubcommandTerm: (text) => screen.style("cyan", text),
    styleOptionTerm: (text) => screen.style("cyan", text),
    styleArgumentTerm: (text) => screen.style("cyan", text),
    subcommandTerm: (command) => {
      const words = command.registeredArguments.map((argument) =>
        argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      );
      return [command.name(), ...words].join(" ");
    },
  };
}

/** What stands below the generated part of a command's help. */
export function exampleText(screen: Screen, verb: Verb, program: string): string {
  return `\n${section(screen, "Examples:", asTyped(verb.examples, program))}`;
}

/** What stands below the list of commands: flags that all of them know, first steps, exit codes. */
export function overviewText(screen: Screen, program: string): string {
  const flags = globalOptions.map(({ flags, summary }) => [flags, summary] as const);
  return [
    "",
    section(screen, "Everywhere:", flags),
    "",
    section(screen, "Examples:", asTyped(firstSteps, program)),
    "",
    screen.style("bold", "Exit codes:"),
    "  0 ok, 1 failed, 2 usage, 3 cluster file invalid, 4 changes pending,",
    "  5 not converged in time, 8 locked, 69 unreachable, 130 interrupted",
  ].join("\n");
}

const firstSteps: Verb["examples"] = [
  ["init", "write a cluster file for your program"],
  ["up", "start it"],
  ["status --watch", "see it live, then `kill -9` something"],
  ["why hello-1", "see what happened"],
];

type Row = readonly [term: string, meaning: string];

function asTyped(rows: readonly Row[], program: string): readonly Row[] {
  return rows.map(([command, meaning]) => [`${program} ${command}`, meaning]);
}

function section(screen: Screen, title: string, rows: readonly Row[]): string {
  const width = Math.max(...rows.map(([term]) => term.length)) + 2;
  const lines = rows.map(
    ([term, meaning]) =>
      `  ${screen.style("cyan", term)}${" ".repeat(width - term.length)}${meaning}`,
  );
  return [screen.style("bold", title), ...lines].join("\n");
}
