/**
 * `prunella __complete KIND WORDS...`: names of the running cluster for a completion script, one a
 * line. A shell asks at each press of Tab, so whatever goes wrong the answer is quick and empty.
 */
import { connect } from "../client.ts";
import { findPlace } from "../cluster-place.ts";
import { everyInstance } from "../names.ts";
import type { Environment, Screen } from "../screen.ts";

const answerMsMax = 400;

export async function complete(
  args: readonly string[],
  out: Screen,
  env: Environment,
  folder: string,
): Promise<void> {
  const [kind = "", ...words] = args;
  try {
    const named = {
      file: valueAfter(words, fileFlags(words)),
      state: valueAfter(words, ["--state"]),
    };
    const place = findPlace(named, env, folder);
    const client = await connect(place.stateFolder, AbortSignal.timeout(answerMsMax));
    const status = await client.status();
    const services = status.services.map((service) => service.name);
    const instances = everyInstance(status).map((instance) => instance.name);
    const names = { service: services, instance: instances, name: [...services, ...instances] };
    for (const name of names[kind as keyof typeof names] ?? []) out.line(name);
  } catch {
    // No cluster, no agent, no answer in time: there is nothing to offer.
  }
}

/** `-f` follows in these two commands, and names the file everywhere else. */
function fileFlags(words: readonly string[]): readonly string[] {
  return words.includes("logs") || words.includes("events") ? ["--file"] : ["--file", "-f"];
}

function valueAfter(words: readonly string[], flags: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    if (flags.includes(word)) return words[index + 1];
    const flag = flags.find((each) => each.startsWith("--") && word.startsWith(`${each}=`));
    if (flag !== undefined) return word.slice(flag.length + 1);
  }
  return undefined;
}
