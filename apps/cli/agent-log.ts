/** `agent.log`: what the agent process printed. One old file is kept, so that it cannot grow for ever. */
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";

const bytesMax = 5 * 1024 * 1024;
const linesShownMax = 8;
const bytesShownMax = 8 * 1024;
const fileMode = 0o600;

export class AgentLog {
  readonly path: string;
  #startOffset = 0;

  constructor(stateFolder: string) {
    this.path = join(stateFolder, "agent.log");
  }

  /** Opens the log for a new agent. */
  open(): { readonly fd: number; close(): void } {
    const size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
    if (size > bytesMax) renameSync(this.path, `${this.path}.1`);
    const fd = openSync(this.path, "a", fileMode);
    this.#startOffset = fstatSync(fd).size;
    return { fd, close: () => closeSync(fd) };
  }

  /** The last lines since `open`. */
  newLines(): readonly string[] {
    const fd = openSync(this.path, "r");
    try {
      const { size } = fstatSync(fd);
      const from = Math.max(this.#startOffset, size - bytesShownMax);
      const buffer = Buffer.alloc(size - from);
      readSync(fd, buffer, 0, buffer.length, from);
      const lines = buffer.toString("utf8").split("\n");
      return lines.filter((line) => line.trim() !== "").slice(-linesShownMax);
    } finally {
      closeSync(fd);
    }
  }
}
