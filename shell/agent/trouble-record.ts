/**
 * What gateways saw in traffic, kept for people: each trouble becomes an event, and the newest are at
 * hand for `status` and `why`. A gateway tells the same one at most once a minute.
 *
 * Bounded: 200 are at hand, for 15 minutes; 60 a minute become events, the rest is counted in one.
 * A new agent begins with none at hand; the journal has them all.
 */
import type { RecordedEvent } from "@prunella/wire/control";
import type { Trouble, TroublePage } from "@prunella/wire/trouble";
import type { Chronicle } from "./chronicle.ts";

const keptMax = 200;
const keptMs = 15 * 60_000;
const eventsPerMinuteMax = 60;
const minuteMs = 60_000;

/** Nobody can mend these but a person; the others pass, or a restart mends them. */
const forPeople: readonly string[] = [
  ...["framing-fault", "view-invalid", "port-refused"],
  ...["term-conflict", "term-lower"],
];

export class TroubleRecord {
  readonly #chronicle: Pick<Chronicle, "record" | "incidentsOf">;
  readonly #now: () => number;
  #kept: readonly RecordedEvent[] = [];
  #minuteAtMs = Number.NEGATIVE_INFINITY;
  #eventCount = 0;
  #leftOut = 0;

  /** @param now - Wall clock in milliseconds. */
  constructor(chronicle: Pick<Chronicle, "record" | "incidentsOf">, now: () => number) {
    this.#chronicle = chronicle;
    this.#now = now;
  }

  took(gateway: string, { troubles, missed }: TroublePage): void {
    this.#leftOut += missed;
    for (const trouble of troubles) {
      const event = this.#eventOf(gateway, trouble);
      this.#kept = [...this.#kept.slice(-(keptMax - 1)), event];
      if (this.#hasRoom()) this.#chronicle.record(event);
      else this.#leftOut += 1;
    }
    if (this.#leftOut > 0 && this.#hasRoom()) this.#tellLeftOut();
  }

  /** Oldest first. */
  get recent(): readonly RecordedEvent[] {
    const sinceMs = this.#now() - keptMs;
    return this.#kept.filter(({ at }) => Date.parse(at) >= sinceMs);
  }

  #hasRoom(): boolean {
    const nowMs = this.#now();
    if (nowMs - this.#minuteAtMs >= minuteMs) {
      this.#minuteAtMs = nowMs;
      this.#eventCount = 0;
    }
    this.#eventCount += 1;
    return this.#eventCount <= eventsPerMinuteMax;
  }

  #tellLeftOut(): void {
    const count = this.#leftOut;
    this.#leftOut = 0;
    this.#chronicle.record({
      type: "gateway.troubles-left-out",
      severity: "warning",
      message: `${count} more troubles in traffic came too fast to be written down one by one; the metrics count all of them`,
      data: { count },
    });
  }

  #eventOf(gateway: string, trouble: Trouble): RecordedEvent {
    const { at, type, service, member, incarnation, message } = trouble;
    const incidents = member === null ? [] : this.#chronicle.incidentsOf(member);
    return {
      at,
      type: `gateway.${type}`,
      severity: forPeople.includes(type) ? "error" : "warning",
      service,
      instance: member,
      incarnation,
      message,
      incident: incidents.find(({ closedAtMs }) => closedAtMs === undefined)?.id ?? null,
      data: { gateway },
    };
  }
}
