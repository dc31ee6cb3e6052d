/** One event as one line for people. */
import type { RecordedEvent } from "@prunella/wire/control";
import { clockText } from "./duration.ts";
import { printable } from "./printable.ts";
import { type Screen, type Style, wrap } from "./screen.ts";

const styles: Readonly<Record<RecordedEvent["severity"], Style>> = {
  info: "cyan",
  warning: "yellow",
  error: "red",
};

const typeWidth = 15;
const whoWidth = 12;

/**
 * What happened, in the colour of its weight, in as many lines as it takes. `indent` is how far to the
 * right it will stand.
 */
export function eventLines(
  event: RecordedEvent,
  screen: Screen,
  indent: number,
): readonly string[] {
  const type = shortType(event.type);
  const width = Math.max(type.length, typeWidth);
  const room = Math.min(screen.columns, 160) - indent - width - 2;
  const [first = "", ...rest] = wrap(printable(event.message), room);
  const margin = " ".repeat(indent + width + 2);
  return [
    `${screen.style(styles[event.severity], type.padEnd(width))}  ${first}`,
    ...rest.map((line) => margin + line),
  ];
}

/** The same with when and to whom, for a stream of events of the whole cluster. */
export function drawEvent(event: RecordedEvent, screen: Screen): string {
  const time = clockText(event.at);
  const who = (event.instance ?? event.service ?? "cluster").padEnd(whoWidth);
  const indent = time.length + who.length + 4;
  const [first = "", ...rest] = eventLines(event, screen, indent);
  const head = `${screen.style("dim", time)}  ${screen.style("bold", who)}  ${first}`;
  return [head, ...rest].join("\n");
}

/** `exited` for `instance.exited`: to whom it happened stands beside it. */
function shortType(type: string): string {
  return type.replace(/^instance\./, "");
}
