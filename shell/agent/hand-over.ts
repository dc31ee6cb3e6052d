/**
 * Asks the elector of a leader to hand over: `POST /election/resign` at its election port, signed with
 * the operator's key of its service, which is made from the key of its electors.
 *
 * The elector does not know this agent, so its first answer is a nonce, and the order is sent again
 * with it: an order that somebody recorded is worth nothing in another life of the elector.
 */
import { randomBytes } from "node:crypto";
import { ClusterError } from "@prunella/core/kernel";
import { Authenticator, KeyRing, signatureHeader } from "@prunella/elector/signing";
import type { Address } from "@prunella/runtime";

export type HandOverOrder = {
  readonly cluster: string;
  readonly service: string;
  /** Who leads now, and is asked. */
  readonly member: string;
  readonly address: Address;
  readonly keyFile: string;
  /** Who should lead next; undefined: the leader chooses. */
  readonly to: string | undefined;
  /** How long its running work may take. */
  readonly drainMs: number;
};

/** @throws ClusterError `LEADER_MISSING` when the leader does not take the order. */
export type HandOver = (order: HandOverOrder) => Promise<void>;

const path = "/election/resign";
const drainMsMax = 60_000;
/** Beside the time that the work may take: two answers. */
const answerMsMax = 2_000;

export const handOver: HandOver = async (order) => {
  const drainMs = Math.max(0, Math.min(drainMsMax, Math.floor(order.drainMs)));
  const body = JSON.stringify({ ...(order.to === undefined ? {} : { to: order.to }), drainMs });
  const signal = AbortSignal.timeout(drainMs + answerMsMax);
  try {
    const sign = signer(order, body);
    const first = await send(order, body, sign(undefined), signal);
    if (first.ok) return;
    const nonce = first.status === 401 ? nonceOf(first.text) : undefined;
    const last = nonce === undefined ? first : await send(order, body, sign(nonce), signal);
    if (!last.ok) throw new Error(`it answered ${last.status} ${last.text.slice(0, 200).trim()}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : `${error}`;
    throw new ClusterError("LEADER_MISSING", {
      message: `${order.member} did not take the order to hand ${order.service} over: ${why}.`,
      details: { service: order.service, member: order.member },
      cause: error,
    });
  }
};

/** Signs as somebody new each time; its orders are numbered from one. */
function signer(
  { cluster, member, keyFile }: HandOverOrder,
  body: string,
): (nonce: string | undefined) => string {
  const boot = `agent-${randomBytes(8).toString("hex")}`;
  const identity = { cluster, id: "agent", boot };
  const authenticator = new Authenticator({ identity, keys: KeyRing.fromFile(keyFile) });
  const request = { method: "POST", path, body };
  return (nonce) => authenticator.sign("operator", member, request, nonce).header;
}

type Sent = { readonly ok: boolean; readonly status: number; readonly text: string };

async function send(
  { address, member }: HandOverOrder,
  body: string,
  header: string,
  signal: AbortSignal,
): Promise<Sent> {
  const answer = await fetch(`http://${address.host}:${address.port}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", [signatureHeader]: header },
    body,
    signal,
  }).catch((error: unknown) => {
    throw new Error(`its elector at port ${address.port} of ${member} cannot be reached`, {
      cause: error,
    });
  });
  return { ok: answer.ok, status: answer.status, text: await answer.text() };
}

function nonceOf(text: string): string | undefined {
  try {
    const { nonce } = JSON.parse(text) as { readonly nonce?: unknown };
    return typeof nonce === "string" ? nonce : undefined;
  } catch {
    return undefined; // No elector wrote this.
  }
}
