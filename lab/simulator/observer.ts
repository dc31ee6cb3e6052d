import type { Fault } from "./fault.ts";

/** Looks at a world from outside. Everything is optional; throwing a `Violation` ends the run. */
export type Observer<State, Message> = {
  booted?(node: number, state: State): void;
  stepped?(node: number, before: State, after: State): void;
  crashed?(node: number, last: State, fault: Fault & { readonly type: "crash" }): void;
  sent?(from: number, to: number, message: Message): void;
  /** A `word` fault: the harness says what it means. */
  word?(node: number, word: unknown): void;
  healed?(): void;
};
