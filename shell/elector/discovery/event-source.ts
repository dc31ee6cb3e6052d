/** Reads a stream of Server-Sent Events: the type and the data of each, bounded, until it ends. */
import type { IncomingMessage } from "node:http";

export type SentEvent = { readonly type: string; readonly data: string };

const eventLengthMax = 1024 * 1024;

/**
 * @throws Error when an event is longer than 1 MiB, or the stream breaks.
 */
export async function* sentEvents(incoming: IncomingMessage): AsyncGenerator<SentEvent> {
  incoming.setEncoding("utf8");
  let waiting = "";
  for await (const text of incoming as AsyncIterable<string>) {
    waiting += text;
    if (waiting.length > eventLengthMax) throw new Error("an event is longer than 1 MiB");
    for (;;) {
      const end = waiting.indexOf("\n\n");
      if (end === -1) break;
      const event = readEvent(waiting.slice(0, end));
      waiting = waiting.slice(end + 2);
      if (event !== undefined) yield event;
    }
  }
}

function readEvent(block: string): SentEvent | undefined {
  let type = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) type = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
  }
  return data.length === 0 ? undefined : { type, data: data.join("\n") };
}
