/** Programs for the pretended computer, by name: one that works, and the ways in which one does not. */
import type { MemoryProcess, MemoryProgram } from "./memory-copy.ts";

export const memoryPrograms = {
  /** Says who it is, serves, ends when it is asked to. */
  serve(self) {
    self.onTerminate(() => self.exit(0));
    introduce(self);
    self.listen();
    self.print("serving");
  },
  /** Serves and does not listen to anybody. */
  stubborn(self) {
    self.onTerminate(() => {});
    self.listen();
  },
  /** Ends at once, as if something were missing. */
  exit(self) {
    self.print("leaving");
    self.after(1, () => self.exit(7));
  },
  /** Runs and never opens its port. */
  silent(self) {
    self.print("thinking");
  },
  /** Serves and talks. */
  chatter(self) {
    for (let line = 1; line <= 500; line++) self.print(`line ${line}`);
    self.listen();
    let tick = 0;
    const talk = (): void => {
      tick += 1;
      self.print(`tick ${tick}`);
      self.after(20, talk);
    };
    talk();
  },
} satisfies Readonly<Record<string, MemoryProgram>>;

function introduce(self: MemoryProcess): void {
  for (const [name, value] of Object.entries(self.env)) {
    if (name === "PORT" || name.startsWith("PRUNELLA_")) self.print(`${name}=${value}`);
  }
}
