/** `up --foreground`: the cluster lives as long as this command. For a terminal of its own, or an init. */

import { startAgent } from "./agent-process.ts";
import { followEvents } from "./event-follower.ts";
import { drawEvent } from "./event-line.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import type { Invocation } from "./invocation.ts";
import { writeLine } from "./write-line.ts";

/** Shows what happens, replaces a dead agent, and ends the cluster when it is interrupted. */
export async function stay(call: Invocation): Promise<ExitCode> {
  const client = await call.connect();
  let after = 0;
  for await (const event of client.events({ after, follow: false })) after = event.id;
  const revive = () => startAgent(call);
  call.say("Ctrl-C ends the cluster.");
  try {
    for await (const event of followEvents(call, after, { revive })) {
      await writeLine(call, call.json ? JSON.stringify(event) : drawEvent(event, call.out));
    }
    return exitCodes.ok; // Somebody else said `down`.
  } catch (error) {
    if (!call.signal.aborted) throw error;
    const { endAll } = await import("./commands/down.ts");
    await endAll(call.uninterrupted());
    throw error;
  }
}
