/**
 * Faults that a restart cannot mend: each is known by a mark that the program or the host leaves,
 * and carries what a person should do. Healing tries such a start twice and then says the fix.
 */
import type { Evidence } from "./fingerprint.ts";

export type StartFault = {
  /** One or two words, stable: part of facts. */
  readonly kind: string;
  readonly fix: string;
};

type Sign = StartFault & {
  readonly exitCode?: number;
  readonly launchCode?: string;
  readonly text?: RegExp;
};

/** Exit 78 is EX_CONFIG of sysexits.h; 126 and 127 are what a POSIX shell answers. */
const signs: readonly Sign[] = [
  {
    kind: "port in use",
    text: /\bEADDRINUSE\b|address already in use/i,
    fix: "The program listens on a port that is in use. Let it listen on the number in the variable PORT, or end the other program.",
  },
  {
    kind: "module missing",
    text: /\b(?:ERR_)?MODULE_NOT_FOUND\b|Cannot find (?:module|package)|ModuleNotFoundError|No module named/,
    fix: "The program needs a module that is not there. Install its dependencies (npm install) or correct the path in `run`.",
  },
  {
    kind: "configuration",
    exitCode: 78,
    fix: "The program ended with code 78, which means that its configuration is wrong. Its last lines say what to correct.",
  },
  {
    kind: "not executable",
    exitCode: 126,
    fix: "The program exists and cannot be executed. Make it executable (chmod +x) or correct `run`.",
  },
  {
    kind: "command not found",
    exitCode: 127,
    fix: "A command that the program calls does not exist. Install it or correct `run`.",
  },
  {
    kind: "program missing",
    launchCode: "PROGRAM_MISSING",
    fix: "The program to run cannot be found or started. Correct `run` in the cluster file, or install the program.",
  },
  {
    kind: "port in use",
    launchCode: "PORT_TAKEN",
    fix: "The fixed port of this service is in use. End the program that holds it, or take another port.",
  },
  {
    kind: "configuration",
    launchCode: "CONFIG_INVALID",
    fix: "The runtime refuses these settings. Correct them in the cluster file.",
  },
];

export function faultOfExit(code: number | undefined, evidence: Evidence): StartFault | undefined {
  return signs.find(
    (sign) =>
      (sign.exitCode !== undefined && sign.exitCode === code) ||
      (sign.text?.test(evidence.text) ?? false),
  );
}

export function faultOfLaunch(code: string): StartFault | undefined {
  return signs.find((sign) => sign.launchCode === code);
}
