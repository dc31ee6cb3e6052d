/**
 * The last applied view on disk, so that a gateway that starts while no agent runs serves at once.
 *
 * Writing never delays the answer to the agent: views are written in the background, one at a time,
 * and only the newest of those that wait. A gateway killed in between starts with the view before,
 * which the agent replaces within milliseconds. A disk that refuses costs the copy and not the
 * traffic: the failure is shown until a later write succeeds.
 */
import { readFileSync } from "node:fs";
import { ClusterError } from "@prunella/core/kernel";
import { parseView, type View } from "@prunella/wire/view";

/** A full disk may have room again later; until then each new view tries, and this timer. */
const retryMs = 5_000;

export class ViewFile {
  readonly #path: string;
  #waiting: View | undefined;
  #writing: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  #failureCount = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Why the newest view is not on disk; undefined when it is, or is being written. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get failureCount(): number {
    return this.#failureCount;
  }

  /**
   * Undefined when there is no file. Synchronous, because nothing else happens at that moment, and
   * without the store package, because a gateway that starts is in a hurry.
   *
   * @throws ClusterError `STATE_CORRUPT`.
   */
  load(): View | undefined {
    try {
      return parseView(JSON.parse(readFileSync(this.#path, "utf8")));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ClusterError("STATE_CORRUPT", {
        message: `${this.#path} cannot be used: ${reason} Remove it: the agent sends a new view.`,
        details: { path: this.#path },
        cause: error,
      });
    }
  }

  /** Remembers that `view` should be on disk. */
  keep(view: View): void {
    this.#waiting = view;
    clearTimeout(this.#retry);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.#writing;
    clearTimeout(this.#retry);
  }

  async #writeAll(): Promise<void> {
    const { writeFileAtomic } = await import("@prunella/store");
    while (this.#waiting !== undefined) {
      const view = this.#waiting;
      this.#waiting = undefined;
      try {
        await writeFileAtomic(this.#path, JSON.stringify(view));
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
        this.#failureCount++;
        if (this.#waiting === undefined) {
          this.#retry = setTimeout(() => this.keep(view), retryMs).unref();
        }
      }
    }
    this.#writing = undefined;
  }
}
