/**
 * Brings the voter's record to disk, newest first: a record that waits while another one is being
 * written is replaced by a newer one. A disk that refuses is tried again; until then nothing that rests
 * on the record leaves this member, and the others elect without it.
 */
import type { DurableRecord } from "@prunella/core/election";
import { ClusterError } from "@prunella/core/kernel";
import type { Log } from "@prunella/driver";
import type { VoterFile } from "./voter-file.ts";

const retryMs = 200;

type Waiting = { readonly writeId: number; readonly record: DurableRecord };

export class RecordWriter implements Disposable {
  readonly #file: VoterFile | undefined;
  readonly #persisted: (writeId: number) => void;
  readonly #log: Log;
  #waiting: Waiting | undefined;
  #isBusy = false;
  #isFailing = false;
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  /** Without a file everything counts as written: for modes that need no memory. */
  constructor(file: VoterFile | undefined, persisted: (writeId: number) => void, log: Log) {
    this.#file = file;
    this.#persisted = persisted;
    this.#log = log;
  }

  get isFailing(): boolean {
    return this.#isFailing;
  }

  write(writeId: number, record: DurableRecord): void {
    this.#waiting = { writeId, record };
    if (this.#file === undefined) this.#done(writeId);
    else if (!this.#isBusy) void this.#work(this.#file);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
  }

  async #work(file: VoterFile): Promise<void> {
    this.#isBusy = true;
    for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
      if (this.#isDisposed) return;
      try {
        await file.save(next.record);
      } catch (error) {
        if (!ClusterError.is(error)) throw error;
        return this.#retryLater(file, error);
      }
      this.#isFailing = false;
      this.#done(next.writeId);
    }
    this.#isBusy = false;
  }

  #done(writeId: number): void {
    if (this.#waiting?.writeId === writeId) this.#waiting = undefined;
    if (!this.#isDisposed) this.#persisted(writeId);
  }

  #retryLater(file: VoterFile, error: ClusterError): void {
    if (!this.#isFailing) {
      this.#log.error("this member cannot vote: its record cannot be written", {
        message: error.message,
      });
    }
    this.#isFailing = true;
    this.#timer = setTimeout(() => void this.#work(file), retryMs);
  }
}
