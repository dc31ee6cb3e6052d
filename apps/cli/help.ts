/** How help looks: a picture of the commands in groups, and examples that can be pasted. */
import type { HelpConfiguration } from "commander";
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

/** What stands below the generated part: examples of one command, or the first steps. */
export function helpText(screen: Screen, verb?: Verb): string {
  const examples = verb?.examples ?? [
    ["init", "write a cluster file for your program"],
    ["up", "start it"],
    ["status --watch", "see it live, then `kill -9` something"],
    ["why hello-1", "see what happened"],
  ];
  const width = Math.max(...examples.map(([command]) => command.length)) + "prunella ".length + 2;
  const lines = examples.map(([command, meaning]) => {
    const line = `prunella ${command}`;
    return `  ${screen.style("cyan", line)}${" ".repeat(width - line.length)}${screen.style("dim", meaning)}`;
  });
  const after =
    verb === undefined
      ? "\n\nExit codes: 0 ok, 1 failed, 2 usage, 3 cluster file invalid, 4 changes pending,\n5 not converged in time, 8 locked, 69 unreachable, 130 interrupted."
      : "";
  return `\n${screen.style("bold", "Examples:")}\n${lines.join("\n")}${after}`;
}
