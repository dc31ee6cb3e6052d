/** Numbers on the command line of a paper. */
import { PaperOptionError } from "./paper-option-error.ts";

/** @throws PaperOptionError that says what to give instead. */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new PaperOptionError(
    `--${option} is "${text}". Give a whole number from ${min} to ${max}.`,
  );
}
