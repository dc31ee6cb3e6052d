/** How a phase looks. Shape and colour both carry it, so neither a grey screen nor an eye loses it. */
import type { InstanceStatus } from "@prunella/wire/control";
import type { Screen, Style } from "./screen.ts";

type Phase = InstanceStatus["phase"];

const looks: Readonly<Record<Phase, { mark: string; ascii: string; style: Style }>> = {
  waiting: { mark: "◇", ascii: "-", style: "yellow" },
  starting: { mark: "◌", ascii: ".", style: "cyan" },
  serving: { mark: "●", ascii: "*", style: "green" },
  suspect: { mark: "▲", ascii: "?", style: "yellow" },
  draining: { mark: "◐", ascii: "v", style: "blue" },
  stopping: { mark: "○", ascii: "o", style: "gray" },
  parked: { mark: "◆", ascii: "X", style: "red" },
};

/** The shape alone. */
export function phaseMark(phase: Phase, screen: Screen): string {
  const look = looks[phase];
  return screen.style(look.style, screen.hasUnicode ? look.mark : look.ascii);
}

/** Shape and word; the word alone where a program reads, so that it stays one field. */
export function phaseText(phase: Phase, screen: Screen): string {
  const word = screen.style(looks[phase].style, phase);
  return screen.isTerminal ? `${phaseMark(phase, screen)} ${word}` : word;
}
