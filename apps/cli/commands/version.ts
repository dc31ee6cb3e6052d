/** `prunella version`. */
import { exitCodes } from "../exit-code.ts";
import type { Action } from "../verb.ts";
import { versionNumber } from "../version-number.ts";

export const version: Action = async (call) => {
  const facts = {
    version: versionNumber(),
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
  };
  if (call.json) call.printJson(facts);
  else call.out.line(facts.version);
  return exitCodes.ok;
};
