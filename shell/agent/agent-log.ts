/**
 * The agent's own log: JSON lines on stderr, which whoever started the process has pointed at a file.
 * Synchronous, because the last line before a crash is the one that matters; the agent logs changes
 * of the cluster and never traffic. A full disk costs lines, which are counted, and never the agent.
 */
import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";

export function stderrLog(): Logger {
  return pino({ base: { pid: process.pid } }, new LossyFile(2));
}

/** What pino asks of a destination. */
class LossyFile {
  readonly #fd: number;
  #lostLines = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    try {
      if (this.#lostLines > 0) {
        writeSync(
          this.#fd,
          `{"level":40,"msg":"log lines were lost","lines":${this.#lostLines}}\n`,
        );
        this.#lostLines = 0;
      }
      writeSync(this.#fd, line);
    } catch {
      this.#lostLines += 1; // No room, or nobody reads: said as soon as a line can be written again.
    }
  }
}
