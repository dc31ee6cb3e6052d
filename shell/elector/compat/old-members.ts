/**
 * Members that speak the source's protocol and nothing else: a number for a name, bodies that its
 * document does not define, no signature, no terms. Mode `available` only, and only when it is asked for,
 * because anybody on the network can say these things.
 *
 * What they say is turned into messages of the machine, and back. They never vote; a leader among them
 * raises the term by one at most, and none of them deposes a leader that is heard. An old leader sends
 * no heartbeats, so it is asked for its `/pod_id` instead, once a heartbeat.
 */
import type { Answer, LeaderRef, Message, Voters } from "@prunella/core/election";
import type { PeerMesh } from "../peer/peer-mesh.ts";
import { oldNumber } from "./old-body.ts";

/** The life of every member that does not say which life it is in. */
export const oldBoot = "compat";

export type OldMembersOptions = {
  readonly mesh: PeerMesh;
  readonly number: number;
  readonly heartbeatMs: number;
  readonly boot: string;
  readonly numberOf: (id: string) => number | undefined;
  readonly idOf: (number: number) => string | undefined;
  readonly leader: () => LeaderRef | undefined;
  /** The attempt that waits for answers, if there is one. */
  readonly openAttempt: () => { readonly attempt: number; readonly term: number } | undefined;
  readonly termSeen: () => number;
  readonly voters: () => Voters;
  readonly receive: (id: string, message: Message) => Promise<Answer | undefined>;
  readonly answered: (id: string, answer: Answer) => void;
};

type Reply = { readonly status: number; readonly body: unknown };

const callMs = 250;
const jsonType = { "content-type": "application/json" };

export class OldMembers implements Disposable {
  readonly #options: OldMembersOptions;
  readonly #timer: NodeJS.Timeout;
  #seq = 0;
  #isAsking = false;

  constructor(options: OldMembersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#askLeader(), options.heartbeatMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** What one of them said. */
  async take(path: string, body: string): Promise<Reply> {
    const number = oldNumber(body);
    const id = number === undefined ? undefined : this.#options.idOf(number);
    if (path === "/election_ongoing" && body.trim() === "") return this.#status();
    if (number === undefined) return refused(400, "say who you are: a number, or { id }");
    if (id === undefined) return refused(404, `no member has the number ${number}`);
    switch (path) {
      case "/receive_election":
        return this.#onElection(id);
      case "/receive_answer":
        this.#onAnswer(id);
        return { status: 200, body: { ok: true } };
      case "/receive_coordinator":
      case "/declare_leader":
        return this.#onCoordinator(id);
      case "/become_coordinator":
        return this.#onNomination(id);
      default:
        return this.#status();
    }
  }

  /** Says it in their words; what they answer becomes an answer of the machine. */
  async send(to: string, message: Message): Promise<void> {
    const { number, boot } = this.#options;
    switch (message.kind) {
      case "inquire": {
        const { attempt, term } = message;
        if (!(await this.#post(to, "/receive_election", { id: number, pod_id: number }))) return;
        this.#options.answered(to, {
          kind: "ok",
          attempt,
          term,
          refusesForMs: 0,
          sawRefused: false,
          forBoot: boot,
        });
        return;
      }
      case "announce": {
        const { term, seq, leader, voters } = message;
        const leads = this.#options.numberOf(leader.member) ?? number;
        const body = { id: leads, pod_id: leads, leader: leads };
        if (!(await this.#post(to, "/receive_coordinator", body))) return;
        const stamp = { term: voters.term, version: voters.version };
        this.#options.answered(to, { kind: "ack", term, seq, voters: stamp, forBoot: boot });
        return;
      }
      case "nominate":
        await this.#post(to, "/become_coordinator", { id: number });
        return;
      case "resign":
        await this.#post(to, "/election_ongoing", { id: number });
        return;
      default:
        return; // They have no word for it.
    }
  }

  async #onElection(id: string): Promise<Reply> {
    const { number, termSeen, voters } = this.#options;
    const { term, version } = voters();
    const answer = await this.#options.receive(id, {
      kind: "inquire",
      attempt: 0,
      term: termSeen(),
      reason: "asked",
      voters: { term, version },
    });
    if (answer?.kind === "live") {
      const leader = this.#options.numberOf(answer.leader.member) ?? null;
      void this.#post(id, "/receive_coordinator", { id: leader, pod_id: leader, leader });
      return { status: 200, body: { answer: "live", leader } };
    }
    if (answer?.kind !== "defer") return { status: 200, body: { answer: "ok" } };
    void this.#post(id, "/receive_answer", { id: number, pod_id: number });
    return { status: 200, body: { answer: "defer", id: number } };
  }

