/**
 * A run as a picture: a lane for each node, time going down, an arrow for each message, a cross
 * where one was lost, a gap where a process was down, a bar where it was paused.
 *
 * Time is not to scale where nothing happens: long silences shrink and crowded moments stretch, or
 * a failure of 2 ms after 3 s of heartbeats could not be seen. The labels on the left tell the time.
 */
import type { TraceRow } from "./trace.ts";

export type DrawingOptions = {
  readonly title: string;
  readonly nodes: number;
  /** Only the last so many rows are drawn. */
  readonly rowsMost: number;
  /** Messages of these kinds stay in the background. */
  readonly quietKinds: readonly string[];
};

const laneWidth = 210;
const leftMargin = 90;
const topMargin = 64;
const pixelsPerMs = 1.5;
const stepLeast = 5;
const stepMost = 46;
const lineHeight = 13;

type Place = { readonly x: number; readonly y: number };

export function drawTrace(all: readonly TraceRow[], options: DrawingOptions): string {
  const { title, nodes, rowsMost, quietKinds } = options;
  const rows = all.slice(-rowsMost);
  const heights = rowHeights(rows);
  const bottom = topMargin + (heights.at(-1) ?? 0) + 30;
  const width = Math.max(leftMargin + nodes * laneWidth + 60, title.length * 8);
  const lane = (node: number): number => leftMargin + node * laneWidth + 30;
  const at = (index: number): Place => ({
    x: lane(rows[index]?.node ?? 0),
    y: topMargin + (heights[index] ?? 0),
  });
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom}" viewBox="0 0 ${width} ${bottom}">`,
    style,
    `<rect class="paper" width="${width}" height="${bottom}"/>`,
    `<text class="title" x="16" y="26">${escaped(title)}</text>`,
    ...Array.from({ length: nodes }, (_, node) => laneHead(lane(node), node, bottom)),
    ...downtimes(rows, at, bottom),
    ...messages(rows, at, new Set(quietKinds)),
    ...words(rows, at),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

/** How far down each row is: as time passes, within limits. Both ends of one instant share a line. */
function rowHeights(rows: readonly TraceRow[]): readonly number[] {
  let height = 0;
  let lastMs = rows[0]?.atMs ?? 0;
  const textAt = new Map<number, number>();
  return rows.map((row) => {
    if (row.atMs > lastMs) {
      height += Math.min(stepMost, Math.max(stepLeast, (row.atMs - lastMs) * pixelsPerMs));
    }
    lastMs = row.atMs;
    if (isWord(row)) {
      // A word of the world spans all lanes, so it goes below what stands in any of them.
      const above = row.node < 0 ? [...textAt.values()] : [textAt.get(row.node), textAt.get(-1)];
      const lowest = Math.max(...above.map((one) => one ?? Number.NEGATIVE_INFINITY));
      height = Math.max(height, lowest + lineHeight);
      textAt.set(row.node, height);
    }
    return height;
  });
}

function laneHead(x: number, node: number, bottom: number): string {
  return (
    `<line class="lane" x1="${x}" y1="${topMargin - 8}" x2="${x}" y2="${bottom}"/>` +
    `<text class="head" x="${x}" y="${topMargin - 16}" text-anchor="middle">node ${node}</text>`
  );
}

function downtimes(
  rows: readonly TraceRow[],
  at: (index: number) => Place,
  bottom: number,
): readonly string[] {
  const bars: string[] = [];
  const since = new Map<string, Place>();
  const end = (key: string, y: number): void => {
    const from = since.get(key);
    since.delete(key);
    const look = key.split(" ")[0] ?? "";
    if (from !== undefined) {
      const height = Math.max(2, y - from.y);
      bars.push(
        `<rect class="${look}" x="${from.x - 5}" y="${from.y}" width="10" height="${height}"/>`,
      );
    }
  };
  rows.forEach(({ what, node }, index) => {
    if (what === "down" || what === "pause") since.set(`${what} ${node}`, at(index));
    if (what === "boot") end(`down ${node}`, at(index).y);
    if (what === "resume" || what === "down") end(`pause ${node}`, at(index).y);
  });
  for (const key of [...since.keys()]) end(key, bottom);
  return bars;
}

