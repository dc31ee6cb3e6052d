/**
 * The page's own code: opens cookies, and shows who leads while leaders come and go. It talks to one
 * address only; which instance answers is the gateway's business, and each answer says who it was.
 */

type Opened = {
  readonly fortune: string;
  readonly number: number;
  readonly leader: string;
  readonly term: number;
};

type Row = {
  readonly term: number;
  readonly leader: string;
  readonly from: string;
  readonly why: string;
  /** How long the change took, as the electors saw it. */
  readonly tookMs: number | null;
};

type State = {
  readonly leader: string;
  readonly term: number;
  readonly opened: number | null;
  readonly demo: boolean;
  readonly members: readonly { readonly name: string; readonly isUp: boolean }[];
  readonly history: readonly Row[];
};

/** A cookie that cannot be had within that time is worth a message. */
const patienceMs = 10_000;
const reconnectMs = 50;
/** The stream says something at least each second; silence for longer means that nobody is there. */
const silenceMsMax = 3_000;
/** All terms of one cluster begin alike; what differs is shown clearly. */
const termDigitsShown = 5;

const leading = element("leading");
const plate = element("plate");
const fortune = element("fortune");
const origin = element("origin");
const opened = element("opened");
const handover = element("handover");
const openButton = element("open");
const killButton = element("kill");

let isOpening = false;
let shown: State | undefined;
let shownText = "";
let lostAtMs: number | undefined;
/** What the page itself saw between the last word of one leader and the first of the next. */
const gaps = new Map<number, number>();

openButton.addEventListener("click", () => void openCookie());
killButton.addEventListener("click", () => void killLeader());
openButton.focus({ preventScroll: true });
void follow();

async function openCookie(): Promise<void> {
  if (isOpening) return;
  isOpening = true;
  openButton.setAttribute("aria-disabled", "true");
  plate.classList.remove("broken");
  try {
    show(await cookieFor(newKey()));
  } catch {
    fortune.textContent = "The cookie fell off the table. Open another one.";
    origin.textContent = "It is not known whether it was counted.";
  } finally {
    isOpening = false;
    openButton.removeAttribute("aria-disabled");
  }
}

/** The key lets a repeated request find the cookie that the first one has opened. */
async function cookieFor(key: string): Promise<Opened> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      const answer = await fetch("/fortune", {
        method: "POST",
        headers: { "idempotency-key": key },
        signal: AbortSignal.timeout(patienceMs),
      });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      return (await answer.json()) as Opened;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await pause(4 * reconnectMs);
    }
  }
}

function show(cookie: Opened): void {
  fortune.textContent = cookie.fortune;
  origin.replaceChildren(
    `Cookie ${count(cookie.number)}, from ${cookie.leader} in term `,
    termText(cookie.term),
  );
  opened.textContent = count(cookie.number);
  void plate.offsetWidth; // Lets the animation begin again.
  plate.classList.add("broken");
}

async function killLeader(): Promise<void> {
  const request = { method: "POST", headers: { "x-fortune": "demo" } };
  const answer = await fetch("/demo/kill", request).catch(() => undefined);
  if (answer?.ok !== true) setText(leading, "The leader could not be killed");
}

/** Reads the leader's stream for as long as the page is open, from one leader after the other. */
async function follow(): Promise<void> {
  for (;;) {
    await readStream().catch(() => undefined);
    if (lostAtMs === undefined) showLoss();
    await pause(reconnectMs);
  }
}

async function readStream(): Promise<void> {
  const stop = new AbortController();
  let silence = setTimeout(() => stop.abort(), silenceMsMax);
  try {
    const answer = await fetch("/events", { signal: stop.signal });
    if (!answer.ok || answer.body === null) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), silenceMsMax);
      text += value;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        if (part.startsWith("data: ")) showState(JSON.parse(part.slice("data: ".length)) as State);
      }
    }
  } finally {
    clearTimeout(silence);
  }
}

function showLoss(): void {
  lostAtMs = performance.now();
  setText(leading, "No leader: an election is under way");
  document.body.classList.add("lost");
  if (shown === undefined) return;
  element("members").replaceChildren(...memberItems(shown, shown.leader));
  countGap();
}

/** Counts up, frame by frame, until somebody leads. */
function countGap(): void {
  if (lostAtMs === undefined || shown === undefined) return;
  const gap = strong(milliseconds(performance.now() - lostAtMs));
  say(`${shown.leader} is gone. No leader for `, gap);
  requestAnimationFrame(countGap);
}

function showState(state: State): void {
  const isNew = shown !== undefined && state.term !== shown.term;
  if (lostAtMs !== undefined) {
    if (isNew) gaps.set(state.term, performance.now() - lostAtMs);
    lostAtMs = undefined;
    shownText = "";
  }
  if (isNew && shown !== undefined) showHandover(shown.leader, state);
  else if (shownText === "") say(`${state.leader} leads, and all is calm.`);
  shown = state;
  if (state.opened !== null) setText(opened, count(state.opened));
  const { leader, term, demo, members, history } = state;
  const text = JSON.stringify([leader, term, demo, members, history]);
  if (text === shownText) return;
  shownText = text;
  document.body.classList.remove("lost");
  setText(leading, `${leader} leads, term ${term}`);
  element("demo").hidden = !demo;
  element("members").replaceChildren(...memberItems(state));
  element("history").replaceChildren(...history.map(historyItem));
}

function showHandover(before: string, { leader, term }: State): void {
  const gap = gaps.get(term);
  say(
    leader === before ? `${leader} leads again` : `${leader} took over from ${before}`,
    ...(gap === undefined ? [] : [" after ", strong(milliseconds(gap))]),
  );
}

function say(...parts: readonly (string | HTMLElement)[]): void {
  const line = document.createElement("span");
  line.append(...parts);
  handover.replaceChildren(line);
}

function memberItems(state: State, lost?: string): readonly HTMLElement[] {
  return state.members.map(({ name, isUp }) => {
    const leads = name === state.leader && lost === undefined;
    const role = name === lost || !isUp ? "away" : leads ? "leads" : "follows";
    const words = { away: "starting again", leads: "leads", follows: "follows" };
    const item = document.createElement("li");
    item.className = role;
    item.append(crown(), strong(name), small(words[role]));
    return item;
  });
}

function historyItem(row: Row): HTMLElement {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = row.from;
  time.textContent = new Date(row.from).toLocaleTimeString("en-GB");
  const who = document.createElement("span");
  who.append(strong(row.leader), " term ", termText(row.term));
  const seen = gaps.get(row.term);
  const parts = [
    row.why,
    row.tookMs === null ? undefined : `elected in ${milliseconds(row.tookMs)}`,
    seen === undefined ? undefined : `here after ${milliseconds(seen)}`,
  ];
  item.append(time, who, small(parts.filter((part) => part !== undefined).join(", ")));
  return item;
}

function termText(term: number): HTMLElement {
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

function strong(text: string): HTMLElement {
  const node = document.createElement("strong");
  node.textContent = text;
  return node;
}

function small(text: string): HTMLElement {
  const node = document.createElement("small");
  node.textContent = text;
  return node;
}

/** A status that is read aloud is written when it changes, and not each second. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)}\u00a0ms`;
}

function count(value: number): string {
  return value.toLocaleString("en");
}

/** `crypto.randomUUID` is there for https and localhost only, and a phone comes by neither. */
function newKey(): string {
  const words = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(words, (word) => word.toString(36)).join("-");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
