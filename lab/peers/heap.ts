/** What a process keeps, garbage apart. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

export type Kept = { readonly heapMiB: number; readonly buffersMiB: number };

export function kept(): Kept {
  collect();
  collect(); // What only finalizers held goes with the second one.
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heapMiB: heapUsed / 2 ** 20, buffersMiB: arrayBuffers / 2 ** 20 };
}
