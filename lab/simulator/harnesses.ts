/** Every protocol that runs in the simulator. To add one, add its line. */
import { electionHarness } from "./election/harness.ts";
import { lockHarness } from "./lock/harness.ts";
import type { Harness } from "./plan.ts";

export const harnesses: readonly Harness[] = [electionHarness, lockHarness];

export function harnessOf(name: string | undefined): Harness | undefined {
  return harnesses.find((harness) => harness.name === name);
}
