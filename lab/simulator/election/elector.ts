/**
 * `core/election` as a program of the simulator: messages become letters, effects become acts. What
 * is neither network nor disk (fences, leadership, the arbiter's record) goes to the surroundings.
 */
import {
  type Answer,
  type DurableRecord,
  type Effect,
  type ElectionConfig,
  type Event,
  freshRecord,
  type Identity,
  type Message,
  type Sender,
  type State,
  start,
  step,
  wakeAtMs,
} from "@prunella/core/election";
import { invariant, type MemberId } from "@prunella/core/kernel";
import type { Acts, Input, Program } from "../program.ts";

/** On the wire: a request, or the answer to one. */
export type Letter = {
  readonly from: Identity;
  readonly body:
    | { readonly is: "request"; readonly requestId: string; readonly message: Message }
    | { readonly is: "answer"; readonly answer: Answer };
};

type Unstamped<Of> = Of extends unknown ? Omit<Of, "atMs"> : never;
/** An event that reaches the machine from outside of the simulated network. */
export type Word = Unstamped<Event>;

export type Act = Exclude<Effect, { readonly type: "send" | "reply" | "persist" | "redial" }>;

export interface Surroundings {
  readonly members: readonly MemberId[];
  nodeOf(member: MemberId): number;
  configOf(node: number, boot: string): ElectionConfig;
  /** Told after the step that asked for it. */
  perform(node: number, act: Act, state: State): void;
  /** What a step did with something that carried no valid signature. */
  unsigned(node: number, before: State, after: State): void;
  /** What a step did with a reply to something that is over. */
  stale(node: number, before: State, after: State): void;
  /** A member answers that it would let `node` lead. */
  agreed(node: number, from: number): void;
  /** A leader tells `node` that so many members are with it, itself included. */
  vouched(node: number, viewSize: number): void;
}

/** A message's fate is drawn by the place of its kind in here, so a new kind goes to the end. */
const kindTable: Readonly<Record<Message["kind"] | Answer["kind"], true>> = {
  ...{ inquire: true, vote: true, announce: true, resign: true },
  ...{ prepare: true, nominate: true, relieve: true, recall: true },
  ...{ ok: true, defer: true, live: true, grant: true, deny: true },
  ...{ ack: true, reject: true, noted: true, ready: true, unready: true },
  ...{ accepted: true, busy: true, recalled: true },
};
const messageKinds = Object.keys(kindTable);

const kindIndex = new Map<string, number>(messageKinds.map((kind, index) => [kind, index]));

export function kindOfLetter({ body }: Letter): string {
  return body.is === "request" ? body.message.kind : body.answer.kind;
}

export function bootName(node: number, boot: number): string {
  return `${node}-${boot}`;
}

export function electorProgram(around: Surroundings): Program<State, Letter, DurableRecord> {
  let requests = 0;
  const perform = (
    node: number,
    { state, effects }: { readonly state: State; readonly effects: readonly Effect[] },
    acts: Acts<Letter, DurableRecord>,
  ): State => {
    const { self: member, boot } = state.config;
    const from: Identity = { member, boot };
    for (const effect of effects) {
      switch (effect.type) {
        case "send": {
          requests += 1;
          const requestId = `${node}.${requests}`;
          const { message } = effect;
          acts.send(around.nodeOf(effect.to), {
            from,
            body: { is: "request", requestId, message },
          });
          break;
        }
        case "reply": {
          const to = Number.parseInt(effect.requestId, 10);
          // Forged requests have no address to answer to.
          if (to >= 0) acts.send(to, { from, body: { is: "answer", answer: effect.answer } });
          break;
        }
        case "persist":
          acts.write(effect.record, effect.writeId);
          break;
        case "redial":
          acts.dial(around.nodeOf(effect.member));
          break;
        default:
          acts.note(() => actWords(effect));
          around.perform(node, effect, state);
      }
    }
    return state;
  };
  return {
    kinds: messageKinds,
    kindOf: (letter) => kindIndex.get(kindOfLetter(letter)) ?? 0,
    words: letterWords,
    kept: (_, record) => [record],
    wakeAtMs,
    boot: (boot) => {
      const { node, atMs, wallMs, seed, records } = boot;
      const config = around.configOf(node, bootName(node, boot.boot));
      const record = config.memoryVoters ? undefined : records.at(-1);
      // An operator forms the cluster once; after that a voter without a disk knows nothing.
      const isForming = config.memoryVoters && boot.boot === 1;
      const found = isForming ? freshRecord(config.voters) : record;
      return start(config, found, { atMs, wallMs, seed });
    },
    input: (state, input, acts) => {
      const node = around.nodeOf(state.config.self);
      const event = eventOf(input, around);
      if (event.type === "answered" && event.answer.kind === "ok") {
        around.agreed(node, around.nodeOf(event.from.member));
      }
      if (event.type === "received" && event.message.kind === "announce") {
        if (event.from.trust === "signed") around.vouched(node, event.message.viewSize);
      }
      const after = perform(node, step(state, event), acts);
      if (event.type === "received" && event.from.trust === "none") {
        around.unsigned(node, state, after);
      }
      if (event.type === "answered" && isStale(state, event.answer)) {
        around.stale(node, state, after);
      }
      return after;
    },
  };
}

