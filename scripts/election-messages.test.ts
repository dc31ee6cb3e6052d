/** The page from which members in other languages are written has each field of each message. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
}

test("docs/protocol/election-messages.md lists all kinds of messages and answers with their fields", () => {
  const rows = read("docs/protocol/election-messages.md")
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const checks = read("shell/elector/peer/message-check.ts");
  const kinds = [...checks.slice(checks.indexOf("messageCheck")).matchAll(kindPattern)];
  assert.ok(kinds.length > 15, `only ${kinds.length} kinds were found`);
  for (const [, kind, fields = ""] of kinds) {
    const own = rows.filter((row) => row.split("|")[1]?.includes(`\`${kind}\``));
    assert.ok(own.length > 0, `${kind} is not on the page`);
    for (const field of namesOf(fields)) {
      const isThere = own.some(
        (row) => row.includes(`\`${field}\``) || row.includes(`\`${field}?\``),
      );
      assert.ok(isThere, `${kind}.${field} is not on the page`);
    }
  }
});

/** `  resign: { leader: identity, term: count },`, on one line or on several. */
const kindPattern = /^ {2}(\w+): \{(.*?)\},?$/gms;

/** `...common, term: count, why: oneOf("a", "b"), voters` has `term`, `why` and `voters`. */
function namesOf(fields: string): readonly string[] {
  let flat = fields;
  while (flat.includes("(")) flat = flat.replaceAll(/\([^()]*\)/g, "");
  const names = flat.split(",").map((part) => part.split(":", 1)[0]?.trim() ?? "");
  return names.filter((name) => /^\w+$/.test(name));
}
