/** What gateways saw in traffic, in sentences: who saw it, and how long ago. */
import type { RecordedEvent } from "@prunella/wire/control";
import { ageText } from "./duration.ts";
import { printable } from "./printable.ts";
import { type Screen, wrap } from "./screen.ts";

export function troubleLines(
  troubles: readonly RecordedEvent[],
  screen: Screen,
  nowMs: number,
): readonly string[] {
  return troubles.flatMap(({ severity, message, at, data }) => {
    const colour = severity === "error" ? "red" : "yellow";
    const mark = screen.style(colour, screen.marks.warning);
    const seenBy = `${data["gateway"] ?? "a gateway"}, ${ageText(at, nowMs)} ago`;
    const text = printable(`${message} (${seenBy})`);
    const [first = "", ...rest] = wrap(text, Math.min(screen.columns, 120) - 6);
    return [`  ${mark} ${first}`, ...rest.map((line) => `    ${line}`)];
  });
}
