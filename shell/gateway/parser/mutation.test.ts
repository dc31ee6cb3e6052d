import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { firstFailure } from "./fixtures/gate.ts";

// Goal: the tables notice when a rule is broken. Method: for each mutant the sources are copied to a
// temporary folder, one line is changed there, and the tables of the copy are run on the copy.

type Mutant = {
  readonly name: string;
  readonly file: string;
  /** Occurs exactly once in the file; when the source changes, the mutant must follow. */
  readonly from: string;
  readonly to: string;
};

const mutants: readonly Mutant[] = [
  {
    name: "a Content-Length list is accepted",
    file: "framing-fields.ts",
    from: "if (digit < 0 || digit > 9) return -1;",
    to: "if (digit < 0 || digit > 9) break;",
  },
  {
    name: "chunked is matched as a substring",
    file: "framing-fields.ts",
    from: "if (rangeIs(bytes, line.valueStart, valueEnd, chunked)) return accepted;",
    to: "if (/chunked/i.test(String.fromCharCode(...bytes.subarray(line.valueStart, valueEnd)))) return accepted;",
  },
  {
    name: "white space behind chunked is accepted",
    file: "framing-fields.ts",
    from: "const valueEnd = line.end - 2;",
    to: "const valueEnd = line.valueEnd;",
  },
  {
    name: "a tab before a framing value is accepted",
    file: "framing-fields.ts",
    from: "if (bytes[at] === htab) return true;",
    to: "",
  },
  {
    name: "LF ends a field line",
    file: "field-line.ts",
    from: "  if (at + 1 >= stop) return at < stop ?",
    to: "  if (bytes[at] === lf) { line.end = at + 1; line.valueEnd = at; return accepted; }\n  if (at + 1 >= stop) return at < stop ?",
  },
  {
    name: "a line is judged before it ended",
    file: "field-line.ts",
    from: "if (lineEnd >= stop) return more;",
    to: "if (lineEnd >= stop) return fault;",
  },
  {
    name: "a CR at the end of a piece is forgotten",
    file: "field-line.ts",
    from: "return stop > start && bytes[stop - 1] === cr ? stop - 1 : stop;",
    to: "return stop;",
  },
  {
    name: "a folded line is a field",
    file: "field-line.ts",
    from: "if (white) return judgeLine(bytes, at, stop, refusal.fold);",
    to: "if (white) return scanFieldLine(bytes, at + 1, stop, line);",
  },
  {
    name: "length and chunked together are accepted",
    file: "request-rules.ts",
    from: 'if (head.chunked && head.contentLength >= 0) return refusal["length-both"];',
    to: "",
  },
  {
    name: "a second length is accepted",
    file: "request-fields.ts",
    from: 'if (head.contentLength >= 0) return refusal["length-many"];',
    to: "",
  },
  {
    name: "a second Transfer-Encoding is accepted",
    file: "request-fields.ts",
    from: 'if (head.chunked) return refusal["te-syntax"];',
    to: "",
  },
  {
    name: "chunked is accepted in HTTP/1.0",
    file: "request-fields.ts",
    from: 'if (head.minorVersion === 0) return refusal["te-version"];',
    to: "",
  },
  {
    name: "a second Host is accepted",
    file: "request-fields.ts",
    from: 'if (head.hostLineStart >= 0) return refusal["host-many"];',
    to: "",
  },
  {
    name: "a disguised name is accepted",
    file: "field-names.ts",
    from: "(byte === underscore ? dash : lowerByte[byte])",
    to: "(lowerByte[byte])",
  },
  {
    name: "the length is dropped because Connection named it",
    file: "connection-options.ts",
    from: "for (const name of untouchable) if (rangeIs(bytes, start, end, name)) return false;",
    to: "",
  },
  {
    name: "names in Connection are forwarded",
    file: "request-rules.ts",
    from: "if (connection.nominatedCount > 0) dropNominated(bytes, head);",
    to: "",
  },
  {
    name: "any upgrade is tunnelled",
    file: "request-fields.ts",
    from: "!rangeIs(bytes, line.valueStart, line.valueEnd, webSocket)",
    to: "line.valueStart === line.valueEnd",
  },
  {
    name: "forwarding fields of strangers are believed",
    file: "request-fields.ts",
    from: "return limits.trustPeer ? accepted : drop(head, line);",
    to: "return accepted;",
  },
  {
    name: "an encoded dot segment passes",
    file: "request-line.ts",
    from: "return bytes[at + 2] === 0x65 || bytes[at + 2] === 0x45;",
    to: "return bytes[at + 2] === 0x65;",
  },
  {
    name: "a target may hold a fragment",
    file: "byte-classes.ts",
    from: 'if (visible && character !== "#") bits |= targetByte;',
    to: "if (visible) bits |= targetByte;",
  },
  {
    name: "a used head is not reset: body length",
    file: "request-parser.ts",
    from: "  head.contentLength = -1;\n",
    to: "",
  },
  {
    name: "a used head is not reset: drops",
    file: "request-parser.ts",
    from: "  head.dropCount = 0;\n",
    to: "",
  },
  {
    name: "a used head is not reset: Connection",
    file: "request-parser.ts",
    from: "  head.connection.reset();\n",
    to: "",
  },
  {
    name: "a used response head is not reset: chunked",
    file: "response-parser.ts",
    from: "  head.chunked = false;\n",
    to: "",
  },
  {
    name: "the body of an answer to HEAD is awaited",
    file: "response-rules.ts",
    from: "(asked & askedHead) !== 0",
    to: "asked < 0",
  },
  {
    name: "204 keeps its length",
    file: "response-rules.ts",
    from: "if (head.contentLength >= 0 && (isInterim || status === 204)) {",
    to: "if (head.contentLength >= 0 && isInterim) {",
  },
  {
    name: "101 opens a tunnel that nobody asked for",
    file: "response-rules.ts",
    from: "(asked & askedUpgrade) !== 0 &&",
    to: "",
  },
  {
    name: "data may end without CR",
    file: "chunk-scanner.ts",
    from: 'return byte === cr ? accepted : refusal["chunk-end"];',
    to: "return accepted;",
  },
  {
    name: "sizes may have any number of digits",
    file: "chunk-scanner.ts",
    from: 'if (this.#length > sizeDigitsMax) return refusal["chunk-size"];',
    to: "",
  },
  {
    name: "a new line between quotes is accepted",
    file: "byte-classes.ts",
    from: `if (value && character !== '"' && character !== "\\\\") bits |= quotedByte;`,
    to: `if (character !== '"' && character !== "\\\\") bits |= quotedByte;`,
  },
  {
    name: "extensions are forwarded",
    file: "chunk-scanner.ts",
    from: "if (inExtension || this.#keep === keepDataOnly) dropRange(this, at, at + 1);",
    to: "if (this.#keep === keepDataOnly) dropRange(this, at, at + 1);",
  },
  {
    name: "a trailer may frame",
    file: "trailers.ts",
    from: 'if (rangeIs(bytes, line.start, line.nameEnd, name)) return refusal["trailer-name"];\n    }\n    for (const name of this',
    to: "if (name.length === 0) return 1;\n    }\n    for (const name of this",
  },
  {
    name: "a cut trailer loses its beginning",
    file: "trailers.ts",
    from: "for (let from = at; from < stop; from++)",
    to: "for (let from = at + 1; from < stop; from++)",
  },
];

