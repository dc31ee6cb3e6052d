/** `prunella status`: the table, once or live. */
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import type { ClusterStatus } from "@prunella/wire/control";
import type { Client } from "../client.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { everyInstance } from "../names.ts";
import { hideCursor, showCursor } from "../progress.ts";
import { drawStatus } from "../status-table.ts";
import type { Action } from "../verb.ts";

const lookMs = 250;
const awayMsMax = 60_000;
/** A pipe gets the table at least this often: only who writes learns that nobody reads any more. */
const repeatMs = 5_000;

const enterScreen = `\u001b[?1049h${hideCursor}`;
const leaveScreen = `\u001b[?1049l${showCursor}`;
const toTop = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[0J";

export const status: Action = async (call, _words, options) => {
  if (options.flag("watch")) return watch(call);
  const now = await (await call.connect()).status();
  if (call.json) call.printJson(now);
  else call.out.write(drawStatus(now, call.out, Date.now()));
  const sick = everyInstance(now).find(
    (instance) => !instance.ready && instance.phase !== "starting",
  );
  if (sick !== undefined && !call.json) call.say(`\nExplain it: ${call.hint(`why ${sick.name}`)}`);
  return exitCodes.ok;
};

/**
 * Draws whenever something differs, until Ctrl-C. A terminal gets one page; a pipe gets one text a
 * change and at least one every 5 s, so that `status --watch | head` ends.
 */
async function watch(call: Invocation): Promise<never> {
  const { out } = call;
  const isPage = out.isTerminal && !call.json;
  let shown: string | undefined;
  let shownAtMs = 0;
  if (isPage) out.write(enterScreen);
  try {
    for await (const now of statuses(call)) {
      const text = call.json ? `${JSON.stringify(now)}\n` : drawStatus(now, out, Date.now());
      const key = isPage ? text : whatMatters(now);
      const isDue = !isPage && performance.now() - shownAtMs >= repeatMs;
      if (key === shown && !isDue) continue;
      out.write(isPage ? page(text, call) : shown === undefined || call.json ? text : `\n${text}`);
      shown = key;
      shownAtMs = performance.now();
    }
    throw call.signal.reason;
  } finally {
    if (isPage) out.write(leaveScreen);
  }
}

/** Looks four times a second; a missing agent is waited for, because another may take over. */
async function* statuses(call: Invocation): AsyncIterable<ClusterStatus> {
  let client: Client | undefined;
  let seenAtMs = performance.now();
  while (!call.signal.aborted) {
    try {
      client ??= await call.connect();
      yield await client.status();
      seenAtMs = performance.now();
    } catch (error) {
      const isAway = ClusterError.is(error, "AGENT_UNREACHABLE");
      if (!isAway || performance.now() - seenAtMs > awayMsMax || client === undefined) throw error;
      client = await call.connect().catch(() => client);
    }
    await sleep(lookMs, undefined, { signal: call.signal });
  }
}

/** A full page over the old one, line by line, so that nothing flickers. */
function page(text: string, call: Invocation): string {
  const { out } = call;
  const foot = out.style("dim", "live, Ctrl-C ends");
  const lines = [...text.trimEnd().split("\n"), "", foot].slice(0, out.rows);
  return `${toTop}${lines.map((line) => line + clearLine).join("\n")}${clearBelow}`;
}

/** Without ages and loads, which change all the time and are no news to a log. */
function whatMatters(status: ClusterStatus): string {
  return JSON.stringify(status, (key, value: unknown) =>
    key === "cpu" || key === "memoryMiB" ? undefined : value,
  );
}