  #onAnswer(id: string): void {
    const open = this.#options.openAttempt();
    if (open === undefined) return; // Late: nobody waits for it.
    this.#options.answered(id, { kind: "defer", ...open, forBoot: this.#options.boot });
  }

  async #onCoordinator(id: string): Promise<Reply> {
    const leader = this.#options.leader();
    if (leader !== undefined && leader.member !== id) {
      return { status: 409, body: { leader: this.#options.numberOf(leader.member) ?? null } };
    }
    const term = leader?.term ?? this.#options.termSeen() + 1;
    const answer = await this.#announce(id, term);
    const isTaken = answer?.kind !== "reject";
    return { status: isTaken ? 200 : 409, body: { ok: isTaken } };
  }

  async #onNomination(id: string): Promise<Reply> {
    const term = this.#options.leader()?.term ?? this.#options.termSeen();
    const member = this.#options.voters().members.find((one) => one.id === id);
    if (member === undefined) return refused(404, "no member has that number");
    const leader = { member: member.id, boot: oldBoot };
    await this.#options.receive(id, { kind: "nominate", leader, term });
    return { status: 200, body: { ok: true } };
  }

  #status(): Reply {
    const leader = this.#options.leader();
    const number = leader === undefined ? null : (this.#options.numberOf(leader.member) ?? null);
    return {
      status: 200,
      body: { ongoing: this.#options.openAttempt() !== undefined, leader: number },
    };
  }

  /** The heartbeat that an old leader does not send. */
  async #askLeader(): Promise<void> {
    const leader = this.#options.leader();
    if (leader?.boot !== oldBoot || this.#isAsking) return;
    this.#isAsking = true;
    const found = await this.#options.mesh.callOld(leader.member, {
      method: "GET",
      path: "/pod_id",
      headers: {},
      body: "",
      timeoutMs: callMs,
    });
    this.#isAsking = false;
    const number = this.#options.numberOf(leader.member);
    if (found?.status !== 200 || Number(found.body.trim()) !== number) return;
    await this.#announce(leader.member, leader.term);
  }

  #announce(id: string, term: number): Promise<Answer | undefined> {
    const voters = this.#options.voters();
    const member = voters.members.find((one) => one.id === id);
    if (member === undefined) return Promise.resolve(undefined);
    this.#seq += 1;
    return this.#options.receive(id, {
      kind: "announce",
      leader: { member: member.id, boot: oldBoot },
      term,
      token: `${term}`,
      seq: this.#seq,
      sentAtMs: 0,
      phase: "leading",
      successors: [],
      viewSize: 1,
      history: [],
      voters,
    });
  }

  /** True when it was taken. */
  async #post(to: string, path: string, body: unknown): Promise<boolean> {
    const found = await this.#options.mesh.callOld(to, {
      method: "POST",
      path,
      headers: jsonType,
      body: JSON.stringify(body),
      timeoutMs: callMs,
    });
    return found !== undefined && found.status >= 200 && found.status < 300;
  }
}

function refused(status: number, message: string): Reply {
  return { status, body: { error: { code: "REQUEST_INVALID", message } } };
}