function messages(
  rows: readonly TraceRow[],
  at: (index: number) => Place,
  quiet: ReadonlySet<string>,
): readonly string[] {
  const sends = new Map<number, number>();
  return rows.flatMap(({ what, envelope, kind = "", text }, index) => {
    if (envelope === undefined) return [];
    if (what === "send") {
      sends.set(envelope, index);
      return [];
    }
    const sentIndex = sends.get(envelope);
    if (sentIndex === undefined) return [];
    const look = quiet.has(kind) ? "quiet" : "loud";
    const from = at(sentIndex);
    if (what === "receive") return [arrow(from, at(index), look, quiet.has(kind) ? "" : text)];
    return [cross(from, lostAt(from, rows[index], at(index)), look)];
  });
}

/** A lost message goes a third of its way, or ends at the door of a process that is not there. */
function lostAt(from: Place, row: TraceRow | undefined, here: Place): Place {
  if (row === undefined || here.y > from.y) return here;
  const x = leftMargin + (row.peer ?? 0) * laneWidth + 30;
  return { x: from.x + (x - from.x) / 3, y: from.y + 6 };
}

function arrow(from: Place, to: Place, look: string, text: string): string {
  const line = `<line class="${look}" x1="${from.x}" y1="${from.y}" x2="${to.x}" y2="${to.y}"/>`;
  const tip = `<circle class="${look}-tip" cx="${to.x}" cy="${to.y}" r="2.2"/>`;
  if (text === "") return line + tip;
  const x = from.x + (to.x - from.x) * 0.3;
  const y = from.y + (to.y - from.y) * 0.3 - 2;
  const label = `<text class="label" x="${x}" y="${y}" text-anchor="middle">${escaped(text)}</text>`;
  return line + tip + label;
}

function cross(from: Place, to: Place, look: string): string {
  return (
    `<line class="${look} lost" x1="${from.x}" y1="${from.y}" x2="${to.x}" y2="${to.y}"/>` +
    `<path class="cross" d="M${to.x - 3} ${to.y - 3}l6 6m0 -6l-6 6"/>`
  );
}

function words(rows: readonly TraceRow[], at: (index: number) => Place): readonly string[] {
  let labelled = Number.NEGATIVE_INFINITY;
  let labelledMs = Number.NEGATIVE_INFINITY;
  return rows.flatMap((row, index) => {
    if (!isWord(row)) return [];
    const { y } = at(index);
    const x = row.node < 0 ? leftMargin : at(index).x + 9;
    const word = `<text class="${row.what}" x="${x}" y="${y + 4}">${escaped(row.text || row.what)}</text>`;
    if (y < labelled + lineHeight || row.atMs < labelledMs + 0.05) return [word];
    labelled = y;
    labelledMs = row.atMs;
    return [
      `<text class="time" x="${leftMargin - 14}" y="${y + 4}">${row.atMs.toFixed(1)}</text>`,
      word,
    ];
  });
}

function isWord({ what }: TraceRow): boolean {
  return what !== "send" && what !== "receive" && what !== "lost";
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const style = `<style>
svg{--ink:#1f2328;--quiet:#59636e;--line:#d1d9e0;--paper:#fff;--blue:#124b7c;--bad:#b42318;--warm:#b4651f}
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--quiet:#9198a1;--line:#3d444d;--paper:#0d1117;--blue:#6cb1f0;--bad:#ff8a80;--warm:#ffb77a}}
text{font:11px system-ui,sans-serif;fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px}.title{font-size:15px;font-weight:600}.head{font-weight:600}
.paper{fill:var(--paper)}.lane{stroke:var(--line);stroke-width:1.5}.time{fill:var(--quiet);text-anchor:end}
.loud{stroke:var(--blue);stroke-width:1.2}.loud-tip{fill:var(--blue)}.quiet{stroke:var(--line);stroke-width:.8}
.quiet-tip{fill:var(--line)}.lost{stroke-dasharray:3 3}.cross{stroke:var(--bad);stroke-width:1.4;fill:none}
.label{font-size:9px;fill:var(--quiet)}.down{fill:var(--bad);opacity:.55}.pause{fill:var(--warm);opacity:.55}
text.fault,text.down{fill:var(--bad);opacity:1}text.pause,text.resume,text.mark{fill:var(--warm);opacity:1}
text.violation{fill:var(--bad);font-weight:700;font-size:13px}
</style>`;
