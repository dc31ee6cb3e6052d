/**
 * What happens while one waits, on stderr. On a terminal a live region that is redrawn in place and
 * gone at the end; elsewhere a plain line for each change, for logs of a build. Nothing at all is
 * shown for what takes less than 300 ms, because a flicker tells nobody anything.
 */
import { spanText } from "./duration.ts";
import { cutStyled, type Screen } from "./screen.ts";

const quietMs = 300;
const frameMs = 100;
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const asciiFrames = ["|", "/", "-", "\\"];

export const hideCursor = "\u001b[?25l";
export const showCursor = "\u001b[?25h";
const clearBelow = "\u001b[0J";

/** One line of the region. `key` says which thing it is about, so that a change can be seen. */
export type ProgressRow = { readonly key: string; readonly text: string };

export class Progress {
  readonly #screen: Screen;
  readonly #title: string;
  readonly #isSilent: boolean;
  readonly #startedMs = performance.now();
  readonly #told = new Map<string, string>();
  #rows: readonly ProgressRow[] = [];
  #drawnCount = 0;
  #frame = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(screen: Screen, title: string, isSilent: boolean) {
    this.#screen = screen;
    this.#title = title;
    this.#isSilent = isSilent;
    if (isSilent) return;
    this.#timer = setTimeout(() => this.#begin(), quietMs);
    this.#timer.unref();
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  show(rows: readonly ProgressRow[]): void {
    this.#rows = rows;
    if (!this.#screen.isTerminal && this.elapsedMs >= quietMs) this.#tell();
  }

  /** Ends the region and leaves nothing of it on a terminal. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#drawnCount === 0) return;
    this.#screen.write(`${this.#back()}${showCursor}`);
    this.#drawnCount = 0;
  }

  #begin(): void {
    if (!this.#screen.isTerminal) {
      this.#screen.line(this.#title);
      this.#tell();
      return;
    }
    this.#screen.write(hideCursor);
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), frameMs);
    this.#timer.unref();
  }

  #tell(): void {
    if (this.#isSilent) return;
    for (const { key, text } of this.#rows) {
      if (this.#told.get(key) === text) continue;
      this.#told.set(key, text);
      this.#screen.line(`  ${text}`);
    }
  }

  #draw(): void {
    const screen = this.#screen;
    const marks = screen.hasUnicode ? frames : asciiFrames;
    const mark = screen.style("cyan", marks[this.#frame++ % marks.length] ?? "");
    const lines = [
      `${mark} ${this.#title} ${screen.style("dim", spanText(this.elapsedMs))}`,
      ...this.#fitting().map((text) => `  ${text}`),
    ];
    const body = lines.map((line) => cutStyled(line, screen.columns - 1)).join("\n");
    screen.write(`${this.#back()}${body}\n`);
    this.#drawnCount = lines.length;
  }

  /** A region taller than the screen could not be redrawn: the terminal would scroll it away. */
  #fitting(): readonly string[] {
    const room = Math.max(1, this.#screen.rows - 3);
    const texts = this.#rows.map((row) => row.text);
    if (texts.length <= room) return texts;
    const hidden = texts.length - room + 1;
    return [...texts.slice(0, room - 1), this.#screen.style("dim", `and ${hidden} more`)];
  }

  #back(): string {
    return this.#drawnCount === 0 ? "" : `\u001b[${this.#drawnCount}A\r${clearBelow}`;
  }
}
