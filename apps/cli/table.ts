/**
 * A table of text: columns as wide as their widest cell, and the least important columns left out
 * when the screen is narrow. Cells may be coloured; widths count what one sees.
 */
import { widthOf } from "./screen.ts";

export type Column = {
  readonly title: string;
  readonly align?: "left" | "right";
  /** The column with the highest rank is the first to go on a narrow screen. 0 always stays. */
  readonly rank?: number;
};

const gap = "  ";

/** Draws head and rows. The last cell of a row is not padded, so that no line ends in spaces. */
export function drawTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  columnsMax: number,
): readonly string[] {
  const widths = columns.map((column, index) =>
    Math.max(widthOf(column.title), ...rows.map((row) => widthOf(row[index] ?? ""))),
  );
  const shown = fitting(columns, widths, columnsMax);
  const draw = (cells: readonly string[]) =>
    shown
      .map((index) => pad(cells[index] ?? "", widths[index] ?? 0, columns[index]?.align ?? "left"))
      .join(gap)
      .trimEnd();
  return [draw(columns.map((column) => column.title)), ...rows.map(draw)];
}

function fitting(
  columns: readonly Column[],
  widths: readonly number[],
  columnsMax: number,
): readonly number[] {
  let shown = columns.map((_, index) => index);
  const width = () =>
    shown.reduce((sum, index) => sum + (widths[index] ?? 0) + gap.length, -gap.length);
  while (width() > columnsMax) {
    const rankOf = (index: number) => columns[index]?.rank ?? 0;
    const rank = Math.max(...shown.map(rankOf));
    if (rank === 0) break;
    shown = shown.filter((index) => rankOf(index) !== rank);
  }
  return shown;
}

function pad(text: string, width: number, align: "left" | "right"): string {
  const blank = " ".repeat(Math.max(0, width - widthOf(text)));
  return align === "right" ? blank + text : text + blank;
}
