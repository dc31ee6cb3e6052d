/** Bytes as lines. A line without end is cut into pieces, so that it cannot fill the memory. */
import { StringDecoder } from "node:string_decoder";

const lineCharactersMax = 1024 * 1024;

export async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new StringDecoder("utf8");
  let pending = "";
  for await (const chunk of bytes) {
    const parts = (pending + decoder.write(chunk)).split("\n");
    pending = parts.pop() ?? "";
    yield* parts;
    if (pending.length > lineCharactersMax) {
      yield pending;
      pending = "";
    }
  }
  pending += decoder.end();
  if (pending !== "") yield pending;
}

/** One JSON value a line. Half a line at the end of a broken stream is not a value, and is left out. */
export async function* valuesOf(lines: AsyncIterable<string>): AsyncIterable<unknown> {
  for await (const line of lines) {
    if (line === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return;
    }
    yield value;
  }
}
