/**
 * All peers of one member: an address and a warm link each, and who was last heard there. Puts messages
 * into envelopes, signs them, checks who signed the answer, and hands everything on as events.
 *
 * What a peer says about itself (its life, where it serves users) is taken from signed words only.
 */
import type { Answer, Message } from "@prunella/core/election";
import type { Authenticator } from "../authentication/authenticator.ts";
import { isSignable, signatureHeader } from "../authentication/signature.ts";
import type { CallFailure, Answer as HttpAnswer, Question } from "./call.ts";
import { type From, parseAnswer, pathOf, toJson } from "./envelope.ts";
import { type Address, type LinkHint, PeerLink } from "./link.ts";

export type Peer = Address & { readonly id: string };

export type MeshOptions = {
  readonly cluster: string;
  readonly self: () => From;
  /** Undefined without a key: then only the older protocol is spoken. */
  readonly authenticator: Authenticator | undefined;
  readonly onLink: (id: string, hint: LinkHint) => void;
  readonly onAnswer: (from: From, answer: Answer) => void;
  /** A peer that does not know signatures; undefined when such peers are not wanted. */
  readonly onOldPeer: ((id: string, podId: number) => void) | undefined;
  readonly onProblem: (id: string, problem: string) => void;
};

/** With more peers, connections are opened when they are needed. */
const warmMax = 16;
const greetMs = 250;

type Known = { readonly link: PeerLink; from: From | undefined; isOld: boolean };

