/**
 * The program around the commands: reads the arguments, runs one command, and ends with an exit code.
 * The only place that reads the arguments, the environment and the signals; `bin/prunella.js` starts it.
 */
import { ClusterError, invariant } from "@prunella/core/kernel";
import { Command, CommanderError, Option } from "commander";
import { endedMeanwhile, wasEnded } from "./agent-presence.ts";
import { findPlace } from "./cluster-place.ts";
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-code.ts";
import { drawFailure, reportOf } from "./failure.ts";
import { globalOptions, globalOptionsFor } from "./global-options.ts";
import { exampleText, overviewText, styleHelp } from "./help.ts";
import { Interruption } from "./interruption.ts";
import { Invocation, programName } from "./invocation.ts";
import { Screen } from "./screen.ts";
import { Options, type Verb, type VerbOption } from "./verb.ts";
import { verbActions } from "./verb-actions.ts";
import { verbs } from "./verbs.ts";
import { versionNumber } from "./version-number.ts";

const timeoutMsDefault = 60_000;
const everywhere = "Everywhere:";

export async function main(argv: readonly string[]): Promise<void> {
  using interruption = new Interruption();
  ignoreClosedPipes();
  const wantsNoColour = argv.includes("--no-color");
  const talk = new Screen(process.stderr, process.env, wantsNoColour);
  const out = new Screen(process.stdout, process.env, wantsNoColour);
  let code: ExitCode = exitCodes.ok;
  const run = async (verb: Verb, words: readonly string[], values: Values) => {
    const call = invocationOf(values, out, talk, interruption);
    const action = await verbActions[verb.name]?.();
    invariant(action !== undefined, `the command ${verb.name} has no action`);
    code = await action(call, words, new Options(values)).catch(async (error: unknown) => {
      throw await withNextStep(error, call);
    });
  };
  try {
    if (argv[0] === "__complete") {
      const { complete } = await import("./completion/candidates.ts");
      await complete(argv.slice(1), out, process.env, process.cwd());
    } else {
      const program = buildProgram(argv, out, talk, run);
      if (argv.length === 0) program.outputHelp();
      else await program.parseAsync([...argv], { from: "user" });
    }
  } catch (error) {
    code = interruption.code ?? endedBy(error, talk, argv.includes("--json"));
  }
  await ended(code);
}

type Values = Readonly<Record<string, unknown>>;

type Run = (verb: Verb, words: readonly string[], values: Values) => Promise<void>;

function buildProgram(argv: readonly string[], out: Screen, talk: Screen, run: Run): Command {
  const program = new Command("prunella")
    .description("One file describes a cluster. Prunella runs it and keeps it alive.")
    .usage("<command> [options]")
    .enablePositionalOptions()
    .commandsGroup("Set up:")
    .helpCommand("help [command]", "explain a command")
    .version(versionNumber(), "-V, --version", "print the version")
    .helpOption("-h, --help", "explain all of it")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => talk.write(text),
      getOutHelpWidth: () => Math.min(out.columns, 100),
      getOutHasColors: () => out.hasColour,
      outputError: (text, write) => write(usageText(text, talk, helpCommand(argv))),
    })
    .configureHelp(styleHelp(out));
  for (const option of globalOptions) program.addOption(optionOf(option).hideHelp());
  program.addHelpText("after", overviewText(out, programName(process.env)));
  for (const verb of verbs) addVerb(program, verb, out, run);
  return program;
}

function addVerb(program: Command, verb: Verb, out: Screen, run: Run): void {
  const command = program.command(verb.name).summary(verb.summary).helpGroup(verb.group);
  command.description(`${verb.summary.charAt(0).toUpperCase()}${verb.summary.slice(1)}.`);
  for (const { term, summary } of verb.arguments) command.argument(term, summary);
  addOptions(command, verb.options, undefined);
  addOptions(command, globalOptionsFor(verb), everywhere);
  const help = new Option("-h, --help", "explain this command").helpGroup(everywhere);
  command
    .addHelpOption(help)
    .addHelpText("after", exampleText(out, verb, programName(process.env)));
  command.action(async () => {
    // The parser ends its action with the command itself; what was typed is kept there.
    const values = { ...program.opts(), ...command.opts(), ...ownColour(program, command) };
    await run(verb, command.args, values);
  });
}

/** `--no-color` is true by default on both levels; false on either of them counts. */
function ownColour(program: Command, command: Command): Values {
  const levels = [program.opts<{ color: boolean }>(), command.opts<{ color: boolean }>()];
  return { color: levels.every(({ color }) => color) };
}

function addOptions(
  command: Command,
  options: readonly VerbOption[],
  group: string | undefined,
): void {
  for (const each of options) {
    const option = optionOf(each);
    if (group !== undefined) option.helpGroup(group);
    command.addOption(option);
  }
}

function optionOf({ flags, summary, parse }: VerbOption): Option {
  const option = new Option(flags, summary);
  return parse === undefined ? option : option.argParser(parse);
}

function invocationOf(
  values: Values,
  out: Screen,
  talk: Screen,
  interruption: Interruption,
): Invocation {
  const options = new Options(values);
  const named = { file: options.text("file"), state: options.text("state") };
  const folder = process.cwd();
  return new Invocation({
    place: findPlace(named, process.env, folder),
    out,
    talk,
    env: process.env,
    folder,
    json: options.flag("json"),
    quiet: options.flag("quiet"),
    yes: options.flag("yes"),
    timeoutMs: options.count("timeout") ?? timeoutMsDefault,
    signal: interruption.signal,
  });
}

/** Whoever finds no agent wants one, whatever the command was. */
async function withNextStep(error: unknown, call: Invocation): Promise<unknown> {
  if (!ClusterError.is(error, "AGENT_UNREACHABLE")) return error;
  if ("next" in error.details) return error;
  const { pid } = error.details;
  const wasThere = typeof pid === "number"; // There was an agent when the command began.
  if (wasThere && (await wasEnded(call.place.stateFolder, pid))) {
    return endedMeanwhile(call.hint("up"));
  }
  return new ClusterError("AGENT_UNREACHABLE", {
    message: error.message,
    details: { ...error.details, next: call.hint("up") },
    cause: error,
  });
}

function endedBy(error: unknown, talk: Screen, json: boolean): ExitCode {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  const report = reportOf(error);
  if (json) talk.line(JSON.stringify({ error: report }));
  else talk.write(drawFailure(report, talk));
  return exitCodeOf(error);
}

/** The parser's complaint in our form: `error: unknown command 'stats'\n(Did you mean status?)`. */
function usageText(text: string, talk: Screen, next: string): string {
  const sentence = text
    .replace(/^error: /, "")
    .trim()
    .replace("\n(", ". ")
    .replace(/\?\)$/, "?");
  const message = sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return drawFailure({ code: "USAGE", message, details: {}, next }, talk);
}

/** Where the command that was meant is explained. */
function helpCommand(argv: readonly string[]): string {
  const verb = verbs.find(({ name }) => argv.includes(name));
  return [programName(process.env), verb?.name, "--help"].filter(Boolean).join(" ");
}

/** `prunella events | head` closes the pipe when it has enough; that is no failure. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.failed);
    });
  }
}

/** Everything that was written reaches its pipe; then nothing, such as an open socket, holds us. */
async function ended(code: ExitCode): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    stream.write("", () => resolve());
    await promise;
  }
  process.exit(code);
}
