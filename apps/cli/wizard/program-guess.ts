/** Guesses which program of a folder is the server: what its package starts, or a file of a usual name. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const scriptFolders = ["", "src/"];
const scriptNames = ["server", "app", "main", "index"];
const scriptExtensions = [".ts", ".mts", ".js", ".mjs"];
const pythonNames = ["server.py", "app.py", "main.py"];

/** Commands for `run`, the likeliest first. */
export function guessPrograms(folder: string): readonly string[] {
  const scripts = scriptFolders.flatMap((place) =>
    scriptNames.flatMap((name) =>
      scriptExtensions.map((extension) => `${place}${name}${extension}`),
    ),
  );
  const isThere = (name: string) => existsSync(join(folder, name));
  return [
    ...new Set([
      ...fromManifest(folder),
      ...scripts.filter(isThere).map((name) => `./${name}`),
      ...pythonNames.filter(isThere).map((name) => `python3 ${name}`),
    ]),
  ];
}

/** `"start": "node server.js"` names a file that Prunella can run without npm in between. */
function fromManifest(folder: string): readonly string[] {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const { scripts, main } = manifest as { scripts?: { start?: unknown }; main?: unknown };
    const started = /^node\s+(?:--\S+\s+)*(\S+\.[mc]?[jt]s)$/.exec(String(scripts?.start ?? ""));
    const files = [started?.[1], typeof main === "string" ? main : undefined];
    return files
      .filter((file) => file !== undefined && existsSync(join(folder, file)))
      .map((file) => `./${String(file).replace(/^\.\//, "")}`);
  } catch {
    return []; // No package here: a folder with a program is enough.
  }
}
