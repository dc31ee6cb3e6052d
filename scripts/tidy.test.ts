/**
 * Rules about the tree that no linter knows. Each failure names the file, the rule and the section
 * of STYLE.md that gives the reason.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));

const sources = files.filter((path) => /\.(ts|tsx|js|mjs)$/.test(path));
const shipped = sources.filter(
  (path) => !/\.test\.ts$|^lab\/|^scripts\/|\/(fixtures|testing)\//.test(path),
);

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function report(problems: readonly string[]): void {
  assert.deepEqual(problems, [], problems.join("\n"));
}

test("no source file is longer than 500 lines, no test longer than 700 (STYLE: size guide)", () => {
  const problems = sources.flatMap((path) => {
    const lines = read(path).split("\n").length;
    const most = /\.test\.ts$|\/(host-)?conformance\.ts$/.test(path) ? 700 : 500;
    return lines > most ? [`${path}: ${lines} lines, at most ${most}. Split it by ideas.`] : [];
  });
  report(problems);
});

test("every name says what is in the file (STYLE: names)", () => {
  const vague = /^(helpers?|utils?|common|misc|manager|types|shared|functions|stuff)\.[a-z]+$/;
  const problems = sources
    .filter((path) => vague.test(path.split("/").at(-1) ?? ""))
    .map(
      (path) =>
        `${path}: the name says nothing. Name the idea, or move the lines where they belong.`,
    );
  report(problems);
});

test("core knows no clock, no randomness and no other package (STYLE: machines)", () => {
  const banned: readonly (readonly [RegExp, string])[] = [
    [/\bMath\.random\b/, "Math.random; use the kernel's Rng"],
    [/\bDate\b/, "Date; time arrives as event.atMs"],
    [/\bperformance\b/, "performance; time arrives as event.atMs"],
    [/\bset(Timeout|Interval|Immediate)\b/, "a timer; timers are a view of the state: wakeAtMs"],
    [/\bawait\b|\basync\b/, "await; machines are plain functions"],
  ];
  const problems = shipped
    .filter((path) => path.startsWith("core/"))
    .flatMap((path) => {
      const code = withoutComments(read(path));
      return banned.flatMap(([pattern, what]) => (pattern.test(code) ? [`${path}: ${what}`] : []));
    });
  report(problems);
});

test("machines in core import only themselves and the kernel (ARCHITECTURE: import law)", () => {
  const problems = shipped
    .filter((path) => path.startsWith("core/"))
    .flatMap((path) => {
      const machine = dirname(path);
      return imported(path)
        .filter((target) => ![machine, "core/kernel"].includes(dirname(resolved(path, target))))
        .map((target) => `${path} imports ${target}`);
    });
  report(problems);
});

test("a package reaches another one by its name, never by a path (ARCHITECTURE: import law)", () => {
  const problems = shipped
    .filter((path) => /^(core|shell|apps|examples)\//.test(path))
    .flatMap((path) => {
      const home = /^core\/|^[a-z]+\/[^/]+\//.exec(path)?.[0] ?? "";
      return imported(path)
        .filter((target) => target.startsWith(".") && !resolved(path, target).startsWith(home))
        .map((target) => `${path} imports ${target}, which is outside of ${home}`);
    });
  report(problems);
});

// Types may go further: a name in the signature of what is exported is there for readers. A function
// or a value that no file imports is a promise without a taker.
test("every exported function and value is imported by another file (STYLE: modules)", () => {
  const texts = sources.map((path) => ({ path, text: read(path) }));
  const isEntry = entryPoints();
  const problems = shipped
    .filter((path) => /^(core|shell|apps)\//.test(path) && !isEntry.has(path))
    .flatMap((path) => {
      const importers = texts.filter(({ text }) => text.includes(`/${basename(path)}"`));
      return exportedValues(path)
        .filter((name) => {
          const word = new RegExp(`\\b${name}\\b`);
          return !importers.some((file) => file.path !== path && word.test(file.text));
        })
        .map((name) => `${path}: nobody imports ${name}; remove the word export`);
    });
  report(problems);
});

test("only apps read arguments and the environment (ARCHITECTURE: the tree)", () => {
  const problems = shipped
    .filter((path) => /^(core|shell)\//.test(path))
    .filter((path) => /\bprocess\.(env|argv)\b/.test(withoutComments(read(path))))
    .map((path) => `${path}: reads process.env or process.argv; take it as an option`);
  report(problems);
});

test("every file starts by saying what it is for (STYLE: comments)", () => {
  const problems = shipped
    .filter((path) => path.endsWith(".ts") && !/(^|\/)index\.ts$|cluster\.ts$/.test(path))
    .filter((path) => !/^(#!.*\n)?\/\*\*/.test(read(path)))
    .map((path) => `${path}: begins without a header comment`);
  report(problems);
});

