/** Runs a TypeScript or JavaScript cluster file in a thread, with a deadline, and takes its answer. */
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { ClusterError } from "@prunella/core/kernel";
import type { WorkerAnswer, WorkerOrder } from "./cluster-worker.ts";
import { type FileFault, fileError, readText } from "./file-text.ts";
import type { ScriptFault } from "./script-source.ts";

export type ScriptOptions = {
  readonly sdkUrl: string;
  readonly deadlineMs: number;
};

export type ScriptAnswer = Extract<WorkerAnswer, { readonly type: "value" }>;

const memoryMiBMax = 256;

/** @throws ClusterError `CONFIG_INVALID` with the place of the fault, in the file or in one it imports. */
export async function runScript(
  file: string,
  text: string,
  options: ScriptOptions,
): Promise<ScriptAnswer> {
  const order = { url: pathToFileURL(file).href, text, sdkUrl: options.sdkUrl };
  const answer = await answerOf(order, options.deadlineMs);
  if (answer.type === "value") return answer;
  if (answer.type === "stuck") {
    const message = "waits for something that never comes";
    throw fileError(file, text, [{ message, fix: "remove the await; the file only describes" }]);
  }
  throw await scriptError(file, text, answer.fault);
}

async function scriptError(file: string, text: string, fault: ScriptFault): Promise<ClusterError> {
  if (fault.file === undefined || fault.file === file) return fileError(file, text, [fault]);
  const source = await readText(fault.file).catch(() => ""); // Only to show the line.
  return fileError(fault.file, source ?? "", [fault], "a file that the cluster file imports");
}

function answerOf(order: WorkerOrder, deadlineMs: number): Promise<WorkerAnswer> {
  const own = import.meta.url;
  const entry = new URL(`cluster-worker${own.slice(own.lastIndexOf("."))}`, own);
  const worker = new Worker(entry, {
    workerData: order,
    stdout: true, // Stdout is for data; what the file prints is talk.
    resourceLimits: { maxOldGenerationSizeMb: memoryMiBMax },
  });
  worker.stdout.on("data", (chunk: Uint8Array) => process.stderr.write(chunk));
  const answered = Promise.withResolvers<WorkerAnswer>();
  const fail = (fault: FileFault) => {
    answered.resolve({ type: "fault", fault: { ...fault, file: undefined } });
  };
  const deadline = setTimeout(() => {
    const fix = "remove what it waits for; the file only describes";
    fail({ message: `did not end within ${deadlineMs} ms`, fix });
  }, deadlineMs);
  worker.on("message", (answer: WorkerAnswer) => answered.resolve(answer));
  worker.on("error", (error: unknown) => fail(threadFault(error, order.url)));
  worker.on("exit", (code) => {
    const message = `ends the process with code ${code} instead of exporting a cluster`;
    fail({ message, fix: "remove process.exit" });
  });
  return answered.promise.finally(() => {
    clearTimeout(deadline);
    void worker.terminate(); // Not awaited: native code in the thread may take its time to notice.
  });
}

/** The thread died of an error: out of memory, or thrown by a callback that nobody waited for. */
function threadFault(error: unknown, url: string): FileFault {
  if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
    const message = `needs more than ${memoryMiBMax} MiB to run`;
    return { message, fix: "make it smaller; the file only describes" };
  }
  const reason = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? String(error.stack) : "";
  const after = stack.split(`${url}:`)[1] ?? stack.split(`${fileURLToPath(url)}:`)[1] ?? "";
  const [, line, column] = /^([0-9]+):([0-9]+)/.exec(after) ?? [];
  const position = line === undefined ? undefined : { line: Number(line), column: Number(column) };
  return {
    ...(position && { position }),
    message: `throws while it is read: ${reason.replace(/\s+/g, " ").slice(0, 1000)}`,
    fix: "correct the code: the file is run once to read it, and must end without an error",
  };
}
