/** The command line itself is wrong. `next` is a command that works. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly next: string | undefined;

  constructor(message: string, next?: string) {
    super(message);
    this.next = next;
  }
}

/** A person left a question unanswered on purpose. */
export class Cancellation extends Error {
  override readonly name = "Cancellation";
}
