import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Message } from "@prunella/core/election";
import { type InstanceName, instanceName } from "@prunella/core/kernel";
import { parseAnswer, parseMessage, toJson } from "./envelope.ts";

const member: InstanceName = instanceName("fortune-1");
const leader = { member, boot: "b1" };
const voters = { term: 1, version: 1, members: [{ id: member, number: 1, priority: 0 }] };
const stamp = { term: 1, version: 1 };
const proof = { ...leader, term: 6, how: "exited" } as const;
const head = { v: 2, cluster: "fortune", from: { id: member, boot: "b1" }, to: "fortune-2" };

type Of<Union, Kind> = Union extends { readonly kind: infer Kinds }
  ? Kind extends Kinds
    ? Omit<Union, "kind">
    : never
  : never;
type Every<Union extends { readonly kind: string }> = {
  readonly [Kind in Union["kind"]]: Of<Union, Kind>;
};

/** Every field is there, also those that may be missing: what a machine says must reach another one. */
const messages: Every<Message> = {
  inquire: {
    ...{ attempt: 1, term: 7, reason: "exited", proof, voters: stamp },
    ...{ stateVersion: 12, hasDeferred: true },
  },
  vote: {
    ...{ attempt: 1, term: 7, reason: "exited", proof, voters: stamp },
    ...{ refusedBy: [member], refused: { ...leader, term: 6 } },
  },
  announce: {
    ...{ leader, term: 7, token: "7", seq: 3, sentAtMs: 0.5, phase: "leading", viewSize: 2 },
    ...{ successors: [member], voters, relayTo: [member] },
    history: [{ term: 6, leader, fromMs: 1, toMs: 2, why: "preempted", proof: "resigned" }],
  },
  resign: { leader, term: 7, successor: member },
  prepare: { term: 7 },
  nominate: { leader, term: 7 },
  relieve: { term: 7, isForced: true },
  recall: { nonce: 0.25 },
};

const answers: Every<Answer> = {
  ok: { forBoot: "b1", attempt: 1, term: 7, refusesForMs: 0, sawRefused: true },
  defer: { forBoot: "b1", attempt: 1, term: 7 },
  live: { forBoot: "b1", attempt: 1, term: 7, leader: { ...leader, term: 6 }, ageMs: 3 },
  grant: { forBoot: "b1", attempt: 1, term: 7, hasDouble: true },
  deny: { forBoot: "b1", attempt: 1, term: 7, promised: 8, why: "voters", voters },
  ack: { forBoot: "b1", term: 7, seq: 3, voters: stamp, stateVersion: 12 },
  reject: {
    forBoot: "b1",
    term: 7,
    seq: 3,
    promised: 8,
    leader: { ...leader, term: 8 },
    viewSize: 2,
  },
  noted: { forBoot: "b1", term: 7 },
  ready: { forBoot: "b1", term: 7 },
  unready: { forBoot: "b1", term: 7 },
  accepted: { forBoot: "b1", term: 7 },
  busy: { forBoot: "b1", term: 7 },
  recalled: { forBoot: "b1", nonce: 0.25, promised: 8, isRecovering: false, voters },
};

test("whatever a member says arrives as it was said", () => {
  for (const [kind, fields] of Object.entries(messages)) {
    const envelope = { ...head, message: { kind, ...fields } };
    assert.deepEqual(parseMessage(toJson(envelope)), { value: envelope });
  }
  for (const [kind, fields] of Object.entries(answers)) {
    const envelope = { ...head, answer: { kind, ...fields } };
    assert.deepEqual(parseAnswer(toJson(envelope)), { value: envelope });
  }
});

test("a field that is missing, unknown or of another type is refused with its place", () => {
  const problemOf = (message: object): unknown => parseMessage(toJson({ ...head, message }));
  const cases: readonly [object, string][] = [
    [{ kind: "relieve", term: 7 }, "body.message.isForced must be true or false"],
    [{ kind: "prepare", term: 7, extra: 1 }, "body.message.extra is not known"],
    [{ kind: "prepare", term: -1 }, "body.message.term must be a count"],
    [{ kind: "toString" }, "body.message.kind is not known"],
    [{ kind: "resign", term: 7, leader: [] }, "body.message.leader must be an object"],
  ];
  for (const [message, problem] of cases) assert.deepEqual(problemOf(message), { problem });
  const { recall } = messages;
  const older = toJson({ ...head, v: 1, message: { kind: "recall", ...recall } });
  assert.deepEqual(parseMessage(older), { problem: "body.v must be one of 2" });
});
