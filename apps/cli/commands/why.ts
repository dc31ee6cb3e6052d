/** `prunella why`: what an instance is, how it came to that, and what happens next. */
import { ClusterError } from "@prunella/core/kernel";
import type { ClusterStatus, Explanation } from "@prunella/wire/control";
import { ageText, clockText, spanText } from "../duration.ts";
import { eventLines } from "../event-line.ts";
import { exitCodes } from "../exit-code.ts";
import type { Invocation } from "../invocation.ts";
import { everyInstance, findService, withGuess } from "../names.ts";
import { phaseText } from "../phase-mark.ts";
import { printable } from "../printable.ts";
import { reasonText } from "../reason-text.ts";
import { type Screen, wrap } from "../screen.ts";
import { troubleLines } from "../trouble-lines.ts";
import { UsageError } from "../usage-error.ts";
import type { Action } from "../verb.ts";

const namesShownMax = 30;
const incidentsShownMax = 5;
const troublesShownMax = 5;
const logLinesShownMax = 10;
/** The begin and the end of a long story; `events` has all of it. */
const eventsShownMax = 24;
const clockWidth = 12;

type Incident = Explanation["incidents"][number];

export const why: Action = async (call, [name]) => {
  if (name === undefined) throw await nameless(call);
  const client = await call.connect();
  const explanation = await client.why(name).catch(async (error: unknown) => {
    if (!ClusterError.is(error, "INSTANCE_UNKNOWN")) throw error;
    throw refusal(call, error, await client.status(), name);
  });
  if (call.json) call.printJson(explanation);
  else call.out.write(drawExplanation(explanation, call.out, Date.now(), call.hint("events")));
  return exitCodes.ok;
};

/** Whoever names nobody is told whom there is, if there is a cluster. */
async function nameless(call: Invocation): Promise<Error> {
  const status = await call
    .connect()
    .then((client) => client.status())
    .catch(() => undefined);
  const names = status === undefined ? [] : everyInstance(status).map(({ name }) => name);
  const shown = names.slice(0, namesShownMax).join(", ");
  const more = names.length > namesShownMax ? ` and ${names.length - namesShownMax} more` : "";
  return new UsageError(
    names.length === 0 ? "Say which instance." : `Say which instance: ${shown}${more}.`,
    call.hint("why --help"),
  );
}

/** Whoever asks for a service is told its instances, the sick one first. */
function refusal(call: Invocation, error: unknown, status: ClusterStatus, name: string): Error {
  const service = findService(status, name);
  if (service === undefined) return withGuess(call, error, status, name);
  const names = service.instances.map((instance) => instance.name);
  const first = service.instances.find((instance) => !instance.ready) ?? service.instances[0];
  return new UsageError(
    `${name} is a service; its instances are: ${names.join(", ")}.`,
    call.hint(
      service.kind === "elected"
        ? `elect why ${name}`
        : first === undefined
          ? "status"
          : `why ${first.name}`,
    ),
  );
}

