/**
 * The envelope v2: what stands around a message on its way from one member to another, and which path
 * each kind of message takes. The paths are those of the source; the kinds are those of the machine.
 *
 *   POST /receive_election   inquire, vote, recall
 *   POST /receive_coordinator   announce, from the leader: announcement and heartbeat
 *   POST /declare_leader   announce, passed on by somebody else
 *   POST /become_coordinator   prepare, nominate, relieve
 *   POST /election_ongoing   resign
 *
 *   { "v": 2, "cluster": "fortune", "to": "fortune-2",
 *     "from": { "id": "fortune-1", "boot": "i1-p4711-9b2c...", "addr": "127.0.0.1:20001" },
 *     "message": { "kind": "inquire", "attempt": 1, "term": 7, ... } }
 *
 * An answer has `answer` in the place of `message`, and rides in the response.
 */
import type { Answer, Message } from "@prunella/core/election";
import { answerCheck, messageCheck } from "./message-check.ts";
import { type Check, type Fields, maybe, object, oneOf, text } from "./shape.ts";

export type From = {
  readonly id: string;
  readonly boot: string;
  /** Where this member serves its own users, `host:port`; undefined when it serves nobody. */
  readonly addr?: string | undefined;
};

type Head = {
  readonly v: 2;
  readonly cluster: string;
  readonly from: From;
  readonly to: string;
};

export type MessageEnvelope = Head & { readonly message: Message };
export type AnswerEnvelope = Head & { readonly answer?: Answer | undefined };

export type SourcePath =
  | "/receive_election"
  | "/receive_answer"
  | "/become_coordinator"
  | "/declare_leader"
  | "/election_ongoing"
  | "/receive_coordinator";

/** Which way a message takes. */
export function pathOf(message: Message, sender: string): SourcePath {
  switch (message.kind) {
    case "inquire":
    case "vote":
    case "recall":
      return "/receive_election";
    case "announce":
      return message.leader.member === sender ? "/receive_coordinator" : "/declare_leader";
    case "prepare":
    case "nominate":
    case "relieve":
      return "/become_coordinator";
    case "resign":
      return "/election_ongoing";
  }
}

const head: Fields<Head> = {
  v: oneOf(2),
  cluster: text,
  from: object<From>({ id: text, boot: text, addr: maybe(text) }),
  to: text,
};
const messageEnvelope = object<MessageEnvelope>({ ...head, message: messageCheck });
const answerEnvelope = object<AnswerEnvelope>({ ...head, answer: maybe(answerCheck) });

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

export function parseMessage(body: string): Parsed<MessageEnvelope> {
  return parsed(body, messageEnvelope);
}

export function parseAnswer(body: string): Parsed<AnswerEnvelope> {
  return parsed(body, answerEnvelope);
}

function parsed<T>(body: string, check: Check<T>): Parsed<T> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { problem: "the body is not JSON" };
  }
  const problem = check(value, "body");
  return problem === undefined ? { value: value as T } : { problem };
}

/** Numbers that JSON cannot carry become the greatest that it can: "never" is a very long time. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_name, field) =>
    field === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : field,
  );
}
