/**
 * One line of a journal: a JSON object whose first member is the CRC-32 of the bytes behind it, so a
 * line can be checked without printing it again and read with any JSON tool.
 *
 *   {"crc":"9ae0daaf","id":12,"record":{...}}     an entry
 *   {"crc":"1f00c3d2","id":12,"closed":true}      the journal was closed after entry 12
 */
import { crc32 } from "node:zlib";

export type JournalLine =
  | { readonly type: "entry"; readonly id: number; readonly record: unknown }
  | { readonly type: "closed"; readonly id: number };

const head = '{"crc":"';
const crcLength = 8;
const idHead = '"id":';
const bodyStart = head.length + crcLength + 2; // Behind `",`.

export function entryLine(id: number, record: unknown): Buffer {
  return line(`"id":${id},"record":${JSON.stringify(record)}}`);
}

export function closedLine(id: number): Buffer {
  return line(`"id":${id},"closed":true}`);
}

/** Reads a line without its newline; undefined when it is damaged. */
export function readLine(bytes: Buffer): JournalLine | undefined {
  if (bytes.length <= bodyStart || bytes.toString("latin1", 0, head.length) !== head)
    return undefined;
  const stated = bytes.toString("latin1", head.length, head.length + crcLength);
  if (stated !== checksum(bytes.subarray(bodyStart))) return undefined;
  // The checksum proves that these bytes are ours, so their shape needs no second proof.
  const value = JSON.parse(bytes.toString("utf8")) as {
    readonly id: number;
    readonly closed?: true;
    readonly record?: unknown;
  };
  if (value.closed === true) return { type: "closed", id: value.id };
  return { type: "entry", id: value.id, record: value.record };
}

/** The id that a line states, without the work of checking it; undefined when it states none. */
export function statedId(bytes: Buffer): number | undefined {
  if (bytes.toString("latin1", bodyStart, bodyStart + idHead.length) !== idHead) return undefined;
  const start = bodyStart + idHead.length;
  const digits = /^\d{1,16}/.exec(bytes.toString("latin1", start, start + 16))?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** Each line that ends in a newline, without it, and where the next one begins. */
export function* eachLine(
  bytes: Buffer,
): Generator<{ readonly bytes: Buffer; readonly endOffset: number }> {
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1) return;
    yield { bytes: bytes.subarray(start, end), endOffset: end + 1 };
    start = end + 1;
  }
}

function line(body: string): Buffer {
  return Buffer.from(`${head}${checksum(Buffer.from(body))}",${body}\n`);
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(crcLength, "0");
}
