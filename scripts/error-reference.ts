/**
 * Writes `docs/reference/errors.md` from the tables in the code, so that the page cannot lie.
 * `node -C @prunella/source scripts/error-reference.ts` writes it; a test compares.
 */
import { writeFileSync } from "node:fs";
import { errorCodes } from "@prunella/core/kernel";
import { refusals } from "../shell/gateway/refusals.ts";

export const errorPage = new URL("../docs/reference/errors.md", import.meta.url);

export function errorReference(): string {
  const codes = Object.entries(errorCodes).map(
    ([code, { fault, retry, meaning }]) =>
      `| \`${code}\` | ${meaning} | ${fault} | ${retry ? "yes" : "no"} |`,
  );
  const answers = refusals.map(
    ({ code, status, message }) =>
      `| \`${code}\` | ${status} | ${message.replaceAll("|", "\\|")} |`,
  );
  return `# Errors

Generated from \`core/kernel/errors.ts\` and \`shell/gateway/refusals.ts\`; do not edit.

## Operating errors

What the command line, the control API and the SDK answer. *Who* has to act: the caller, a peer, or
whoever looks after the environment. *Retry*: the same call may succeed later without any change.

| code | meaning | who | retry |
|---|---|---|---|
${codes.join("\n")}

## Answers of the gateway

Body: \`{"error":{"code":"...","message":"..."}}\`. The connection is closed after each of them.

| code | status | message |
|---|---|---|
${answers.join("\n")}
`;
}

if (import.meta.main) writeFileSync(errorPage, errorReference());
