/** Reads a YAML cluster file: its value, its places, and what YAML itself finds wrong with it. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import type { Path } from "./complaint.ts";
import type { FileFault } from "./file-text.ts";
import { lineIndex, type Place, PlaceTable } from "./source-positions.ts";

export type YamlCluster =
  | { readonly ok: true; readonly value: unknown; readonly positions: ReadonlyMap<string, Place> }
  | { readonly ok: false; readonly faults: readonly FileFault[] };

const faultsMax = 20;

export function readYaml(text: string): YamlCluster {
  const positionAt = lineIndex(text);
  try {
    // `merge` is how people share settings in YAML: `<<: *base`.
    const document = parseDocument(text, { merge: true, prettyErrors: false });
    const endless = document.errors.find(({ message }) => message.includes("call stack"));
    if (endless !== undefined) throw new RangeError(endless.message);
    const faults = [...document.errors, ...document.warnings].slice(0, faultsMax);
    if (faults.length > 0) {
      return {
        ok: false,
        faults: faults.map(({ code, message, pos }) => ({
          position: positionAt(pos[0]),
          message: sentence(message),
          fix: fixes[code] ?? "correct the YAML here",
        })),
      };
    }
    const table = new PlaceTable(positionAt);
    if (document.contents !== null) {
      table.add([], undefined, document.contents.range?.[0] ?? 0);
      walk(document, document.contents, [], table, 0);
    }
    return { ok: true, value: document.toJS({ maxAliasCount: 100 }), positions: table.places };
  } catch (error) {
    // The library throws on alias bombs and on nesting that exhausts the stack.
    const fault = {
      ...{ position: { line: 1, column: 1 }, message: `is no cluster file: ${unreadable(error)}` },
      fix: "write it out plainly; a cluster file is a few levels deep",
    };
    return { ok: false, faults: [fault] };
  }
}

function unreadable(error: unknown): string {
  if (error instanceof RangeError) return "nested too deeply";
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith("Excessive alias count") ? "too many aliases" : message;
}

const fixes: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "remove one of the two, or rename it",
  MULTIPLE_DOCS: "keep one document: a cluster file has no second `---`",
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "line it up with its siblings",
  MISSING_CHAR: "add it",
  TAG_RESOLVE_FAILED: "remove the tag; the plain value is enough",
};

function sentence(message: string): string {
  return `is no valid YAML: ${message.replace(/\s+/g, " ").trim()}`;
}

function walk(document: Document, node: Node, path: Path, table: PlaceTable, depth: number): void {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (depth > 64 || target === undefined) return;
  if (isMap(target)) {
    for (const pair of target.items) walkPair(document, pair, path, table, depth);
  } else if (isSeq(target)) {
    for (const [index, item] of target.items.entries()) {
      const element = item as Node; // A parsed document holds nodes only.
      if (table.add([...path, index], undefined, element.range?.[0] ?? 0)) {
        walk(document, element, [...path, index], table, depth + 1);
      }
    }
  }
}

function walkPair(
  document: Document,
  pair: Pair<unknown, unknown>,
  path: Path,
  table: PlaceTable,
  depth: number,
): void {
  if (!isScalar(pair.key)) return;
  const key = String(pair.key.value);
  const value = pair.value as Node | null;
  if (key === "<<" && value !== null) {
    const merged = isSeq(value) ? value.items.map((item) => item as Node) : [value];
    for (const source of merged) walk(document, source, path, table, depth + 1);
    return;
  }
  const keyOffset = pair.key.range?.[0] ?? 0;
  const below = [...path, key];
  const [start, end] = value?.range ?? [];
  const written = start !== undefined && start !== end; // `count:` has no value to point at.
  if (!table.add(below, keyOffset, written ? start : keyOffset)) return;
  if (value !== null) walk(document, value, below, table, depth + 1);
}