test("no unfinished work is left without an issue, no test is switched off", () => {
  const problems = sources
    .filter((path) => path !== "scripts/tidy.test.ts")
    .flatMap((path) => {
      const text = read(path);
      const marks = [...text.matchAll(/\b(TODO(?!\(#\d+\))|FIXME|XXX)\b/g)].map((mark) => mark[0]);
      const only = /\b(test|it|describe)\.only\(/.test(text) ? ["a test with .only"] : [];
      const silenced = /@ts-(ignore|nocheck|expect-error)/.test(text)
        ? ["a silenced type error"]
        : [];
      return [...marks, ...only, ...silenced].map((what) => `${path}: ${what}`);
    });
  report(problems);
});

test("every invariant named in a header is cited by a test (STYLE: invariants)", () => {
  const tests = sources
    .filter((path) => /\.test\.ts$|conformance\.ts$/.test(path))
    .map(read)
    .join("\n");
  const problems = shipped
    .filter((path) => /^(core|shell)\//.test(path))
    .flatMap((path) => {
      const header = /^\/\*\*[\s\S]*?\*\//.exec(read(path))?.[0] ?? "";
      const ids = [...header.matchAll(/^ \* {2,4}([A-Z]\d{1,2}) {2,}\S/gm)].map(
        (match) => match[1] ?? "",
      );
      return ids
        .filter((id) => !new RegExp(`\\b${id}\\b`).test(tests))
        .map((id) => `${path}: ${id} is promised and no test mentions it`);
    });
  report(problems);
});

test("every document has exactly one title", () => {
  const problems = files
    .filter((path) => path.endsWith(".md"))
    .filter((path) => (withoutFences(read(path)).match(/^# /gm) ?? []).length !== 1)
    .map((path) => `${path}: needs exactly one line that starts with "# "`);
  report(problems);
});

test("every link between documents leads somewhere", () => {
  const problems = files
    .filter((path) => path.endsWith(".md"))
    .flatMap((path) =>
      [...withoutFences(read(path)).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .map((match) => match[1] ?? "")
        .filter((target) => !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path}: ${target} does not exist`),
    );
  report(problems);
});

/** What a file imports, in any of the ways that there are. */
function imported(path: string): readonly string[] {
  const code = withoutComments(read(path));
  const specifiers = code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'`]([^"'`]+)["'`]/g);
  return [...specifiers].map((match) => match[1] ?? "");
}

/** The file in the tree behind a relative path, and anything else as it is. */
function resolved(path: string, target: string): string {
  return target.startsWith(".") ? normalize(join(dirname(path), target)) : target;
}

function exportedValues(path: string): readonly string[] {
  const declared =
    /^export (?:async )?(?:abstract class|class|function\*?|const|let) ([A-Za-z_$][\w$]*)/gm;
  return [...read(path).matchAll(declared)].map((match) => match[1] ?? "");
}

type Manifest = { readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>> };

/** Files that a package.json names: their readers are not in this tree. */
function entryPoints(): ReadonlySet<string> {
  const manifests = files.filter((path) => basename(path) === "package.json");
  return new Set(
    manifests.flatMap((path) => {
      const { exports = {} }: Manifest = JSON.parse(read(path));
      return Object.values(exports).map((entry) =>
        normalize(join(dirname(path), entry["@prunella/source"] ?? "")),
      );
    }),
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
}
