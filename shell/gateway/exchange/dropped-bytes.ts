/** The bytes of a chunked body that go on: `[start, end)` without the pairs in `drops`. */
export function withoutDrops(
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
