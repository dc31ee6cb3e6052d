/** The page, read once at start. The browser gets its TypeScript with the types taken out. */
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";

export type PageFile = { readonly type: string; readonly body: Buffer };

export const pageFiles: ReadonlyMap<string, PageFile> = new Map([
  ["/", file("index.html", "text/html; charset=utf-8")],
  ["/style.css", file("style.css", "text/css; charset=utf-8")],
  ["/icon.svg", file("icon.svg", "image/svg+xml")],
  ["/app.ts", script("app.ts")],
  ["/drawing.ts", script("drawing.ts")],
]);

/** What the page may do: load its own files and talk to its own address. */
export const pagePolicy =
  "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function file(name: string, type: string): PageFile {
  return { type, body: readFileSync(new URL(`./page/${name}`, import.meta.url)) };
}

function script(name: string): PageFile {
  const source = readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8");
  const body = Buffer.from(withoutWarnings(() => stripTypeScriptTypes(source)));
  return { type: "text/javascript; charset=utf-8", body };
}

/** Node says on stderr that the function is an experiment. The log of a service is no place for that. */
function withoutWarnings<Result>(act: () => Result): Result {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return act();
  } finally {
    process.emitWarning = emitWarning;
  }
}
