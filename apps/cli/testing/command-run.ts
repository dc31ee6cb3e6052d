/** Runs `prunella` as a person does: as a process, through its launcher, in some folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../bin/prunella.js", import.meta.url));

export type CommandResult = {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
};

export type CommandPlace = {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** A command that goes on; what it wrote so far can be looked at. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  stdout = "";
  stderr = "";

  constructor(place: CommandPlace, args: readonly string[]) {
    const env = { PATH: process.env["PATH"], HOME: place.folder, ...place.env };
    const child = spawn(process.execPath, [launcher, ...args], {
      cwd: place.folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code) => {
        resolve({ code: code ?? undefined, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Resolves once the condition holds; fails with all that was written. */
  async until(condition: () => boolean, what: string, withinMs = 60_000): Promise<void> {
    const untilMs = performance.now() + withinMs;
    while (!condition()) {
      if (performance.now() > untilMs) {
        throw new Error(`${what}: not within ${withinMs} ms\n${this.stdout}\n---\n${this.stderr}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.ended;
  }
}

export async function prunella(
  place: CommandPlace,
  ...args: readonly string[]
): Promise<CommandResult> {
  await using command = new RunningCommand(place, args);
  return await command.ended;
}
