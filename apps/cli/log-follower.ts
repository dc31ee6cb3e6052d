/**
 * The log of one instance as one unbroken stream. Log lines have no numbers, so after the agent came
 * back the kept lines are asked for again, and those that were seen already are left out.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AwayNotice } from "./away-notice.ts";
import type { Invocation } from "./invocation.ts";
import { Reconnection } from "./reconnection.ts";

/** Lines asked for again to find the seam. More than these are lost when a program floods its log. */
const seamLines = 500;

/** The kept lines come in one burst; a pause of this length means that they have all come. */
const burstPauseMs = 150;

export async function* followLog(
  call: Invocation,
  instance: string,
  tail: number,
  notice: AwayNotice,
): AsyncIterable<string> {
  const reconnection = new Reconnection(call, { notice });
  let seen: string[] = [];
  for (let isFirst = true; ; isFirst = false) {
    const client = await reconnection.next();
    if (client === undefined) return;
    try {
      const lines = client.logs(instance, { tail: isFirst ? tail : seamLines, follow: true });
      for await (const line of isFirst ? lines : unseen(lines, seen)) {
        seen.push(line);
        if (seen.length > 2 * seamLines) seen = seen.slice(-seamLines);
        yield line;
      }
      await sleep(burstPauseMs, undefined, { signal: call.signal });
    } catch (error) {
      reconnection.lost(error);
    }
  }
}

async function* unseen(
  lines: AsyncIterable<string>,
  seen: readonly string[],
): AsyncIterable<string> {
  const iterator = lines[Symbol.asyncIterator]();
  const burst: string[] = [];
  let coming = iterator.next();
  while (burst.length < seamLines) {
    const result = await Promise.race([coming, sleep(burstPauseMs, undefined)]);
    if (result === undefined) break;
    if (result.done === true) break;
    burst.push(result.value);
    coming = iterator.next();
  }
  yield* burst.slice(overlap(seen, burst));
  for (let result = await coming; result.done !== true; result = await iterator.next()) {
    yield result.value;
  }
}

/** How many lines at the begin of `burst` are the last ones of `seen`: the most that fit. */
export function overlap(seen: readonly string[], burst: readonly string[]): number {
  for (let count = Math.min(seen.length, burst.length); count > 0; count--) {
    const start = seen.length - count;
    if (burst.slice(0, count).every((line, index) => line === seen[start + index])) return count;
  }
  return 0;
}
