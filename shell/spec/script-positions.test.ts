import assert from "node:assert/strict";
import { test } from "node:test";
import type { Path } from "./complaint.ts";
import { scriptPlaces } from "./script-positions.ts";
import { readScript } from "./script-source.ts";
import { locate } from "./source-positions.ts";
import { unmark } from "./testing/marked-text.ts";

type Case = {
  readonly text: string;
  readonly path: Path;
  readonly at?: "key";
};

/** The marker ‸ stands where the path must lead. */
const cases: readonly Case[] = [
  { text: "export default f({ a: ‸1 });", path: ["a"] },
  { text: "export default f({ ‸a: 1 });", path: ["a"], at: "key" },
  { text: "export default ({ a: { 'b-c': [1, ‸2] } });", path: ["a", "b-c", 1] },
  { text: "export default { a: { ‸b: { c: 1 } } };", path: ["a", "b", "missing"] },
  { text: "export default ‸f({ a: 1 });", path: ["missing"] },
  { text: "const c = f({ a: ‸1 });\nexport default c;", path: ["a"] },
  { text: "const c = { a: ‸1 };\nexport { c as default };", path: ["a"] },
  { text: "export const c = { a: ‸1 };\nexport default c;", path: ["a"] },
  { text: "const a = { b: ‸1 };\nexport default { a };", path: ["a", "b"] },
  { text: "const a = 1;\nexport default { a: ‸a };", path: ["a"] },
  {
    text: "const base = { x: ‸1 };\nexport default { a: g({ ...base, y: 2 }) };",
    path: ["a", "x"],
  },
  {
    text: "const base = { x: 1 };\nexport default { a: g({ ...base, x: ‸2 }) };",
    path: ["a", "x"],
  },
  {
    text: "const base = { x: ‸1 };\nexport default { a: g({ x: 2, ...base }) };",
    path: ["a", "x"],
  },
  { text: "const all = { web: { x: ‸1 } };\nexport default { a: all.web };", path: ["a", "x"] },
  { text: "const all = { web: { x: ‸1 } };\nexport default { a: all['web'] };", path: ["a", "x"] },
  { text: "export default { s: { a: ‸elected({ x: 1 }) } };", path: ["s", "a", "kind"] },
  { text: "export default { ['a']: ‸1, [b]: 2 };", path: ["a"] },
  { text: "export default { 5: ‸1 };", path: ["5"] },
  { text: "export default await f({ a: ‸1 });", path: ["a"] },
  { text: "export default { a: ‸[...list, 1] };".replace("a: ‸", "‸a: "), path: ["a", 0] },
  { text: "export default { ‸a: pick() };", path: ["a", "b"] },
  { text: "export default { ‸a: x ? { b: 1 } : { b: 2 } };", path: ["a", "b"] },
  { text: "const loop = { ...loop };\nexport default ‸loop;", path: ["a"] },
  { text: "‸const a = 1;", path: ["a"] },
  {
    text: "type T = { é: '日本😀' };\nconst n: Array<'日本'> = []; export default f<T>({ a: ‸1 as unknown } satisfies object);",
    path: ["a"],
  },
  { text: "// é\r\nexport default {\r\n\ta: ‸1,\r\n};", path: ["a"] },
];

test("a path leads to its place through calls, constants, members and spreads", () => {
  for (const { text: marked, path, at = "value" } of cases) {
    const { text, positions } = unmark(marked);
    const source = readScript(text, true);
    assert.ok(source.ok, text);
    const found = locate(scriptPlaces(source.program, text), path, at);
    assert.deepEqual(found, positions[0], text);
  }
});

test("a walk through a file that repeats itself ends", () => {
  const levels = Array.from(
    { length: 20 },
    (_, i) => `const c${i + 1} = { a: c${i}, b: c${i}, c: c${i} };`,
  );
  const text = `const c0 = { x: 1 };\n${levels.join("\n")}\nexport default c20;`;
  const source = readScript(text, true);
  assert.ok(source.ok);
  assert.ok(scriptPlaces(source.program, text).size <= 20_000);
});
