/**
 * Text that came from somewhere else, made safe for a terminal: a program under our care must not be
 * able to move the cursor or recolour the table by what it prints.
 */
import { stripVTControlCharacters } from "node:util";

/** Without escape sequences; other control characters but the tab become a visible `·`. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, "·");
}
