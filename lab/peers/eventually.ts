/** Waits for a condition by looking at it, with a deadline, and says what it waited for. */
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 2;

export async function eventually(
  what: string,
  holds: () => boolean,
  deadlineMs = 60_000,
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`Waited ${deadlineMs} ms in vain: ${what}`);
    await sleep(pollMs);
  }
}
