/** One run of the command line: what was asked for around the verb, and where answers go. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Client, connect } from "./client.ts";
import type { ClusterPlace } from "./cluster-place.ts";
import { Progress } from "./progress.ts";
import type { Environment, Screen } from "./screen.ts";

export type InvocationFacts = {
  readonly place: ClusterPlace;
  readonly out: Screen;
  readonly talk: Screen;
  readonly env: Environment;
  readonly folder: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly yes: boolean;
  readonly timeoutMs: number;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
};

export class Invocation {
  readonly place: ClusterPlace;
  /** Data: stdout. */
  readonly out: Screen;
  /** Talk: stderr. */
  readonly talk: Screen;
  readonly env: Environment;
  readonly folder: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly yes: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;

  constructor(facts: InvocationFacts) {
    this.place = facts.place;
    this.out = facts.out;
    this.talk = facts.talk;
    this.env = facts.env;
    this.folder = facts.folder;
    this.json = facts.json;
    this.quiet = facts.quiet;
    this.yes = facts.yes;
    this.timeoutMs = facts.timeoutMs;
    this.signal = facts.signal;
  }

  /** The same run without Ctrl-C, for putting things in order after it. */
  uninterrupted(): Invocation {
    return new Invocation({ ...this, signal: new AbortController().signal });
  }

  /** A sentence for people; `--quiet` leaves it out. */
  say(text: string): void {
    if (!this.quiet) this.talk.line(text);
  }

  /** "Done" in one line. */
  sayDone(text: string): void {
    this.say(`${this.talk.style("green", this.talk.marks.done)} ${text}`);
  }

  /** One document for programs. */
  printJson(value: unknown): void {
    this.out.line(JSON.stringify(value, undefined, this.out.isTerminal ? 2 : undefined));
  }

  progress(title: string): Progress {
    return new Progress(this.talk, title, this.quiet);
  }

  connect(): Promise<Client> {
    return connect(this.place.stateFolder, this.signal);
  }

  /** A command line that a person can paste here and that means this cluster. */
  hint(command: string): string {
    return [programName(this.env), command, this.place.flags]
      .filter((part) => part !== "")
      .join(" ");
  }
}

/**
 * How one starts Prunella here: by its name when it is on the path for good, else through npx. What
 * npm and make put on the path for a moment is not there for a person.
 */
export function programName(env: Environment): string {
  const isMomentary = env.npm_command !== undefined || env.npm_execpath !== undefined;
  const folders = isMomentary ? [] : (env.PATH ?? "").split(delimiter);
  const isThere = folders.some(
    (folder) =>
      folder !== "" &&
      !folder.endsWith(join("node_modules", ".bin")) &&
      existsSync(join(folder, "prunella")),
  );
  return isThere ? "prunella" : "npx prunella";
}
