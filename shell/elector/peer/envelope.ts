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
import {
  amount,
  type Check,
  count,
  flag,
  kinds,
  listOf,
  maybe,
  object,
  oneOf,
  text,
} from "./shape.ts";

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

const membersMax = 16;
const observersMax = 1_024;

const identity = object({ member: text, boot: text });
const leaderRef = object({ member: text, boot: text, term: count });
const stamp = object({ term: count, version: count });
const member = object({ id: text, number: maybe(count), priority: amount });
const voters = object({ term: count, version: count, members: listOf(member, membersMax) });
const reason = oneOf("cold-start", "silence", "refused", "resigned", "exited", "asked");
const proof = object({ member: text, boot: text, term: count, how: oneOf("exited", "resigned") });
const row = object({
  term: count,
  leader: identity,
  fromMs: amount,
  toMs: maybe(amount),
  why: maybe(text),
  detectMs: maybe(amount),
  electMs: maybe(amount),
  exposeMs: maybe(amount),
  proof: maybe(oneOf("exited", "resigned")),
});

const messageCheck = kinds({
  inquire: {
    attempt: count,
    term: count,
    reason,
    proof: maybe(proof),
    voters: stamp,
    stateVersion: maybe(amount),
  },
  vote: {
    attempt: count,
    term: count,
    proof: maybe(proof),
    refusedBy: listOf(text, membersMax),
    refused: maybe(leaderRef),
    voters: stamp,
    reason,
  },
  announce: {
    leader: identity,
    term: count,
    token: text,
    seq: count,
    sentAtMs: amount,
    phase: oneOf("fencing", "leading", "handing-over"),
    successors: listOf(text, membersMax),
    viewSize: count,
    history: listOf(row, 8),
    voters,
    relayTo: maybe(listOf(text, observersMax)),
  },
  resign: { leader: identity, term: count, successor: maybe(text) },
  prepare: { term: count },
  nominate: { leader: identity, term: count },
  relieve: { term: count, stateVersion: maybe(amount) },
  recall: { nonce: amount },
});

const common = { forBoot: text, hasDouble: maybe(flag) };

const answerCheck = kinds({
  ok: { ...common, attempt: count, term: count, refusesForMs: amount, sawRefused: flag },
  defer: { ...common, attempt: count, term: count },
  live: { ...common, attempt: count, term: count, leader: leaderRef, ageMs: amount },
  grant: { ...common, attempt: count, term: count },
  deny: {
    ...common,
    attempt: count,
    term: count,
    promised: count,
    why: oneOf("term", "sticky", "quarantine", "recovering", "voters", "not-a-voter"),
    voters: maybe(voters),
  },
  ack: { ...common, term: count, seq: count, voters: stamp },
  reject: {
    ...common,
    term: count,
    seq: count,
    promised: count,
    leader: maybe(leaderRef),
    viewSize: maybe(count),
  },
  noted: { ...common, term: count },
  ready: { ...common, term: count },
  unready: { ...common, term: count },
  accepted: { ...common, term: count },
  busy: { ...common, term: count },
  recalled: { ...common, nonce: amount, promised: count, isRecovering: flag, voters },
});

const head = {
  v: (value: unknown, at: string) => (value === 2 ? undefined : `${at} must be 2`),
  cluster: text,
  from: object({ id: text, boot: text, addr: maybe(text) }),
  to: text,
};
const messageEnvelope = object({ ...head, message: messageCheck });
const answerEnvelope = object({ ...head, answer: maybe(answerCheck) });

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

export function parseMessage(body: string): Parsed<MessageEnvelope> {
  return parsed<MessageEnvelope>(body, messageEnvelope);
}

export function parseAnswer(body: string): Parsed<AnswerEnvelope> {
  return parsed<AnswerEnvelope>(body, answerEnvelope);
}

function parsed<T>(body: string, check: Check): Parsed<T> {
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
