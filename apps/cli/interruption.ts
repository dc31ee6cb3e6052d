/**
 * Ctrl-C, made orderly: the first one aborts what is going on, so that it can put the terminal back;
 * a second one, for those who cannot wait, ends the process at once.
 */
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { showCursor } from "./progress.ts";

/** A launcher passes signals on that the terminal sends as well; two so close together are one. */
const echoMs = 300;

const codes = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.terminated,
} as const;

export class Interruption {
  readonly #controller = new AbortController();
  #code: ExitCode | undefined;
  #atMs = 0;

  constructor() {
    for (const signal of Object.keys(codes)) process.on(signal, this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** How the process ends when it was interrupted. */
  get code(): ExitCode | undefined {
    return this.#code;
  }

  [Symbol.dispose](): void {
    for (const signal of Object.keys(codes)) process.off(signal, this.#interrupt);
  }

  readonly #interrupt = (signal: keyof typeof codes): void => {
    const nowMs = performance.now();
    if (this.#code === undefined) {
      this.#code = codes[signal];
      this.#atMs = nowMs;
      this.#controller.abort(new Error(`interrupted by ${signal}`));
    } else if (nowMs - this.#atMs > echoMs) {
      if (process.stderr.isTTY) process.stderr.write(showCursor);
      process.exit(this.#code);
    }
  };
}
