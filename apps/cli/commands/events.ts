/** `prunella events`: what happened, as lines for people or objects for programs. */
import type { ClusterEvent } from "@prunella/wire/control";
import { followEvents } from "../event-follower.ts";
import { drawEvent } from "../event-line.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import type { Action } from "../verb.ts";
import { writeLine } from "../write-line.ts";

export const events: Action = async (call, _words, options) => {
  const lines = options.count("lines");
  let after = options.count("after") ?? 0;
  const client = await call.connect();
  const kept: ClusterEvent[] = [];
  for await (const event of client.events({ after, follow: false })) {
    after = event.id;
    if (lines === undefined) {
      await print(call, event);
      continue;
    }
    kept.push(event);
    if (kept.length > lines) kept.shift();
  }
  for (const event of kept) await print(call, event);
  if (!options.flag("follow")) return exitCodes.ok;
  for await (const event of followEvents(call, after)) await print(call, event);
  return exitCodes.ok;
};

function print(call: Invocation, event: ClusterEvent): Promise<void> {
  return writeLine(call, call.json ? JSON.stringify(event) : drawEvent(event, call.out));
}
