/** The small pieces that screens are made of. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nearestName } from "@prunella/spec/nearest-name";
import fc from "fast-check";
import { findPlace, shellWord } from "./cluster-place.ts";
import { ageText, spanText } from "./duration.ts";
import { linesOf } from "./line-stream.ts";
import { overlap } from "./log-follower.ts";
import { printable } from "./printable.ts";
import { cutStyled, widthOf, wrap } from "./screen.ts";
import { drawTable } from "./table.ts";

test("a table drops its least important columns until it fits, and never the others", () => {
  const columns = [
    { title: "NAME" },
    { title: "LOAD", align: "right" as const, rank: 1 },
    { title: "NOTE", rank: 2 },
  ];
  const rows = [["hello-1", "7%", "a long remark"]];
  assert.deepEqual(drawTable(columns, rows, 80), [
    "NAME     LOAD  NOTE",
    "hello-1    7%  a long remark",
  ]);
  assert.deepEqual(drawTable(columns, rows, 20), ["NAME     LOAD", "hello-1    7%"]);
  assert.deepEqual(drawTable(columns, rows, 3), ["NAME", "hello-1"]);
});

test("colours take no room in a table or at the edge of a screen", () => {
  const red = "\u001b[31mred\u001b[39m";
  assert.equal(widthOf(red), 3);
  assert.equal(cutStyled(`${red} and more`, 5), "\u001b[31mred\u001b[39m a");
  assert.deepEqual(drawTable([{ title: "A" }, { title: "B" }], [[red, "x"]], 80)[1], `${red}  x`);
});

test("wrapped text keeps every word and no line is wider than the screen", () => {
  let broken = 0;
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,40}$/)),
      fc.integer({ min: 20, max: 60 }),
      (words, width) => {
        const text = words.join(" ");
        const lines = wrap(text, width);
        if (lines.length > 1) broken++;
        assert.ok(lines.every((line) => line.length <= width));
        assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
      },
    ),
    { seed: 1 },
  );
  assert.ok(broken > 20, `only ${broken} texts were broken`);
});

test("text of other programs cannot steer the terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = printable(`\u001b[2J${text}\r\n`);
      const codes = [...shown].map((character) => character.codePointAt(0) ?? 0);
      assert.ok(codes.every((code) => code === 9 || (code >= 32 && code < 127) || code > 159));
    }),
    { seed: 2 },
  );
});

test("lines survive any cut of the bytes, also inside a character", async () => {
  const text = "first\nzwölf €\n\nlast without end";
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)];
    const lines: string[] = [];
    for await (const line of linesOf(streamOf(pieces))) lines.push(line);
    assert.deepEqual(lines, text.split("\n"));
  }
});

async function* streamOf(pieces: readonly Buffer[]): AsyncIterable<Buffer> {
  yield* pieces;
}

test("a log is joined after its last seen line, also when lines repeat", () => {
  assert.equal(overlap(["a", "b"], ["a", "b", "c"]), 2);
  assert.equal(overlap(["x", "a", "b"], ["b", "c"]), 1);
  assert.equal(overlap(["a", "a"], ["a", "a", "a"]), 2);
  assert.equal(overlap(["a"], ["c"]), 0);
  assert.equal(overlap([], ["c"]), 0);
});

test("a slip of the fingers finds the name, another word does not", () => {
  const known = ["hello-1", "hello-2", "gateway"];
  assert.equal(nearestName("helo-2", known), "hello-2");
  assert.equal(nearestName("GATEWYA", known), "gateway");
  assert.equal(nearestName("database", known), undefined);
  assert.equal(nearestName("x", known), undefined);
});

test("spans and ages are as precise as useful", () => {
  assert.deepEqual([0, 412, 5_300, 240_000, 7_200_000, 259_200_000].map(spanText), [
    "0 ms",
    "412 ms",
    "5.3 s",
    "4 min",
    "2 h",
    "3 d",
  ]);
  assert.equal(ageText(null, 0), "-");
  assert.equal(ageText("1970-01-01T00:00:00.000Z", 65_000), "1m");
});

test("the cluster is named by flag, variable, custom and manifest, in this order", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-place-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const named = { file: undefined, state: undefined };
  assert.deepEqual(findPlace(named, {}, folder), {
    file: undefined,
    stateFolder: join(folder, ".prunella"),
    flags: "",
  });

  mkdirSync(join(folder, "deep"));
  writeFileSync(join(folder, "package.json"), '{"prunella":{"file":"deep/cluster.ts"}}');
  assert.equal(findPlace(named, {}, folder).stateFolder, join(folder, "deep", ".prunella"));

  writeFileSync(join(folder, "cluster.yaml"), "");
  assert.equal(findPlace(named, {}, folder).file, join(folder, "cluster.yaml"));
  writeFileSync(join(folder, "cluster.ts"), "");
  assert.equal(findPlace(named, {}, folder).file, join(folder, "cluster.ts"));
  const byVariable = findPlace(named, { PRUNELLA_FILE: "deep/x.ts" }, folder);
  assert.equal(byVariable.file, join(folder, "deep", "x.ts"));
  assert.equal(byVariable.flags, "");

  const byFlag = findPlace({ file: "deep/my cluster.ts", state: "s" }, {}, folder);
  assert.equal(byFlag.stateFolder, join(folder, "s"));
  assert.equal(byFlag.flags, "--file 'deep/my cluster.ts' --state s");
  assert.equal(shellWord("it's"), "'it'\\''s'");
});
