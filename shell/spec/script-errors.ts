/** Where and why running a cluster file failed: from an error of any kind to a place in a source. */
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Node, Program } from "acorn";
import { nearestName } from "./nearest-name.ts";
import { decoratedPosition, readScript, type ScriptFault } from "./script-source.ts";
import { lineIndex } from "./source-positions.ts";

export type RunScript = {
  readonly url: string;
  readonly text: string;
  readonly program: Program;
  /** Sources of the local modules that it loaded, by URL, in this order. */
  readonly loaded: ReadonlyMap<string, string>;
  /** What `prunella` exports, for "did you mean". */
  readonly sdkNames: readonly string[];
};

export function scriptFault(error: unknown, script: RunScript): ScriptFault {
  const { message, stack } = errorTexts(error);
  const missing = missingExport(message);
  if (missing !== undefined) return exportFault(missing, script, stack);
  const imported = /^Cannot find (?:module|package) '(.+?)' imported from (.+)$/.exec(message);
  if (imported !== null) {
    const [, target = "", importer = ""] = imported;
    return importFault(target, message, importer, script);
  }
  if (/\bSyntaxError\b/.test(stack)) {
    const fault = syntaxFault(message, stack, script);
    if (fault !== undefined) return fault;
  }
  return thrownFault(message, stack, script);
}

function errorTexts(error: unknown): { readonly message: string; readonly stack: string } {
  try {
    if (error instanceof Error) {
      const message = error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
      return { message: message.slice(0, 1000), stack: String(error.stack).slice(0, 20_000) };
    }
    return { message: String(error).slice(0, 1000), stack: "" };
  } catch {
    // Translated: an object that cannot even be turned into a text tells nothing.
    return { message: "a value that is no error", stack: "" };
  }
}

type MissingExport = { readonly specifier: string; readonly name: string };

function missingExport(message: string): MissingExport | undefined {
  const match = /'(.+?)' does not provide an export named '(.+?)'/.exec(message);
  return match === null ? undefined : { specifier: match[1] ?? "", name: match[2] ?? "" };
}

function exportFault(missing: MissingExport, script: RunScript, stack: string): ScriptFault {
  const { specifier, name } = missing;
  const found = findImport(script, (value) => value === specifier);
  const part = found?.names.find(({ start, end }) => {
    return script.text.slice(start, end).split(/\s/)[0] === name; // `name`, or `name as other`.
  });
  const offset = part?.start ?? found?.start;
  const placed = offset === undefined ? undefined : lineIndex(script.text)(offset);
  const position = placed ?? decoratedPosition(stack);
  const near = specifier === "prunella" ? nearestName(name, script.sdkNames) : undefined;
  return {
    ...{ file: undefined, message: `imports ${name}, which ${specifier} does not export` },
    ...(position && { position }),
    fix: near === undefined ? "import a name that it exports" : `write ${near}`,
  };
}

function importFault(
  target: string,
  message: string,
  importer: string,
  script: RunScript,
): ScriptFault {
  const fix = message.startsWith("Cannot find package")
    ? "install the package beside the file, or remove the import"
    : "correct the path, with its extension";
  const own = importer === fileURLToPath(script.url);
  const found = own ? findImport(script, (value) => leadsTo(value, target, script.url)) : undefined;
  return {
    file: own ? undefined : importer,
    message: `imports ${found?.specifier ?? target}, which cannot be found`,
    fix,
    ...(found && { position: lineIndex(script.text)(found.start) }),
  };
}

function leadsTo(specifier: string, target: string, base: string): boolean {
  if (specifier === target || specifier.startsWith(`${target}/`)) return true;
  return URL.parse(specifier, base)?.href === pathToFileURL(target).href;
}

type Import = {
  readonly specifier: string;
  readonly start: number;
  /** What stands in its braces. */
  readonly names: readonly Node[];
};

function findImport(
  script: RunScript,
  matches: (specifier: string) => boolean,
): Import | undefined {
  for (const statement of script.program.body) {
    if (!("source" in statement) || !statement.source) continue;
    const specifier = String(statement.source.value);
    if (!matches(specifier)) continue;
    const names = "specifiers" in statement ? statement.specifiers : [];
    return { specifier, start: statement.source.start, names };
  }
  return undefined;
}

/** V8 places no syntax error of an imported module: the sources are parsed again to find it. */
function syntaxFault(message: string, stack: string, script: RunScript): ScriptFault | undefined {
  for (const [url, text] of script.loaded) {
    const read = readScript(text, /\.[mc]?ts$/.test(url));
    if (!read.ok) return { ...read.fault, file: fileURLToPath(url) };
  }
  const position = decoratedPosition(stack);
  const file = /^(?:file:\/\/)?(\/.+):[0-9]+$/.exec(stack.split("\n")[0] ?? "")?.[1];
  if (position === undefined || file === undefined) return undefined;
  return {
    file,
    position,
    message: `is no valid code: ${message.replace(/^SyntaxError: /, "")}`,
    fix: "correct the syntax here",
  };
}

/** The innermost frame of the cluster file; without one, of any file that it loaded. */
function thrownFault(message: string, stack: string, script: RunScript): ScriptFault {
  const frames = [...stack.matchAll(/(file:\/\/[^\s()]+):([0-9]+):([0-9]+)\)?$/gm)];
  const own = frames.find(([, url]) => url === script.url);
  const other = frames.find(([, url]) => url !== undefined && script.loaded.has(url));
  const [, url, line, column] = own ?? other ?? [];
  return {
    file: own === undefined && url !== undefined ? fileURLToPath(url) : undefined,
    ...(line !== undefined && { position: { line: Number(line), column: Number(column) } }),
    message: `throws while it is read: ${message.replace(/\s+/g, " ").trim() || "an error without text"}`,
    fix: "correct the code: the file is run once to read it, and must end without an error",
  };
}
