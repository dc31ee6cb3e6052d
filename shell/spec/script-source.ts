/** A script as its author wrote it, blanked of types and parsed; or the place where that fails. */
import { stripTypeScriptTypes } from "node:module";
import { type Program, parse } from "acorn";
import type { FileFault } from "./file-text.ts";
import type { Position } from "./source-positions.ts";

/** `file` undefined: the cluster file itself. */
export type ScriptFault = FileFault & { readonly file: string | undefined };

export type ScriptSource =
  | { readonly ok: true; readonly code: string; readonly program: Program }
  | { readonly ok: false; readonly fault: ScriptFault };

/** @param typed - True for TypeScript; the code that comes back has blanks where types were. */
export function readScript(text: string, typed: boolean): ScriptSource {
  const language = typed ? "TypeScript" : "JavaScript";
  let code = text;
  try {
    if (typed) code = stripTypeScriptTypes(text, { mode: "strip" });
  } catch (error) {
    return { ok: false, fault: strippingFault(error) };
  }
  try {
    const options = { ecmaVersion: "latest", sourceType: "module", allowHashBang: true } as const;
    return { ok: true, code, program: parse(code, options) };
  } catch (error) {
    const { loc, message } = error as { loc?: { line: number; column: number }; message: string };
    const position = { line: loc?.line ?? 1, column: (loc?.column ?? 0) + 1 };
    const reason = message.replace(/ \([0-9]+:[0-9]+\)$/, "");
    return { ok: false, fault: syntaxFault(language, reason, position) };
  }
}

function syntaxFault(language: string, reason: string, position: Position): ScriptFault {
  const fix = "correct the syntax here, or just before";
  return { file: undefined, position, message: `is no valid ${language}: ${reason}`, fix };
}

function strippingFault(error: unknown): ScriptFault {
  const { code, message, stack } = error as { code?: unknown; message: string; stack?: string };
  const position = decoratedPosition(stack ?? "") ?? { line: 1, column: 1 };
  const reason = message.split("\n")[0] ?? "";
  if (code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return syntaxFault("TypeScript", reason, position);
  }
  return {
    ...{ file: undefined, position, message: `cannot be run: ${reason}` },
    fix: "use syntax that disappears with its types, for example a constant object instead of an enum",
  };
}

/**
 * Node puts `FILE:LINE`, the source and a line of carets before the stack of an error that it could
 * place in a source; this reads the place back.
 */
export function decoratedPosition(stack: string): Position | undefined {
  const lines = stack.split("\n");
  const line = /:([0-9]+)$/.exec(lines[0] ?? "")?.[1];
  if (line === undefined) return undefined;
  const caret = lines.slice(1, 8).find((text) => /^\s*\^+\s*$/.test(text));
  return { line: Number(line), column: (caret?.indexOf("^") ?? 0) + 1 };
}
