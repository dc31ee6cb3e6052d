/** What is in the cookies: one fortune a line in `fortunes.txt`. */
import { readFileSync } from "node:fs";

export const fortunes: readonly string[] = readFileSync(
  new URL("./fortunes.txt", import.meta.url),
  "utf8",
)
  .split("\n")
  .filter((line) => line !== "");
