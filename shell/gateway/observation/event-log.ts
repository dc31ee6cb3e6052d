/**
 * What happened to the gateway itself, for people: refused views, faults of members, a full disk.
 * Pino writes it, to the same bounded destination as the access log. It is rare, so it is loaded
 * only when there is something to say, and starting up does not pay for it.
 */

import type { LogDestination } from "@prunella/driver";
import type { Logger } from "pino";

export type Level = "info" | "warn" | "error";

export type EventFields = Readonly<Record<string, unknown>>;

export class EventLog {
  readonly #destination: LogDestination;
  readonly #base: EventFields;
  #logger: Promise<Logger> | undefined;

  /** `base` stands on each line, for example the name of the instance. */
  constructor(destination: LogDestination, base: EventFields) {
    this.#destination = destination;
    this.#base = base;
  }

  /** Never waits. `message` is constant; what varies goes into `fields`. */
  write(level: Level, message: string, fields: EventFields = {}): void {
    this.#logger ??= this.#load();
    void this.#logger.then((logger) => logger[level](fields, message));
  }

  /** Resolves when all events were handed to the destination. */
  async settled(): Promise<void> {
    await this.#logger;
  }

  async #load(): Promise<Logger> {
    const { pino, stdTimeFunctions } = await import("pino");
    return pino(
      {
        base: { log: "gateway", ...this.#base },
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      this.#destination,
    );
  }
}
