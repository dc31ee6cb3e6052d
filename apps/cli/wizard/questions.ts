/** The questions of `prunella init`. Each has an answer already, so that Enter is enough. */
import { confirm, intro, outro, select, text } from "@clack/prompts";
import type { Invocation } from "../invocation.ts";
import { Cancellation } from "../usage-error.ts";
import { type Answers, checkAnswers } from "./answers.ts";
import { guessPrograms } from "./program-guess.ts";

const otherProgram = "";

export async function ask(
  call: Invocation,
  given: Omit<Answers, "program">,
  folder: string,
): Promise<Answers> {
  const options = { output: call.talk.stream, signal: call.signal };
  intro("A cluster for your program", options);
  let answers: Answers = { ...given, program: "./server.ts" };
  const judge = (changed: Partial<Answers>) => checkAnswers({ ...answers, ...changed }, folder)[0];
  const askText = async (
    message: string,
    initialValue: string,
    toAnswer: (value: string) => Partial<Answers>,
  ) => {
    const value = kept(
      await text({
        ...options,
        message,
        initialValue,
        validate: (value) => judge(toAnswer(value ?? "")),
      }),
    );
    answers = { ...answers, ...toAnswer(value) };
  };

  const program = await askProgram(call, folder);
  if (program === otherProgram) {
    await askText("Which command starts it?", "", (value) => ({ program: value }));
  } else {
    answers = { ...answers, program };
  }
  await askText("What is the cluster called?", given.name, (name) => ({ name }));
  await askText("How many copies?", `${given.count}`, (value) => ({ count: numberFrom(value) }));
  await askText("On which port do clients connect?", `${given.port}`, (value) => ({
    port: numberFrom(value),
  }));
  await askText(
    "Which path tells that all is well? (empty: an open port is enough)",
    given.health ?? "",
    (value) => ({ health: value === "" ? undefined : value }),
  );
  outro("Thank you", options);
  return answers;
}

export async function mayReplace(call: Invocation, file: string): Promise<boolean> {
  const options = { output: call.talk.stream, signal: call.signal };
  return kept(
    await confirm({
      ...options,
      message: `${file} is there already. Replace it?`,
      initialValue: false,
    }),
  );
}

async function askProgram(call: Invocation, folder: string): Promise<string> {
  const guesses = guessPrograms(folder);
  if (guesses.length === 0) return otherProgram;
  return kept(
    await select({
      output: call.talk.stream,
      signal: call.signal,
      message: "Which program shall run?",
      options: [
        ...guesses.map((value) => ({ value, label: value })),
        { value: otherProgram, label: "another one" },
      ],
    }),
  );
}

/** Ctrl-C and Escape end the wizard; nothing was written yet. */
function kept<Value>(value: Value): Exclude<Value, symbol> {
  if (isAnswer(value)) return value;
  throw new Cancellation("Nothing was written.");
}

function isAnswer<Value>(value: Value): value is Exclude<Value, symbol> {
  return typeof value !== "symbol";
}

function numberFrom(value: string): number {
  return /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
}
