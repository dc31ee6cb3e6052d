/**
 * Signs an order of an operator as electors check it: HMAC-SHA256 over a line for each of method, path,
 * cluster, from, to, boot, sequence number, nonce and the hash of the body. The protocol page of the
 * election describes the header; its electors are the other side.
 *
 * The operator's key is made from the key of the service, so that who may only speak as a member of an
 * election cannot be mistaken for one who may give it orders.
 */
import { createHmac, hash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

export type SignedCall = {
  readonly method: "POST";
  readonly path: string;
  /** The election that is meant; another one with the same key refuses it. */
  readonly cluster: string;
  /** The member that is asked. */
  readonly to: string;
  readonly body: string;
};

export class OperatorSignature {
  readonly #keyFile: string;
  /** One life of this signer: its numbers begin anew with it. */
  readonly #boot = `agent-${randomBytes(8).toString("hex")}`;
  #seq = 0;

  constructor(keyFile: string) {
    this.#keyFile = keyFile;
  }

  /** The header line. Every call takes a new number, a second attempt too. */
  header({ method, path, cluster, to, body }: SignedCall, nonce: string | undefined): string {
    const { kid, secret } = operatorKey(this.#keyFile);
    this.#seq += 1;
    const head = [method, path, cluster, "agent", to, this.#boot, `${this.#seq}`, nonce ?? ""];
    const text = ["prunella-election request v1", ...head, hash("sha256", body)].join("\n");
    const mac = createHmac("sha256", secret).update(text).digest("hex");
    const fresh = nonce === undefined ? "" : ` nonce=${nonce}`;
    return `v1 kid=${kid} from=agent boot=${this.#boot} seq=${this.#seq}${fresh} mac=${mac}`;
  }
}

/** Read each time: the first line of the file signs, and may have been changed. */
function operatorKey(keyFile: string): { readonly kid: string; readonly secret: Buffer } {
  const key = readFileSync(keyFile, "utf8").split("\n", 1)[0]?.trim() ?? "";
  const secret = createHmac("sha256", key).update("prunella-election operator").digest();
  const kid = hash("sha256", Buffer.concat([Buffer.from("kid "), secret])).slice(0, 8);
  return { kid, secret };
}
