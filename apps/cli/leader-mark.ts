/** How the one that leads looks: a shape of its own, beside the word. */
import type { Screen } from "./screen.ts";

export function leaderMark(screen: Screen): string {
  return screen.style("cyan", screen.hasUnicode ? "★" : "#");
}

/** Shape and word; the word alone where a program reads, so that it stays one field. */
export function roleText(leads: boolean | undefined, screen: Screen): string {
  if (leads === undefined) return "-";
  if (!leads) return screen.style("dim", "follower");
  return screen.isTerminal ? `${leaderMark(screen)} ${screen.style("cyan", "leader")}` : "leader";
}
