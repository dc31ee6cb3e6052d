/** What a person gets of a failing seed: what broke, the smallest run that breaks it, how to see it. */
import { spawnSync } from "node:child_process";
import { faultWords } from "./fault.ts";
import { type Minimised, minimise } from "./minimise.ts";
import { misfortuneWords } from "./network.ts";
import type { Harness, Plan } from "./plan.ts";
import { Recorder, traceText } from "./trace.ts";

export type FailureReport = {
  readonly text: string;
  /** Plays again what is left: the content of a trace file. */
  readonly plan: Plan;
  readonly minimised: Minimised;
};

const rowsShown = 60;

/** `undefined` when the plan does not fail. */
export function reportFailure(harness: Harness, plan: Plan): FailureReport | undefined {
  const minimised = minimise(harness, plan);
  if (minimised === undefined) return undefined;
  const { outcome, from, to, runs } = minimised;
  const recorder = new Recorder();
  harness.run(minimised.plan, { recorder });
  const { violation } = outcome;
  const broken = plan.mutant === undefined ? "" : ` (mutant ${plan.mutant})`;
  const lines = [
    `${harness.name} seed ${plan.seed}${broken}, commit ${commit()}`,
    `${violation?.promise} at ${violation?.atMs.toFixed(1)} ms: ${violation?.sentence}`,
    `The smallest run found: ${to} of ${from} things that happened, after ${runs} runs.`,
    ...minimised.plan.faults.map((fault) => `  ${fault.atMs.toFixed(1)} ms  ${faultWords(fault)}`),
    ...(minimised.plan.misfortunes ?? []).map((one) => `  ${misfortuneWords(one)}`),
    "Its last steps:",
    traceText(recorder.rows, rowsShown),
  ];
  return { text: lines.join("\n"), plan: minimised.plan, minimised };
}

/** A seed means something for one state of the code only. Outside of a checkout nobody knows it. */
function commit(): string {
  const { stdout } = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" });
  return stdout?.trim() || "unknown";
}
