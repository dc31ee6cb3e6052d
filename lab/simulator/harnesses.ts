/** Every protocol that runs in the simulator. To add one, add its line. */
import { lockHarness } from "./lock/harness.ts";
import type { Harness } from "./plan.ts";

export const harnesses: readonly Harness[] = [lockHarness];

export function harnessOf(name: string | undefined): Harness | undefined {
  return harnesses.find((harness) => harness.name === name);
}
