/**
 * What people read of an election: who leads, and of each change of leader who, when, why, and where
 * its time went.
 */
import type { ElectionStatus, TermRow } from "@prunella/wire/election";
import { ageText, clockText, spanText } from "./duration.ts";
import { leaderMark } from "./leader-mark.ts";
import { printable } from "./printable.ts";
import { type Screen, wrap } from "./screen.ts";
import { type Column, drawTable } from "./table.ts";

const changesShownMax = 5;

export function drawElection(election: ElectionStatus, screen: Screen, nowMs: number): string {
  const { service, mode, timing, term, history } = election;
  const facts = screen.style("dim", `${mode}, ${timing}`);
  const lines = [`${screen.style("bold", service)}  ${headline(election, screen)}  ${facts}`];
  const last = history.at(-1);
  if (election.leader !== null && last !== undefined) {
    lines.push(`  term ${term}, since ${clockText(last.from)} (${ageText(last.from, nowMs)})`);
  } else if (last?.ending != null) {
    lines.push(...indented(`${last.ending}; the next leader is being elected`, screen, 2));
  } else if (election.leader === null) {
    lines.push("  nobody has led yet; the first leader is being elected");
  }
  const rows = history.slice(-changesShownMax);
  for (const row of rows) {
    const before = history[history.indexOf(row) - 1];
    lines.push("", ...change(row, before, screen));
  }
  const earlier = history.length - rows.length;
  if (earlier > 0) lines.push("", screen.style("dim", `  ${earlier} earlier: elect history`));
  return `${lines.join("\n")}\n`;
}

const columns: readonly Column[] = [
  { title: "TERM", align: "right" },
  { title: "LEADER" },
  { title: "INC", align: "right", rank: 3 },
  { title: "FROM" },
  { title: "LED", align: "right", rank: 1 },
  { title: "BECAUSE" },
  { title: "DETECT", align: "right", rank: 4 },
  { title: "ELECT", align: "right", rank: 4 },
  { title: "EXPOSE", align: "right", rank: 4 },
  { title: "NO LEADER", align: "right", rank: 2 },
];

export function drawHistory(election: ElectionStatus, screen: Screen, nowMs: number): string {
  const { service, history } = election;
  if (history.length === 0) return `${service}: nobody has led yet\n`;
  const rows = history.map((row) => [
    `${row.term}`,
    row.leader,
    `${row.incarnation}`,
    clockText(row.from),
    spanText((row.to === null ? nowMs : Date.parse(row.to)) - Date.parse(row.from)),
    row.why ?? "-",
    ms(row.detectMs),
    ms(row.electMs),
    ms(row.exposeMs),
    ms(row.leaderlessMs),
  ]);
  const [head = "", ...drawn] = drawTable(columns, rows, screen.columns);
  return `${[screen.style("dim", head), ...drawn].join("\n")}\n`;
}

function headline({ leader, state }: ElectionStatus, screen: Screen): string {
  if (leader === null) return screen.style("yellow", "nobody leads");
  const what = state === "handing-over" ? "hands over" : "leads";
  return `${leaderMark(screen)} ${screen.style("green", `${leader} ${what}`)}`;
}

function change(row: TermRow, before: TermRow | undefined, screen: Screen): readonly string[] {
  const { leader, term, from, incarnation } = row;
  const isSame = before?.leader === leader;
  const took = before === undefined ? "leads" : `takes over from ${before.leader}`;
  const head = `${leader} ${isSame ? "leads again" : took}`;
  const facts = screen.style("dim", `term ${term}, incarnation ${incarnation}`);
  return [
    `  ${screen.style("dim", clockText(from))}  ${screen.style("bold", head)}  ${facts}`,
    ...indented(reason(row, before), screen, 16),
    ...indented(times(row), screen, 16),
  ];
}

/** What ended the leader before; of the first one nothing is known. */
function reason({ why }: TermRow, before: TermRow | undefined): string {
  if (before?.ending == null) return why === null || why === "start" ? "nobody had led" : why;
  return why === null ? before.ending : `${why}: ${before.ending}`;
}

/** Where the time without a leader went. */
function times({ leaderlessMs, detectMs, electMs, exposeMs }: TermRow): string {
  const parts = [
    ...(detectMs === null ? [] : [`${ms(detectMs)} to notice`]),
    ...(electMs === null ? [] : [`${ms(electMs)} to elect`]),
    ...(exposeMs === null ? [] : [`${ms(exposeMs)} to expose`]),
  ];
  if (leaderlessMs === null) return parts.join(", ");
  const inside = parts.length === 0 ? "" : ` (${parts.join(", ")})`;
  return `${ms(leaderlessMs)} without a leader${inside}`;
}

function indented(text: string, screen: Screen, indent: number): readonly string[] {
  if (text === "") return [];
  const lines = wrap(printable(text), Math.min(screen.columns, 120) - indent);
  return lines.map((line) => " ".repeat(indent) + line);
}

function ms(value: number | null): string {
  return value === null ? "-" : spanText(value);
}
