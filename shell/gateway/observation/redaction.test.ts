import assert from "node:assert/strict";
import { test } from "node:test";
import { redactTarget, secretNames } from "./redaction.ts";

const secrets = secretNames(["Card"]);

const rows: readonly (readonly [target: string, logged: string])[] = [
  ["/home", "/home"],
  ["/home?", "/home?"],
  ["/home?id=7&name=x", "/home?id=7&name=x"],
  ["/home?token=abc", "/home?token=[redacted]"],
  ["/home?id=7&TOKEN=abc&x", "/home?id=7&TOKEN=[redacted]&x"],
  ["/home?a=1;password=abc;b=2", "/home?a=1;password=[redacted];b=2"],
  ["/home?%74oken=abc", "/home?%74oken=[redacted]"],
  ["/home?token=a=b?c&d=e", "/home?token=[redacted]&d=e"],
  ["/home?card=4111&token=", "/home?card=[redacted]&token=[redacted]"],
  ["/home?token", "/home?token"],
  ["/token=abc", "/token=abc"],
  ["/home?%zz=1&token=abc", "/home?%zz=1&token=[redacted]"],
  ["*", "*"],
];

test("values of secret query parameters are blanked, and nothing else is touched", () => {
  for (const [target, logged] of rows) assert.equal(redactTarget(target, secrets), logged);
});
