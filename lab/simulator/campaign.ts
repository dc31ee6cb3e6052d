/** Many seeds on several threads. Which thread runs a seed changes nothing about what it finds. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type Findings, noFindings, type SeedRange, together } from "./search.ts";

export type Campaign = SeedRange & {
  readonly harness: string;
  readonly threads: number;
  /** Hears of each part that is done. */
  readonly progress?: (soFar: Findings) => void;
};

/** Small enough for a progress line each second, large enough not to talk more than to work. */
const seedsPerPart = 100;

export async function runCampaign(campaign: Campaign): Promise<Findings> {
  const { harness, threads, progress, from, count, failuresMost, mutant, choices } = campaign;
  let next = from;
  let found = noFindings;
  const part = (): SeedRange | undefined => {
    const left = from + count - next;
    if (left <= 0 || found.failures.length >= failuresMost) return undefined;
    const range = {
      from: next,
      count: Math.min(left, seedsPerPart),
      mutant,
      choices,
      failuresMost,
    };
    next += range.count;
    return range;
  };
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL("./campaign-worker.ts", import.meta.url), {
      workerData: harness,
    });
    try {
      for (let range = part(); range !== undefined; range = part()) {
        worker.postMessage(range);
        const [findings]: [Findings] = (await once(worker, "message")) as [Findings];
        found = together(found, findings);
        progress?.(found);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  return found;
}
