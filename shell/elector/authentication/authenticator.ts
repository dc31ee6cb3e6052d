/**
 * Signs what a member says and judges what it hears. It knows keys and numbers, and nothing of
 * elections: whoever is refused here has changed nothing but a counter.
 *
 * Three answers to a request that is not taken:
 *   401 without a word     no signature, a key nobody knows, or a code that is wrong: a stranger
 *   401 with a nonce       a member that we do not know yet in this life; signed, so that the member that
 *                          asked believes nobody else, and it asks again with the nonce
 *   409                    a message that was taken before; also signed
 */
import { type KeyRing, operatorKey } from "./key-ring.ts";
import { ReplayGuard } from "./replay-guard.ts";
import {
  answerHeader,
  answerMac,
  isSameMac,
  type Key,
  type RequestHead,
  readAnswerHeader,
  readRequestHeader,
  requestHeader,
  requestMac,
} from "./signature.ts";

/** `operator` may ask for a handover; it never takes part in an election. */
export type Role = "member" | "operator";

export type Identity = {
  readonly cluster: string;
  /** Who we are. */
  readonly id: string;
  readonly boot: string;
};

export type SignedRequest = {
  readonly header: string;
  /** Checks the answer; false when somebody else wrote it, or for another question. */
  readonly answered: (status: number, body: string, header: string | undefined) => boolean;
};

export type ReceivedRequest = {
  readonly method: string;
  readonly path: string;
  readonly header: string | undefined;
  readonly body: string;
};

/** The signature of an answer, as a header line. */
export type Sign = (status: number, body: string) => string;

export type Judgement =
  | {
      readonly type: "admitted";
      readonly from: string;
      readonly boot: string;
      readonly sign: Sign;
    }
  | { readonly type: "unknown-life"; readonly nonce: string; readonly sign: Sign }
  | { readonly type: "replayed"; readonly sign: Sign }
  | { readonly type: "stranger" };

export type AuthenticatorOptions = {
  readonly identity: Identity;
  readonly keys: KeyRing;
  /** Default: keys made from those of the members. */
  readonly operatorKeys?: KeyRing | undefined;
};

export class Authenticator {
  readonly #identity: Identity;
  readonly #keys: KeyRing;
  readonly #operatorKeys: KeyRing | undefined;
  readonly #guard = new ReplayGuard();
  readonly #nextSeq = new Map<string, number>();

  constructor(options: AuthenticatorOptions) {
    this.#identity = options.identity;
    this.#keys = options.keys;
    this.#operatorKeys = options.operatorKeys;
  }

  /** Signs a request to `to`. Every call takes a new number, a second attempt too. */
  sign(
    role: Role,
    to: string,
    request: { readonly method: string; readonly path: string; readonly body: string },
    nonce?: string,
  ): SignedRequest {
    const key = this.#signingKey(role);
    const { cluster, id, boot } = this.#identity;
    const { method, path, body } = request;
    const seq = (this.#nextSeq.get(to) ?? 0) + 1;
    this.#nextSeq.set(to, seq);
    const plain = { method, path, cluster, from: id, to, boot, seq };
    const head: RequestHead = nonce === undefined ? plain : { ...plain, nonce };
    const mac = requestMac(key, head, body);
    return {
      header: requestHeader(key, head, mac),
      answered: (status, answer, header) => {
        const stated = readAnswerHeader(header);
        if (stated === undefined || stated.kid !== key.kid) return false;
        return isSameMac(stated.mac, answerMac(key, mac, status, answer));
      },
    };
  }

  judge(role: Role, request: ReceivedRequest): Judgement {
    const stated = readRequestHeader(request.header);
    const key = stated === undefined ? undefined : this.#find(role, stated.kid);
    if (stated === undefined || key === undefined) return { type: "stranger" };
    const { method, path, body } = request;
    const { from, boot, seq, nonce } = stated;
    const { cluster, id: to } = this.#identity;
    const plain = { method, path, cluster, from, to, boot, seq };
    const mac = requestMac(key, nonce === undefined ? plain : { ...plain, nonce }, body);
    if (!isSameMac(mac, stated.mac)) return { type: "stranger" };
    const sign: Sign = (status, answer) =>
      answerHeader(key, answerMac(key, stated.mac, status, answer));
    switch (this.#guard.admit(`${role} ${from}`, boot, seq, nonce)) {
      case "fresh":
        return { type: "admitted", from, boot, sign };
      case "replayed":
        return { type: "replayed", sign };
      case "unknown-life":
        return { type: "unknown-life", nonce: this.#guard.nonce, sign };
    }
  }

  #signingKey(role: Role): Key {
    if (role === "member") return this.#keys.signing;
    return this.#operatorKeys?.signing ?? operatorKey(this.#keys.signing);
  }

  #find(role: Role, kid: string): Key | undefined {
    if (role === "member") return this.#keys.find(kid);
    if (this.#operatorKeys !== undefined) return this.#operatorKeys.find(kid);
    return this.#keys.all.map(operatorKey).find((key) => key.kid === kid);
  }
}
