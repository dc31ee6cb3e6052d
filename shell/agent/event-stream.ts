/** Two ways to send a stream of facts: lines of JSON for programs, Server-Sent Events with resume. */
import { once } from "node:events";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClusterEvent } from "@prunella/wire/control";
import type { FastifyReply } from "fastify";

const heartbeatMs = 10_000;
const bufferedBytesMax = 1024 * 1024;
const slowReaderMs = 10_000;

export async function* ndjson(values: AsyncIterable<unknown>): AsyncIterable<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

/**
 * Sends text as it comes. The head leaves at once, so that a client knows that it is connected before
 * there is any news; back-pressure is that of the socket.
 */
export async function streamed(
  reply: FastifyReply,
  contentType: string,
  texts: AsyncIterable<string>,
): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, { "content-type": contentType, "cache-control": "no-store" });
  reply.raw.flushHeaders();
  try {
    await pipeline(Readable.from(texts), reply.raw);
  } catch (error) {
    reply.raw.destroy(); // The reader went away, or must see that this is not the end.
    if (error instanceof Error && error.name === "InvariantError") throw error;
  }
}

/**
 * Sends events until the client goes away. Each carries its id, so a client that lost the
 * connection resumes with `Last-Event-ID` and misses nothing. A client that reads slower than the
 * cluster lives gets ten seconds once a MiB waits for it, and resumes in the same way.
 */
export async function serverSentEvents(
  reply: FastifyReply,
  events: AsyncIterable<ClusterEvent>,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  raw.write(": open\n\n");
  const heartbeat = setInterval(() => raw.write(": still here\n\n"), heartbeatMs);
  try {
    for await (const event of events) {
      raw.write(`id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      if (raw.writableLength > bufferedBytesMax && !(await drained(raw))) break;
    }
  } finally {
    clearInterval(heartbeat);
    raw.end();
  }
}

/** True when the reader has caught up, false when it has gone or takes too long. */
async function drained(stream: Writable): Promise<boolean> {
  try {
    await once(stream, "drain", { signal: AbortSignal.timeout(slowReaderMs) });
    return true;
  } catch {
    return false; // It resumes with the last id that it has seen.
  }
}
