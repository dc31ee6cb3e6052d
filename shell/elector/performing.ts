/**
 * Which part performs which effect of the machine. Each begins at once and returns; what comes of it
 * comes back as an event.
 */
import type { Effect, EndOfLeadership, LeaderRef } from "@prunella/core/election";
import { unreachable } from "@prunella/core/kernel";
import type { ArbiterPort } from "./arbiter/arbiter-port.ts";
import type { LeaderDuties } from "./leader-duties.ts";
import type { RecordWriter } from "./record-writer.ts";
import type { Transport } from "./transport.ts";

export type Performers = {
  readonly transport: Transport;
  readonly writer: RecordWriter;
  readonly arbiter: ArbiterPort | undefined;
  readonly duties: LeaderDuties;
  readonly lead: (term: number, token: string) => void;
  readonly stepDown: (term: number, why: EndOfLeadership) => void;
  readonly follow: (leader: LeaderRef | undefined) => void;
  readonly suspect: (leader: LeaderRef | undefined, reason: string) => void;
  readonly alarm: (alarm: string, detail: string) => void;
};

export function perform(effect: Effect, by: Performers): void {
  const { transport, writer, arbiter, duties } = by;
  switch (effect.type) {
    case "send":
      transport.send(effect.to, effect.message);
      return;
    case "reply":
      transport.reply(effect.requestId, effect.answer);
      return;
    case "persist":
      writer.write(effect.writeId, effect.record);
      return;
    case "redial":
      transport.redial(effect.member);
      return;
    case "arbiter-read":
      arbiter?.read(effect.askId);
      return;
    case "arbiter-swap":
      arbiter?.swap(effect.askId, effect.expected, effect.record);
      return;
    case "fence":
      void duties.fence(effect.term, effect.token);
      return;
    case "lead":
      by.lead(effect.term, effect.token);
      return;
    case "drain":
      void duties.drain(effect.term, effect.boundMs);
      return;
    case "step-down":
      by.stepDown(effect.term, effect.why);
      return;
    case "prepare":
      void duties.prepare(effect.term);
      return;
    case "follow":
      by.follow(effect.leader);
      return;
    case "suspect":
      by.suspect(effect.leader, effect.reason);
      return;
    case "record":
      return; // It is read from the state.
    case "alarm":
      by.alarm(effect.alarm, effect.detail);
      return;
    default:
      unreachable(effect);
  }
}
