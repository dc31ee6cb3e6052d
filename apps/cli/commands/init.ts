/**
 * `prunella init`: a cluster file for a program that is already there. With `--run` it asks nothing;
 * on a terminal it asks for what matters; either way the rules of the file itself check the answers.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { loadFile } from "../cluster-file.ts";
import { fileNames, findPlace, near } from "../cluster-place.ts";
import { exitCodes } from "../exit-code.ts";
import { drawFinding, findingsOf } from "../findings.ts";
import { Invocation } from "../invocation.ts";
import { UsageError } from "../usage-error.ts";
import type { Action, Options } from "../verb.ts";
import { type Answers, checkAnswers, clusterNameFrom } from "../wizard/answers.ts";

const countDefault = 3;
const portDefault = 5_000;

export const init: Action = async (call, _words, options) => {
  const given = givenAnswers(call, options);
  const program = options.text("run");
  const mayAsk = process.stdin.isTTY === true && call.talk.isTerminal && !call.json;
  if (program === undefined && !mayAsk) {
    throw new UsageError(
      "Say which program to run; there is no terminal to ask on.",
      call.hint("init --run ./server.ts"),
    );
  }
  const file = targetOf(call, options, given.format);
  await assertFree(call, file, mayAsk);
  const answers = program === undefined ? await asked(call, given, file) : { ...given, program };
  const [fault] = checkAnswers(answers, dirname(file));
  if (fault !== undefined) throw new UsageError(fault, call.hint("init --help"));
  const { initFile } = await import("@prunella/spec");
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, initFile(answers).text);
  await sayNext(call, file);
  if (call.json) call.printJson({ file, name: answers.name });
  return exitCodes.ok;
};

function givenAnswers(call: Invocation, options: Options): Omit<Answers, "program"> {
  const named = options.text("file");
  const isYaml = options.text("format") === "yaml" || /\.ya?ml$/.test(named ?? "");
  return {
    name: options.text("name") ?? clusterNameFrom(basename(call.folder)),
    count: options.count("count") ?? countDefault,
    port: options.count("port") ?? portDefault,
    health: options.text("health"),
    format: isYaml ? "yaml" : "ts",
  };
}

function targetOf(call: Invocation, options: Options, format: Answers["format"]): string {
  return resolve(call.folder, options.text("file") ?? `cluster.${format}`);
}

async function asked(
  call: Invocation,
  given: Omit<Answers, "program">,
  file: string,
): Promise<Answers> {
  const { ask } = await import("../wizard/questions.ts");
  return ask(call, given, dirname(file));
}

async function assertFree(call: Invocation, file: string, mayAsk: boolean): Promise<void> {
  if (!existsSync(file) || call.yes) return;
  const shown = near(call.folder, file);
  if (mayAsk) {
    const { mayReplace } = await import("../wizard/questions.ts");
    if (await mayReplace(call, shown)) return;
  }
  throw new ClusterError("REQUEST_INVALID", {
    message: `${shown} is there already, and was not changed.`,
    details: { file, fix: "replace it with --yes, or write another one with --file" },
  });
}

/** The next command, and whatever would keep it from working. */
async function sayNext(call: Invocation, file: string): Promise<void> {
  call.sayDone(`${near(call.folder, file)} is written`);
  const place = findPlace({ file, state: undefined }, call.env, call.folder);
  const written = new Invocation({ ...call, place });
  const findings = await findingsOf(call, await loadFile(written));
  for (const finding of findings.filter(({ severity }) => severity === "error")) {
    call.say(`\n${drawFinding(call, finding, call.talk).trimEnd()}`);
  }
  const first = fileNames.map((name) => join(call.folder, name)).find(existsSync);
  const isHidden = first !== undefined && first !== file && dirname(file) === call.folder;
  if (isHidden && extname(first) === ".ts") {
    call.say(`${near(call.folder, first)} is there as well and comes first: name the new one.`);
  }
  call.say("Each instance listens on the port in PORT, and stops on SIGTERM.");
  call.say(`Next: ${written.hint("up")}`);
}
