/** Test texts with a marker where a problem is expected, so that a table shows place and fault at once. */
import type { Position } from "../source-positions.ts";

const marker = "\u2038"; // A caret: it stands in no cluster file.

export type MarkedText = { readonly text: string; readonly positions: readonly Position[] };

/** Takes the markers out and says where they stood. */
export function unmark(marked: string): MarkedText {
  const positions: Position[] = [];
  const lines = marked.split("\n").map((line, index) => {
    let rest = line;
    for (let at = rest.indexOf(marker); at >= 0; at = rest.indexOf(marker)) {
      positions.push({ line: index + 1, column: at + 1 });
      rest = rest.slice(0, at) + rest.slice(at + marker.length);
    }
    return rest;
  });
  return { text: lines.join("\n"), positions };
}
