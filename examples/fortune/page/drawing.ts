/** How members, terms and times look on the page. */

export type Member = { readonly name: string; readonly isUp: boolean };

export type Row = {
  readonly term: number;
  readonly leader: string;
  readonly from: string;
  readonly why: string;
  /** How long the change took, as the electors saw it. */
  readonly tookMs: number | null;
};

/** Who leads, or who did a moment ago; neither when nobody answers. */
export type Lead = { readonly leader?: string; readonly lost?: string };

/** All terms of one cluster begin alike; what differs is shown clearly. */
const termDigitsShown = 5;

const roles = {
  away: "starting again",
  leads: "leads",
  follows: "follows",
  unknown: "not known",
} as const;

export function memberItems(members: readonly Member[], lead: Lead): readonly HTMLElement[] {
  return members.map((member) => {
    const role = roleOf(member, lead);
    const item = document.createElement("li");
    item.className = role;
    item.append(crown(), strong(member.name), small(roles[role]));
    return item;
  });
}

function roleOf({ name, isUp }: Member, { leader, lost }: Lead): keyof typeof roles {
  if (leader === undefined && lost === undefined) return "unknown";
  if (name === lost || !isUp) return "away";
  return name === leader ? "leads" : "follows";
}

export function historyItem(row: Row, seenMs: number | undefined): HTMLElement {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = row.from;
  time.textContent = new Date(row.from).toLocaleTimeString("en-GB");
  const who = document.createElement("span");
  who.append(strong(row.leader), " term ", termText(row.term));
  const parts = [
    row.why,
    row.tookMs === null ? undefined : `elected in ${duration(row.tookMs)}`,
    seenMs === undefined ? undefined : `here after ${duration(seenMs)}`,
  ];
  item.append(time, who, small(parts.filter((part) => part !== undefined).join(", ")));
  return item;
}

export function termText(term: number): HTMLElement {
  const digits = String(term);
  const node = document.createElement("span");
  node.className = "term";
  const same = document.createElement("span");
  same.textContent = digits.slice(0, -termDigitsShown);
  node.append(same, digits.slice(-termDigitsShown));
  return node;
}

function crown(): SVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M3 8l4.5 4L12 5l4.5 7L21 8l-2 11H5z");
  svg.append(path);
  return svg;
}

export function strong(text: string): HTMLElement {
  const node = document.createElement("strong");
  node.textContent = text;
  return node;
}

function small(text: string): HTMLElement {
  const node = document.createElement("small");
  node.textContent = text;
  return node;
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}\u00a0ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}\u00a0s`;
  return `${Math.floor(ms / 60_000)}\u00a0min ${Math.floor((ms % 60_000) / 1_000)}\u00a0s`;
}

export function count(value: number): string {
  return value.toLocaleString("en");
}
