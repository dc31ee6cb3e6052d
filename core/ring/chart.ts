/** Text parts that both slot pictures are made of. Fixed width, ASCII, no colour: logs keep them. */

/** Marks for the first 62 members; everybody after them shares one. */
const marks = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0";
export const listedMax = marks.length;

export function markOf(index: number): string {
  return marks[index] ?? "?";
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(2).padStart(6)} %`;
}

/** A bar of at most 40 characters, scaled so that `largest` fills it. */
export function bar(share: number, largest: number): string {
  return "#".repeat(largest > 0 ? Math.round((40 * share) / largest) : 0);
}

/** Rows of 64 cells, each row led by the slot of its first cell. */
export function grid(cells: string, slotsPerCell: number): readonly string[] {
  const rows: string[] = [];
  for (let start = 0; start < cells.length; start += 64) {
    rows.push(`${String(start * slotsPerCell).padStart(8)}  ${cells.slice(start, start + 64)}`);
  }
  return rows;
}