function drawExplanation(
  explanation: Explanation,
  screen: Screen,
  nowMs: number,
  eventsHint: string,
): string {
  const { instance, service, next, fix, incidents, troubles, logTail } = explanation;
  const facts = [
    service,
    `incarnation ${instance.incarnation}`,
    ...(instance.pid === null ? [] : [`pid ${instance.pid}`]),
    ...(instance.address === null ? [] : [instance.address]),
    ...(instance.startedAt === null ? [] : [`up ${ageText(instance.startedAt, nowMs)}`]),
  ];
  const lines = [
    `${screen.style("bold", instance.name)}  ${phaseText(instance.phase, screen)}  ${screen.style("dim", facts.join("  "))}`,
    "",
    ...labelled("now", reasonText(instance), screen),
    ...aliasLines(instance, screen),
    ...reignLines(explanation, screen),
    ...labelled("next", next, screen),
    ...(fix === null ? [] : labelled("fix", fix, screen)),
  ];
  if (troubles.length > 0) {
    const seen = troubles.slice(-troublesShownMax);
    lines.push("", screen.style("bold", "seen in traffic"), ...troubleLines(seen, screen, nowMs));
  }
  const shown = incidents.slice(-incidentsShownMax);
  if (incidents.length === 0) lines.push("", screen.style("dim", "  no incident so far"));
  if (shown.length < incidents.length) {
    lines.push(
      "",
      screen.style("dim", `  ${incidents.length - shown.length} earlier incidents: ${eventsHint}`),
    );
  }
  for (const incident of shown) lines.push("", ...drawIncident(incident, screen));
  const isWell = incidents.length + troubles.length === 0 && instance.ready;
  if (logTail.length > 0 && !isWell) {
    lines.push("", screen.style("bold", "last words"));
    const bar = screen.style("dim", `  ${screen.marks.bar} `);
    for (const line of logTail.slice(-logLinesShownMax)) lines.push(bar + printable(line));
  }
  return `${lines.join("\n")}\n`;
}

/** In compatibility mode an instance has a host name of its own, and clients see only that. */
function aliasLines(
  { name, hostname }: Explanation["instance"],
  screen: Screen,
): readonly string[] {
  return name === hostname ? [] : labelled("name", `clients know it as ${hostname}`, screen);
}

/** Whether it leads, and what became of the terms that it led. */
function reignLines({ reigns, instance }: Explanation, screen: Screen): readonly string[] {
  if (reigns === undefined) return [];
  const past = reigns.map(({ term, from, to, ending }) =>
    to === null
      ? `leads in term ${term} since ${clockText(from)}`
      : `led in term ${term}, ${clockText(from)} to ${clockText(to)}: ${ending ?? "over"}`,
  );
  const told = instance.leads === true ? past : [...past, `follows in term ${instance.term}`];
  return told.flatMap((text, index) => labelled(index === 0 ? "lead" : "", text, screen));
}

function labelled(label: string, text: string, screen: Screen): readonly string[] {
  const lines = wrap(printable(text), Math.min(screen.columns, 120) - 9);
  return lines.map((line, index) => {
    const head = index === 0 ? screen.style("dim", label.padEnd(4)) : "    ";
    return `  ${head}  ${line}`;
  });
}

/** A story in lines: when it began, and then each step by its distance from the begin. */
function drawIncident(incident: Incident, screen: Screen): readonly string[] {
  const { title, id, openedAt, events } = incident;
  const [head = "", ...rest] = wrap(printable(title), Math.min(screen.columns, 120) - 2);
  const openedMs = Date.parse(openedAt);
  const isShared = new Set(events.map((event) => event.instance)).size > 1;
  const story = events.map((event, index) => {
    const since = `+${spanText(Date.parse(event.at) - openedMs)}`.padStart(clockWidth);
    const time = index === 0 ? clockText(event.at) : since;
    const who = isShared ? `${event.instance ?? event.service ?? ""}  ` : "";
    const [first = "", ...more] = eventLines(event, screen, time.length + who.length + 4);
    return [`  ${screen.style("dim", time)}  ${who}${first}`, ...more];
  });
  const hidden = story.length - eventsShownMax;
  const shown =
    hidden <= 0
      ? story
      : [
          ...story.slice(0, eventsShownMax / 2),
          [screen.style("dim", `${" ".repeat(clockWidth)}  ... ${hidden} more ...`)],
          ...story.slice(-eventsShownMax / 2),
        ];
  return [
    ...[head, ...rest].map((line) => screen.style("bold", line)),
    `  ${outcomeText(incident, screen)}  ${screen.style("dim", id)}`,
    ...shown.flat(),
  ];
}

function outcomeText({ closedAt, healedMs }: Incident, screen: Screen): string {
  if (closedAt === null) return screen.style("yellow", "still open");
  return screen.style("green", healedMs === null ? "closed" : `healed in ${spanText(healedMs)}`);
}
