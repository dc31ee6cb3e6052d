/**
 * Where in a file the parts of a definition stand. A finder (`yaml-positions.ts`,
 * `script-positions.ts`) fills a table of places; whoever has a path asks `locate`.
 */
import type { Path } from "./complaint.ts";

/** Both from 1, columns in UTF-16 units, as editors count them. */
export type Position = { readonly line: number; readonly column: number };

export type Place = {
  /** Start of the field's name. Undefined for list elements and for the whole definition. */
  readonly key: Position | undefined;
  /** Start of what was written for it. */
  readonly value: Position;
};

/** Places by path, the path as JSON. Plain data, so that it can leave a worker. */
export type Positions = ReadonlyMap<string, Place>;

/** No file has more places or deeper ones than a person wants to hear about. */
const placesMax = 20_000;
export const placeDepthMax = 32;

function placeKey(path: Path): string {
  return JSON.stringify(path);
}

/** The place of `path`, or the name of its nearest known parent; the start of the file at worst. */
export function locate(positions: Positions, path: Path, at: "key" | "value"): Position {
  const exact = positions.get(placeKey(path));
  if (exact !== undefined) return (at === "key" ? exact.key : exact.value) ?? exact.value;
  for (let length = path.length - 1; length >= 0; length--) {
    const parent = positions.get(placeKey(path.slice(0, length)));
    if (parent !== undefined) return parent.key ?? parent.value;
  }
  return { line: 1, column: 1 };
}

/** Collects places while a finder walks; refuses quietly beyond the bounds, so walks end. */
export class PlaceTable {
  readonly places = new Map<string, Place>();
  readonly #positionAt: (offset: number) => Position;

  constructor(positionAt: (offset: number) => Position) {
    this.#positionAt = positionAt;
  }

  /** @returns False when the walk should go no deeper here. */
  add(path: Path, keyOffset: number | undefined, valueOffset: number): boolean {
    if (this.places.size >= placesMax || path.length > placeDepthMax) return false;
    const key = keyOffset === undefined ? undefined : this.#positionAt(keyOffset);
    this.places.set(placeKey(path), { key, value: this.#positionAt(valueOffset) });
    return true;
  }
}

/** Turns offsets into positions. Lines end with LF, CRLF or CR, as in YAML and JavaScript. */
export function lineIndex(text: string): (offset: number) => Position {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\n|\r/g)) starts.push(match.index + match[0].length);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