export class PeerMesh implements Disposable {
  readonly #options: MeshOptions;
  readonly #peers = new Map<string, Known>();
  readonly #open = new Set<Promise<void>>();

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  /** Follows a new list: opens what is new, closes what is gone, moves what moved. */
  follow(peers: readonly Peer[]): void {
    const wanted = new Map(peers.map((peer) => [peer.id, peer]));
    for (const [id, { link }] of this.#peers) {
      const peer = wanted.get(id);
      if (peer?.host === link.address.host && peer.port === link.address.port) continue;
      link[Symbol.dispose]();
      this.#peers.delete(id);
    }
    const isWarm = peers.length <= warmMax;
    for (const peer of peers) if (!this.#peers.has(peer.id)) this.#add(peer, isWarm);
  }

  /** Asks; what comes of it is an `onAnswer`, or nothing. */
  send(to: string, message: Message, timeoutMs: number): void {
    const delivery = this.#deliver(to, message, timeoutMs);
    this.#open.add(delivery);
    void delivery.finally(() => this.#open.delete(delivery));
  }

  /** Resolves when nothing that was sent until now waits for its answer any more. */
  async delivered(): Promise<void> {
    await Promise.allSettled([...this.#open]);
  }

  /** A call of the older protocol, unsigned. */
  async callOld(id: string, question: Question): Promise<HttpAnswer | undefined> {
    const found = await this.#peers.get(id)?.link.call(question);
    return found === undefined || "failure" in found ? undefined : found;
  }

  isOld(id: string): boolean {
    return this.#peers.get(id)?.isOld ?? false;
  }

  /** Looks who is there, at once. */
  redial(id: string): void {
    this.#peers.get(id)?.link.start();
  }

  /** Its process has ended: nobody is asked there for a moment. */
  rest(id: string): void {
    this.#peers.get(id)?.link.rest();
  }

  /** What this peer last said about itself. */
  known(id: string): From | undefined {
    return this.#peers.get(id)?.from;
  }

  /** Remembers what a signed word said about its sender. */
  heard(from: From): void {
    const peer = this.#peers.get(from.id);
    if (peer !== undefined) peer.from = from;
  }

  get ids(): readonly string[] {
    return [...this.#peers.keys()];
  }

  /** True while a connection to it is open. */
  isWarm(id: string): boolean {
    return this.#peers.get(id)?.link.isWarm ?? false;
  }

  get warmCount(): number {
    return [...this.#peers.values()].filter(({ link }) => link.isWarm).length;
  }

  [Symbol.dispose](): void {
    for (const { link } of this.#peers.values()) link[Symbol.dispose]();
    this.#peers.clear();
  }

  #add(peer: Peer, isWarm: boolean): void {
    const { id, host, port } = peer;
    const link = new PeerLink({
      address: { host, port },
      onHint: (hint) => this.#options.onLink(id, hint),
      greet: () => this.#greet(id),
    });
    this.#peers.set(id, { link, from: undefined, isOld: false });
    if (isWarm) link.start();
  }

  async #deliver(to: string, message: Message, timeoutMs: number): Promise<void> {
    const { id } = this.#options.self();
    const { cluster } = this.#options;
    const body = toJson({ v: 2, cluster, from: this.#options.self(), to, message });
    const path = pathOf(message, id);
    const found = await this.#ask(to, { method: "POST", path, body, timeoutMs });
    if (found === undefined) return;
    if (found.status !== 200) return this.#options.onProblem(to, `it answered ${found.status}`);
    const parsed = parseAnswer(found.body);
    if ("problem" in parsed) return this.#options.onProblem(to, parsed.problem);
    const { from, answer } = parsed.value;
    if (from.id !== to) return this.#options.onProblem(to, `${from.id} answered in its place`);
    this.heard(from);
    if (answer !== undefined) this.#options.onAnswer(from, answer);
  }

  /** First contact: proves who we are, learns who answers, and warms the connection. */
  async #greet(id: string): Promise<boolean> {
    if (this.#options.onOldPeer !== undefined) {
      const podId = await this.#oldPodId(id);
      if (podId !== undefined) {
        const peer = this.#peers.get(id);
        if (peer !== undefined) peer.isOld = true;
        this.#options.onOldPeer(id, podId);
        return true;
      }
    }
    const question = { method: "GET", path: "/pod_id", body: "", timeoutMs: greetMs } as const;
    const found = await this.#ask(id, question);
    if (found?.status !== 200) return false;
    const parsed = parseAnswer(found.body);
    if ("problem" in parsed) return false;
    this.heard(parsed.value.from);
    return true;
  }

  /** An older member answers with a bare number even if it is asked for more. */
  async #oldPodId(id: string): Promise<number | undefined> {
    const found = await this.callOld(id, {
      method: "GET",
      path: "/pod_id",
      headers: { accept: "application/vnd.bully.v2+json, application/json;q=0.5" },
      body: "",
      timeoutMs: greetMs,
    });
    if (found?.status !== 200) return undefined;
    const number = Number(found.body.trim());
    return found.body.trim() !== "" && Number.isSafeInteger(number) ? number : undefined;
  }

  async #ask(
    to: string,
    question: Pick<Question, "method" | "path" | "body" | "timeoutMs">,
  ): Promise<HttpAnswer | undefined> {
    const first = await this.#askOnce(to, question, undefined);
    if (first?.status !== 401) return first;
    const nonce = nonceIn(first.body);
    if (nonce === undefined) return undefined;
    return this.#askOnce(to, question, nonce);
  }

  /** Undefined when nobody answered, or somebody who cannot sign. */
  async #askOnce(
    to: string,
    question: Pick<Question, "method" | "path" | "body" | "timeoutMs">,
    nonce: string | undefined,
  ): Promise<HttpAnswer | undefined> {
    const link = this.#peers.get(to)?.link;
    const signed = this.#options.authenticator?.sign("member", to, question, nonce);
    if (link === undefined || signed === undefined) return undefined;
    const headers = { "content-type": "application/json", [signatureHeader]: signed.header };
    const found = await link.call({ ...question, headers });
    if ("failure" in found) return this.#failed(to, found.failure);
    if (signed.answered(found.status, found.body, found.headers[signatureHeader])) return found;
    this.#options.onProblem(to, `its answer (${found.status}) is not signed with our key`);
    return undefined;
  }

  #failed(to: string, failure: CallFailure): undefined {
    if (failure === "busy") this.#options.onProblem(to, "too many questions are open");
    return undefined;
  }
}

function nonceIn(body: string): string | undefined {
  try {
    const { nonce } = JSON.parse(body) as { readonly nonce?: unknown };
    return typeof nonce === "string" && isSignable(nonce) ? nonce : undefined;
  } catch {
    return undefined;
  }
}
