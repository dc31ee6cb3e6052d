/**
 * What happened, kept: facts of the runtime become events in the journal, and incidents are folded
 * from them. Everybody who watches the cluster reads from here.
 *
 * Nothing waits for the disk: an event is readable at once, and the journal writes behind. Losing
 * the last few milliseconds in a crash costs an explanation, never correctness.
 */
import { join } from "node:path";
import { foldFact, type Incident, incidentsOf, noIncidents } from "@prunella/core/healing";
import { invariant } from "@prunella/core/kernel";
import { Bell } from "@prunella/driver";
import type { InstanceFact } from "@prunella/runtime";
import { Journal, type JournalNotice, readJsonSync, writeJson } from "@prunella/store";
import { type ClusterEvent, type RecordedEvent, recordedEvent } from "@prunella/wire/control";
import type { Logger } from "pino";
import { z } from "zod";
import { eventOf } from "./fact-event.ts";

const snapshotDelayMs = 200;
const removedKeptMax = 200;
type Incidents = typeof noIncidents;

/** What an author of an event says; the rest follows. */
export type Happening = Partial<RecordedEvent> & {
  readonly type: string;
  readonly message: string;
};

export class Chronicle implements AsyncDisposable {
  readonly #journal: Journal<RecordedEvent>;
  readonly #snapshotFile: string;
  readonly #log: Logger;
  readonly #bell = new Bell();
  readonly #removed = new Map<string, string>();
  #incidents: Incidents;
  #snapshotTimer: NodeJS.Timeout | undefined;

  private constructor(journal: Journal<RecordedEvent>, snapshotFile: string, log: Logger) {
    this.#journal = journal;
    this.#snapshotFile = snapshotFile;
    this.#log = log;
    this.#incidents = readIncidents(snapshotFile, log);
  }

  static async open(folder: string, log: Logger): Promise<Chronicle> {
    const notices: JournalNotice[] = [];
    let report = (notice: JournalNotice): void => void notices.push(notice);
    const journal = await Journal.open<RecordedEvent>({
      folder,
      parse: (value) => recordedEvent.safeParse(value).data,
      report: (notice) => report(notice),
    });
    const chronicle = new Chronicle(journal, join(folder, "incidents.json"), log);
    report = (notice) => chronicle.#noticed(notice);
    for (const notice of notices) chronicle.#noticed(notice);
    return chronicle;
  }

  get incidents(): readonly Incident[] {
    return this.#incidents.list;
  }

  incidentsOf(instance: string): readonly Incident[] {
    return incidentsOf(this.#incidents, instance);
  }

  /** Takes a fact of the runtime. */
  observed(fact: InstanceFact): void {
    const before = this.#incidents;
    this.#incidents = foldFact(before, fact);
    if (this.#incidents !== before) this.#scheduleSnapshot();
    const incident = this.#incidents.list.findLast(({ facts }) => facts.includes(fact));
    if (fact.type === "removed" && fact.instance !== undefined) {
      this.#rememberRemoved(fact.instance, `${fact.message} at ${iso(fact.atMs)}`);
    }
    this.#append(eventOf(fact, incident?.id ?? null));
    const healed = incident?.closedAtMs === fact.atMs ? incident : undefined;
    if (healed !== undefined) {
      this.record({
        type: "incident.closed",
        service: healed.service ?? null,
        message: `${healed.id} is over: full capacity after ${healed.healedMs} ms`,
        incident: healed.id,
        data: { healedMs: healed.healedMs, outageCount: healed.outageCount },
      });
    }
  }

  agentStarted(term: number): void {
    const message = `the agent took over, term ${term}`;
    this.record({ type: "agent.started", message, data: { term, pid: process.pid } });
  }

  /** What is wanted was changed by a person or a program. */
  changed(service: string, action: string, message: string): void {
    this.record({ type: `service.${action}`, service, message });
  }

  record(happening: Happening): void {
    this.#append({
      at: iso(Date.now()),
      severity: "info",
      service: null,
      instance: null,
      incarnation: null,
      incident: null,
      data: {},
      ...happening,
    });
  }

  /** Events after `afterId`, oldest first; with `follow` it goes on until the signal aborts. */
  async *events(
    afterId: number,
    follow: boolean,
    signal: AbortSignal,
  ): AsyncIterable<ClusterEvent> {
    let lastId = afterId;
    while (!signal.aborted) {
      const news = this.#bell.next(signal);
      for await (const { id, record } of this.#journal.read(lastId)) {
        lastId = id;
        yield { id, ...record };
        if (signal.aborted) return;
      }
      if (!follow) return;
      await news;
    }
  }

  /** What was said last of an instance that is wanted no more. */
  lastWordOn(instance: string): string | undefined {
    return this.#removed.get(instance);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#snapshotTimer);
    await this.#writeSnapshot();
    await this.#journal[Symbol.asyncDispose]();
  }

  #append(event: RecordedEvent): void {
    this.#journal.append(event);
    this.#bell.ring();
    const { severity, message, type, instance } = event;
    const level = severity === "warning" ? "warn" : severity;
    this.#log[level]({ type, instance, message }, "event");
  }

  #noticed({ type, message, data }: JournalNotice): void {
    const severity = type === "disk-recovered" || type === "torn-tail" ? "warning" : "error";
    this.record({ type: `journal.${type}`, severity, message, data: { ...data } });
  }

  #rememberRemoved(instance: string, message: string): void {
    this.#removed.set(instance, message);
    const oldest = this.#removed.keys().next().value;
    if (this.#removed.size > removedKeptMax && oldest !== undefined) this.#removed.delete(oldest);
  }

  #scheduleSnapshot(): void {
    this.#snapshotTimer ??= setTimeout(() => {
      this.#snapshotTimer = undefined;
      void this.#writeSnapshot();
    }, snapshotDelayMs);
  }

  async #writeSnapshot(): Promise<void> {
    try {
      await writeJson(this.#snapshotFile, this.#incidents, { durable: false });
    } catch (error) {
      // A full disk is told by the journal; incidents stay in memory and are written next time.
      this.#log.warn({ error }, "incidents were not written");
    }
  }
}

function readIncidents(file: string, log: Logger): Incidents {
  try {
    return readJsonSync(file, parseIncidents) ?? noIncidents;
  } catch (error) {
    log.warn({ error }, "incidents of the last agent cannot be read; the journal has their events");
    return noIncidents;
  }
}

/** What a fold goes on from must be whole: anything else is left out, and the fold begins anew. */
const incidentsShape = z.object({
  nextNumber: z.number().int().positive(),
  list: z.array(
    z.looseObject({
      id: z.string(),
      title: z.string(),
      openedAtMs: z.number(),
      outageAtMs: z.number(),
      pastOutagesMs: z.number(),
      lastAbnormalAtMs: z.number(),
      outageCount: z.number(),
      factsLeftOut: z.number(),
      instances: z.array(z.string()),
      down: z.array(z.string()),
      facts: z.array(z.looseObject({ type: z.string(), atMs: z.number(), message: z.string() })),
    }),
  ),
});

function parseIncidents(value: unknown): Incidents | undefined {
  return incidentsShape.safeParse(value).success ? (value as Incidents) : undefined;
}

function iso(atMs: number): string {
  invariant(Number.isFinite(atMs), "an event has a time");
  return new Date(atMs).toISOString();
}
