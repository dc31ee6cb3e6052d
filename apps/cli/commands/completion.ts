/** `prunella completion`: the script for a shell, made of the table of commands. */

import { nearestName } from "@prunella/spec/nearest-name";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { verbWords } from "../completion/vocabulary.ts";
import { zshScript } from "../completion/zsh.ts";
import { exitCodes } from "../exit-code.ts";
import { UsageError } from "../usage-error.ts";
import type { Action } from "../verb.ts";
import { shells } from "../verbs.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export const completion: Action = async (call, [shell = ""]) => {
  const known = shells.find((each) => each === shell);
  if (known === undefined) {
    const guess = nearestName(shell, shells) ?? "bash";
    throw new UsageError(
      `There is no completion for "${shell}", only for ${shells.join(", ")}.`,
      call.hint(`completion ${guess}`),
    );
  }
  call.out.write(scripts[known](verbWords()));
  return exitCodes.ok;
};
