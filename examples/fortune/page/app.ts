/**
 * The page's own code: opens cookies, and shows who leads while leaders come and go. It talks to one
 * address only; which instance answers is the gateway's business, and each answer says who it was.
 */

import {
  count,
  duration,
  historyItem,
  type Member,
  memberItems,
  type Row,
  strong,
  termText,
} from "./drawing.ts";

type Opened = {
  readonly fortune: string;
  readonly number: number;
  readonly leader: string;
  readonly term: number;
};

type State = {
  readonly leader: string;
  readonly term: number;
  readonly opened: number | null;
  readonly demo: boolean;
  readonly members: readonly Member[];
  readonly history: readonly Row[];
};

/** A cookie that cannot be had within that time is worth a message. */
const patienceMs = 10_000;
/** A leader is back in no time; a cluster that is down is asked ever more seldom. */
const reconnectMs = 50;
const reconnectMsMax = 1_000;
/** A gateway that was killed is back sooner than that. */
const goneAfterMs = 1_500;
/** A wait that is shorter needs no words. */
const waitWorthTellingMs = 500;
/** The stream says something at least each second; silence for longer means that nobody is there. */
const silenceMsMax = 3_000;
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
/** False when the last question found nobody at all, and not even a gateway. */
let isAnswered = true;
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
  const wait = setTimeout(() => {
    fortune.textContent = "One moment ...";
    origin.textContent = "The cookie waits for a leader who opens it.";
  }, waitWorthTellingMs);
  try {
    show(await cookieFor(newKey()));
  } catch {
    fortune.textContent = "The cookie fell off the table. Open another one.";
    origin.textContent = "It is not known whether it was counted.";
  } finally {
    clearTimeout(wait);
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
  if (lostAtMs !== undefined || shown === undefined) return;
  const { leader, term } = shown;
  const request = { method: "POST", headers: { "x-fortune": "demo" } };
  const answer = await fetch("/demo/kill", request).catch(() => undefined);
  if (answer?.ok === true || lostAtMs !== undefined || shown.term !== term) return;
  say(`The kill did not reach ${leader}. Press again.`);
}

/** Reads the leader's stream for as long as the page is open, from one leader after the other. */
async function follow(): Promise<void> {
  let waitMs = reconnectMs;
  for (;;) {
    const isHeard = await readStream().catch(() => false);
    if (lostAtMs === undefined) showLoss();
    waitMs = isHeard ? reconnectMs : Math.min(1.5 * waitMs, reconnectMsMax);
    await pause(waitMs);
  }
}

/** Tells at the end whether the stream has said anything. */
async function readStream(): Promise<boolean> {
  const stop = new AbortController();
  let silence = setTimeout(() => stop.abort(), silenceMsMax);
  try {
    const answer = await fetch("/events", { signal: stop.signal }).catch((error: unknown) => {
      isAnswered = stop.signal.aborted;
      throw error;
    });
    isAnswered = true;
    if (!answer.ok || answer.body === null) return false;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
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
  killButton.setAttribute("aria-disabled", "true");
  if (shown === undefined) return;
  element("members").replaceChildren(...memberItems(shown.members, { lost: shown.leader }));
  countGap();
}

/** Counts up, frame by frame, until somebody leads. */
function countGap(): void {
  if (lostAtMs === undefined || shown === undefined) return;
  const gapMs = performance.now() - lostAtMs;
  if (!isAnswered && gapMs > goneAfterMs) showSilence(shown, gapMs);
  else say(`${shown.leader} is gone. No leader for `, strong(duration(gapMs)));
  requestAnimationFrame(countGap);
}

/** No gateway either: nothing is known of anybody. */
function showSilence({ members }: State, gapMs: number): void {
  setText(leading, "Nobody answers: is the cluster up?");
  if (element("members").querySelector(".unknown") === null) {
    element("members").replaceChildren(...memberItems(members, {}));
  }
  const gap = strong(duration(gapMs));
  say("Nobody has answered for ", gap, ". This page goes on as soon as somebody does.");
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
  killButton.removeAttribute("aria-disabled");
  setText(leading, `${leader} leads, term ${term}`);
  element("demo").hidden = !demo;
  element("members").replaceChildren(...memberItems(members, { leader }));
  element("history").replaceChildren(...history.map((row) => historyItem(row, gaps.get(row.term))));
}

function showHandover(before: string, { leader, term }: State): void {
  const gap = gaps.get(term);
  say(
    leader === before ? `${leader} leads again` : `${leader} took over from ${before}`,
    ...(gap === undefined ? [] : [" after ", strong(duration(gap))]),
  );
}

function say(...parts: readonly (string | HTMLElement)[]): void {
  const line = document.createElement("span");
  line.append(...parts);
  handover.replaceChildren(line);
}

/** A status that is read aloud is written when it changes, and not each second. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
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
