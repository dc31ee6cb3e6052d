/** Rows of a study as a table in plain text. */
import type { StudyTable } from "./plan.ts";

export function tableOf(rows: StudyTable["rows"], holds: boolean, notes: string): StudyTable {
  const columns = Object.keys(rows[0] ?? {});
  const wide = columns.map((name) =>
    Math.max(name.length, ...rows.map((row) => `${row[name] ?? ""}`.length)),
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, index) => cell.padStart(wide[index] ?? 0)).join("  ");
  const body = rows.map((row) => line(columns.map((name) => `${row[name] ?? ""}`)));
  return { rows, holds, text: [line(columns), ...body, notes].join("\n") };
}
