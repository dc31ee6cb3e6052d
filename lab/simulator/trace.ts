/**
 * What happened in a run, row by row. Nobody records while seeds are searched; a failing seed is
 * played again with a recorder, which is the same run because nothing in it is left to chance.
 *
 * Rows are written as columns: true time, node, what, and the words of the program.
 */
export type TraceRow = {
  readonly atMs: number;
  readonly node: number;
  readonly what:
    | "send"
    | "receive"
    | "lost"
    | "boot"
    | "down"
    | "pause"
    | "resume"
    | "fault"
    | "note"
    | "mark"
    | "violation";
  readonly text: string;
  /** Sends and receives: the other end, and a number that both ends share. */
  readonly peer?: number;
  readonly envelope?: number;
  readonly kind?: string;
};

export class Recorder {
  readonly rows: TraceRow[] = [];

  add(row: TraceRow): void {
    this.rows.push(row);
  }
}

/** The last rows before the end, oldest first. */
export function traceText(rows: readonly TraceRow[], rowsMost: number): string {
  return rows.slice(-rowsMost).map(rowText).join("\n");
}

function rowText({ atMs, node, what, text, peer }: TraceRow): string {
  const where = node < 0 ? "world" : `node ${node}`;
  const arrow = what === "send" || what === "lost" ? " > " : what === "receive" ? " < " : "";
  const other = peer === undefined || arrow === "" ? "" : `${arrow}${peer}`;
  const words = what === "note" ? text : `${what} ${text}`;
  return `${atMs.toFixed(3).padStart(12)}  ${`${where}${other}`.padEnd(12)}  ${words}`;
}