const parser = dirname(fileURLToPath(import.meta.url));
const root = join(parser, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "prunella-mutants-"));
symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"));
writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
after(() => rmSync(scratch, { recursive: true, force: true }));

async function failureOf(mutant: Mutant, index: number): Promise<string | undefined> {
  const copy = join(scratch, String(index));
  cpSync(parser, join(copy, "parser"), {
    recursive: true,
    filter: (path) => !path.endsWith(".test.ts"),
  });
  cpSync(join(parser, "../refusals.ts"), join(copy, "refusals.ts"));
  const path = join(copy, "parser", mutant.file);
  const source = readFileSync(path, "utf8");
  assert.equal(
    source.split(mutant.from).length,
    2,
    `${mutant.name}: find the line in ${mutant.file}`,
  );
  writeFileSync(
    path,
    source.replace(mutant.from, () => mutant.to),
  );
  const gate: { firstFailure: () => string | undefined } = await import(
    pathToFileURL(join(copy, "parser/fixtures/gate.ts")).href
  );
  return gate.firstFailure();
}

test("the tables are content with the parser as it is", () => {
  assert.equal(firstFailure(), undefined);
});

test("every broken rule turns a table red", async () => {
  const survivors: string[] = [];
  for (const [index, mutant] of mutants.entries()) {
    if ((await failureOf(mutant, index)) === undefined) survivors.push(mutant.name);
  }
  assert.deepEqual(survivors, []);
});
