/** Server-sent events to the open pages: the state at once, then at each change and each second. */
import type { ServerResponse } from "node:http";

/** Pages that may watch at once. */
const watchersMax = 1_000;
const intervalMs = 1_000;

export class EventStream {
  readonly #watchers = new Set<ServerResponse>();
  readonly #state: () => unknown;
  readonly #timer: NodeJS.Timeout;

  constructor(state: () => unknown) {
    this.#state = state;
    this.#timer = setInterval(() => this.tell(), intervalMs);
    this.#timer.unref();
  }

  add(response: ServerResponse): void {
    if (this.#watchers.size >= watchersMax) {
      response.writeHead(503, { "retry-after": "5" }).end();
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.on("close", () => this.#watchers.delete(response));
    this.#watchers.add(response);
    response.write(this.#event());
  }

  tell(): void {
    if (this.#watchers.size === 0) return;
    const event = this.#event();
    for (const response of this.#watchers) {
      // A page that does not read gets no more; it asks again when it wakes up.
      if (response.writableNeedDrain) response.destroy();
      else response.write(event);
    }
  }

  /** Leadership has ended: each page asks again, and finds the successor. */
  endAll(): void {
    for (const response of this.#watchers) response.destroy();
    this.#watchers.clear();
  }

  close(): void {
    clearInterval(this.#timer);
    this.endAll();
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#state())}\n\n`;
  }
}
