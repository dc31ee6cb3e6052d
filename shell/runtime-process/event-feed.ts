/**
 * Hands every event to every watcher. A watcher that does not read is bounded: beyond the maximum
 * its oldest event goes, notes about logs before ends of copies, because `list` tells the latter
 * as well and a supervisor that is this far behind has to look anyway.
 */
import type { HostEvent } from "@prunella/runtime";

const queueMax = 4_096;

type Watcher = { queue: HostEvent[]; wake: () => void };

export class EventFeed {
  readonly #watchers = new Set<Watcher>();
  readonly #closed = new AbortController();
  /** What is still the case, and was told before a new watcher came: a full disk. */
  #standing: HostEvent | undefined;

  emit(event: HostEvent): void {
    if (event.type === "disk-full" && event.instance === undefined) this.#standing = event;
    if (event.type === "disk-recovered") this.#standing = undefined;
    for (const watcher of this.#watchers) {
      if (watcher.queue.length >= queueMax) dropOne(watcher);
      watcher.queue.push(event);
      watcher.wake();
    }
  }

  /** Begins with this call, not with the first read; first comes what still stands. */
  watch(signal: AbortSignal): AsyncIterable<HostEvent> {
    const queue = this.#standing === undefined ? [] : [this.#standing];
    const watcher: Watcher = { queue, wake: () => {} };
    const ending = AbortSignal.any([signal, this.#closed.signal]);
    if (!ending.aborted) this.#watchers.add(watcher);
    ending.addEventListener("abort", () => {
      this.#watchers.delete(watcher);
      watcher.wake();
    });
    return this.#events(watcher, ending);
  }

  close(): void {
    this.#closed.abort();
  }

  async *#events(watcher: Watcher, ending: AbortSignal): AsyncGenerator<HostEvent> {
    try {
      while (!ending.aborted) {
        const event = watcher.queue.shift();
        if (event !== undefined) {
          yield event;
          continue;
        }
        await new Promise<void>((resolve) => {
          watcher.wake = resolve;
        });
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}

function dropOne(watcher: Watcher): void {
  const note = watcher.queue.findIndex((event) => event.type !== "exited");
  watcher.queue.splice(Math.max(note, 0), 1);
}
