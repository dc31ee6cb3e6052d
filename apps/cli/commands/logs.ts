/** `prunella logs`: what instances wrote, each line marked with its author when there are several. */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import type { ClusterStatus } from "@prunella/wire/control";
import { AwayNotice } from "../away-notice.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { followLog } from "../log-follower.ts";
import { findInstance, findService, instanceUnknown } from "../names.ts";
import type { Style } from "../screen.ts";
import type { Action } from "../verb.ts";
import { writeLine } from "../write-line.ts";

const linesDefault = 200;
const newcomerMs = 1_000;
const colours: readonly Style[] = [
  "cyan",
  "magenta",
  "green",
  "yellow",
  "blue",
  "cyanBright",
  "magentaBright",
];

export const logs: Action = async (call, words, options) => {
  const client = await call.connect();
  const status = await client.status();
  const names = chosen(call, status, words);
  const printer = new Printer(call, names, words.length !== 1 || names.length > 1);
  const tail = options.count("lines") ?? linesDefault;
  if (options.flag("follow")) return follow(call, printer, names, words, tail);
  for (const name of names) {
    for await (const line of client.logs(name, { tail, follow: false }))
      await printer.print(name, line);
  }
  if (names.length === 0) call.say("There is no instance yet.");
  return exitCodes.ok;
};

/** The instances that the words name; a service stands for all of its instances. */
function chosen(
  call: Invocation,
  status: ClusterStatus,
  words: readonly string[],
): readonly string[] {
  if (words.length === 0) {
    return status.services.flatMap((service) => service.instances.map((each) => each.name));
  }
  const names = words.flatMap((word) => {
    const instance = findInstance(status, word);
    if (instance !== undefined) return [instance.name];
    const service = findService(status, word);
    if (service === undefined) throw instanceUnknown(call, status, word);
    return service.instances.map((each) => each.name);
  });
  return [...new Set(names)];
}

/** All of them at once. Whoever joins a chosen service later is followed from its first line. */
async function follow(
  call: Invocation,
  printer: Printer,
  names: readonly string[],
  words: readonly string[],
  tail: number,
): Promise<typeof exitCodes.ok> {
  const notice = new AwayNotice(call);
  const followed = new Set<string>();
  const failed = Promise.withResolvers<never>();
  const start = (name: string, lines: number) => {
    if (followed.has(name)) return;
    followed.add(name);
    void followOne(printer, name, followLog(call, name, lines, notice))
      .catch(failed.reject)
      .finally(() => followed.delete(name));
  };
  for (const name of names) start(name, tail);
  const watching = (async () => {
    do {
      await sleep(newcomerMs, undefined, { signal: call.signal });
      const status = await statusIfThere(call);
      if (status === undefined) continue;
      for (const name of present(status, words)) start(name, linesDefault);
    } while (followed.size > 0);
  })();
  await Promise.race([watching, failed.promise]);
  return exitCodes.ok;
}

async function followOne(
  printer: Printer,
  name: string,
  lines: AsyncIterable<string>,
): Promise<void> {
  try {
    for await (const line of lines) await printer.print(name, line);
  } catch (error) {
    if (!ClusterError.is(error, "INSTANCE_UNKNOWN")) throw error; // It was removed: no more to come.
  }
}

async function statusIfThere(call: Invocation): Promise<ClusterStatus | undefined> {
  try {
    return await (await call.connect()).status();
  } catch (error) {
    if (ClusterError.is(error, "AGENT_UNREACHABLE")) return undefined;
    throw error;
  }
}

/** The chosen instances that exist now; a word that names nobody any more is passed over. */
function present(status: ClusterStatus, words: readonly string[]): readonly string[] {
  if (words.length === 0) {
    return status.services.flatMap((service) => service.instances.map((each) => each.name));
  }
  return words.flatMap(
    (word) => findService(status, word)?.instances.map((each) => each.name) ?? [],
  );
}

class Printer {
  readonly #call: Invocation;
  readonly #isMarked: boolean;
  readonly #styles = new Map<string, Style>();
  #width: number;

  constructor(call: Invocation, names: readonly string[], isMarked: boolean) {
    this.#call = call;
    this.#isMarked = isMarked;
    this.#width = Math.max(0, ...names.map((name) => name.length));
  }

  print(name: string, line: string): Promise<void> {
    const { out, json } = this.#call;
    if (json) return writeLine(this.#call, JSON.stringify({ instance: name, line }));
    if (!this.#isMarked) return writeLine(this.#call, line);
    this.#width = Math.max(this.#width, name.length);
    const mark = out.style(this.#styleOf(name), `${name.padEnd(this.#width)} ${out.marks.bar}`);
    return writeLine(this.#call, `${mark} ${line}`);
  }

  #styleOf(name: string): Style {
    const known = this.#styles.get(name);
    if (known !== undefined) return known;
    const style = colours[this.#styles.size % colours.length] ?? "cyan";
    this.#styles.set(name, style);
    return style;
  }
}
