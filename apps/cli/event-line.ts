/** One event as one line for people. */
import type { ClusterEvent } from "@prunella/wire/control";
import { clockText } from "./duration.ts";
import { printable } from "./printable.ts";
import type { Screen, Style } from "./screen.ts";

const styles: Readonly<Record<ClusterEvent["severity"], Style>> = {
  info: "cyan",
  warning: "yellow",
  error: "red",
};

const typeWidth = 20;

/** What happened, in the colour of its weight. */
export function eventText(event: ClusterEvent, screen: Screen): string {
  const type = screen.style(styles[event.severity], event.type.padEnd(typeWidth));
  return `${type}  ${printable(event.message)}`;
}

/** The same with when and to whom, for a stream of events of the whole cluster. */
export function drawEvent(event: ClusterEvent, screen: Screen): string {
  const time = screen.style("dim", clockText(event.at));
  const who = event.instance ?? event.service ?? "cluster";
  return `${time}  ${screen.style("bold", who.padEnd(12))}  ${eventText(event, screen)}`;
}
