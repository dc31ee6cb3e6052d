/** Writes at the speed of the reader: a pipe into a slow program must not fill the memory. */
import { once } from "node:events";
import type { Invocation } from "./invocation.ts";

export async function writeLine(call: Invocation, line: string): Promise<void> {
  const { stream } = call.out;
  if (stream.write(`${line}\n`)) return;
  await once(stream, "drain", { signal: call.signal });
}
