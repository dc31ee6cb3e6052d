/**
 * The events of a cluster as one unbroken stream. An agent that dies takes its connection along; its
 * successor continues the same numbering, so the stream resumes after the last event that came.
 */
import type { ClusterEvent } from "@prunella/wire/control";
import type { Invocation } from "./invocation.ts";
import { Reconnection, type ReconnectionOptions } from "./reconnection.ts";

/** Ends when the cluster has ended. Fails when no agent came back, or at Ctrl-C. */
export async function* followEvents(
  call: Invocation,
  after: number,
  options: ReconnectionOptions = {},
): AsyncIterable<ClusterEvent> {
  const reconnection = new Reconnection(call, options);
  let last = after;
  for (;;) {
    const client = await reconnection.next();
    if (client === undefined) return;
    try {
      for await (const event of client.events({ after: last, follow: true })) {
        last = event.id;
        yield event;
      }
    } catch (error) {
      reconnection.lost(error);
    }
  }
}
