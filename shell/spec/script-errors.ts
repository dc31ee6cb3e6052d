/** Where and why running a cluster file failed: from an error of any kind to a place in a source. */
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Node, Program } from "acorn";
import { nearestName } from "./nearest-name.ts";
import { decoratedPosition, readScript, type ScriptFault } from "./script-source.ts";
import { lineIndex, type Position } from "./source-positions.ts";

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
  const place = importPlace(script, (value) => value === specifier, name);
  const near = specifier === "prunella" ? nearestName(name, script.sdkNames) : undefined;
  return {
    file: undefined,
    position: place ?? decoratedPosition(stack) ?? start,
    message: `imports ${name}, which ${specifier} does not export`,
    fix: near === undefined ? "import a name that it exports" : `write ${near}`,
  };
}

const start: Position = { line: 1, column: 1 };

function importFault(
  target: string,
  message: string,
  importer: string,
  script: RunScript,
): ScriptFault {
  const own = importer === fileURLToPath(script.url);
  const position = own
    ? importPlace(
        script,
        (value) =>
          value === target || value.startsWith(`${target}/`) || resolves(value, target, script.url),
      )
    : undefined;
  const installed = message.startsWith("Cannot find package");
  return {
    file: own ? undefined : importer,
    position: position ?? start,
    message: `imports ${target}, which cannot be found`,
    fix: installed
      ? "install the package beside the file, or remove the import"
      : "correct the path, with its extension",
  };
}

function resolves(specifier: string, path: string, base: string): boolean {
  return URL.parse(specifier, base)?.href === pathToFileURL(path).href;
}

/** The place of an import, or of one name in its braces. */
function importPlace(
  script: RunScript,
  matches: (specifier: string) => boolean,
  name?: string,
): Position | undefined {
  const at = lineIndex(script.text);
  for (const statement of script.program.body) {
    if (!("source" in statement) || !statement.source) continue;
    if (!matches(String(statement.source.value))) continue;
    const parts: readonly Node[] = "specifiers" in statement ? statement.specifiers : [];
    const part = name && parts.find(({ start, end }) => named(script.text.slice(start, end), name));
    return at(part ? part.start : statement.source.start);
  }
  return undefined;
}

/** `name`, `name as other`, or `default` for a bare name. */
function named(specifier: string, name: string): boolean {
  return specifier.split(/\s/)[0] === name || name === "default";
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
