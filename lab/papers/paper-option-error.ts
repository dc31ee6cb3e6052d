/** An option of a paper that cannot be used; the message says what to give instead. */
export class PaperOptionError extends Error {
  override readonly name = "PaperOptionError";
}
