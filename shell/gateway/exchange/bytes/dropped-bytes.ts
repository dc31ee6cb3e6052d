/** The bytes of a chunked body that go on. */
import type { ChunkScanner } from "../../parser/index.ts";

/** What the last scan, which began at `start`, lets pass. */
export function keptOf(scanner: ChunkScanner, bytes: Uint8Array, start: number): Uint8Array {
  const kept = withoutDrops(bytes, start, scanner.at, scanner.drops, scanner.dropCount);
  return scanner.ahead.length === 0 ? kept : Buffer.concat([scanner.ahead, kept]);
}

/** `[start, end)` without the pairs in `drops`. */
function withoutDrops(
  bytes: Uint8Array,
  start: number,
  end: number,
  drops: Int32Array,
  dropCount: number,
): Uint8Array {
  if (dropCount === 0) return bytes.subarray(start, end);
  const kept = Buffer.allocUnsafe(end - start);
  let size = 0;
  let from = start;
  for (let index = 0; index < dropCount; index++) {
    const to = drops[2 * index] ?? from;
    kept.set(bytes.subarray(from, to), size);
    size += to - from;
    from = drops[2 * index + 1] ?? from;
  }
  kept.set(bytes.subarray(from, end), size);
  return kept.subarray(0, size + end - from);
}