function eventOf(input: Input<Letter>, around: Surroundings): Event {
  const { atMs } = input;
  switch (input.type) {
    case "wake":
      return { type: "tick", atMs };
    case "message": {
      const { from, body } = input.message;
      const sender: Sender = { ...from, trust: "signed" };
      return body.is === "answer"
        ? { type: "answered", atMs, from: sender, answer: body.answer }
        : {
            type: "received",
            atMs,
            from: sender,
            requestId: body.requestId,
            message: body.message,
          };
    }
    case "closed":
      return { type: "link", atMs, member: memberAt(around, input.peer), is: "closed" };
    case "dialled": {
      const is = input.answer === "silence" ? "silent" : input.answer;
      return { type: "link", atMs, member: memberAt(around, input.peer), is };
    }
    case "written":
      return { type: "persisted", atMs, writeId: input.ticket };
    case "told":
      return { ...(input.word as Word), atMs } as Event;
  }
}

/** Of an earlier life, or of an attempt that is not the one under way. */
function isStale({ config, role }: State, answer: Answer): boolean {
  if (answer.forBoot !== config.boot) return true;
  const isAboutAttempt = answer.kind === "ok" || answer.kind === "grant";
  return isAboutAttempt && "attempt" in role && role.attempt !== answer.attempt;
}

function memberAt({ members }: Surroundings, node: number): MemberId {
  const member = members[node];
  invariant(member !== undefined, `node ${node} is a member`);
  return member;
}

function letterWords({ body }: Letter): string {
  if (body.is === "request") {
    const { message } = body;
    return "term" in message ? `${message.kind} ${short(message.term)}` : message.kind;
  }
  const { answer } = body;
  const why = answer.kind === "deny" ? ` (${answer.why})` : "";
  return "term" in answer ? `${answer.kind} ${short(answer.term)}${why}` : `${answer.kind}${why}`;
}

function actWords(act: Act): string {
  switch (act.type) {
    case "follow":
      return act.leader === undefined
        ? "follows nobody"
        : `follows ${act.leader.member} in ${short(act.leader.term)}`;
    case "lead":
      return `leads ${short(act.term)}`;
    case "fence":
      return `fences ${short(act.term)}`;
    case "step-down":
      return `steps down from ${short(act.term)}: ${act.why}`;
    case "suspect":
      return `suspects ${act.leader?.member ?? "that nobody leads"}: ${act.reason}`;
    case "alarm":
      return `alarm ${act.alarm}: ${act.detail}`;
    case "record":
      return `history: ${act.row.leader.member} in ${short(act.row.term)} ${act.row.why ?? ""}`;
    default:
      return act.type;
  }
}

/** Terms start as milliseconds since 1970; their last digits tell them apart. */
function short(term: number): string {
  return term > 1e9 ? `..${String(term % 1e7).padStart(7, "0")}` : String(term);
}
