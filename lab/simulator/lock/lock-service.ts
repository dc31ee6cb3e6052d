/**
 * A lock with a lease, small enough to be read in one go: the simulator is tried on it.
 *
 * Node 0 grants, the others ask, hold for a while and ask again. Correct as it stands; each flaw is
 * a mistake that people made, and takes another kind of fault to show.
 */
import { neverMs } from "@prunella/core/kernel";
import { hashDraw } from "../chance.ts";
import type { Acts, Boot, Input, Program } from "../program.ts";

export type LockMessage =
  | { readonly type: "ask"; readonly nonce: number }
  | { readonly type: "grant"; readonly nonce: number; readonly token: number };

/** What the server has promised: a token and, for people, to whom. */
export type LockRecord = { readonly token: number; readonly holder: number };

export const lockFlaws = {
  volatile: "grants before its record is on the disk",
  torn: "believes a record that was written by half",
  amnesia: "forgets at a restart that somebody may hold the lock",
  arrival: "counts the lease from the arrival of the grant",
  close: "takes a closed connection for the end of the holder",
  stale: "takes a grant for a question that it has given up",
  once: "asks once and waits for ever",
} as const;

export type LockFlaw = keyof typeof lockFlaws;

type Server = {
  readonly role: "server";
  readonly token: number;
  readonly holder: number | undefined;
  readonly heldUntilMs: number;
  /** Grants that wait for the disk: the ticket is the token. */
  readonly promised: readonly {
    readonly to: number;
    readonly nonce: number;
    readonly token: number;
  }[];
};

export type Client = {
  readonly role: "client";
  readonly seed: number;
  readonly nonce: number;
  readonly askedAtMs: number;
  readonly isAsking: boolean;
  readonly token: number;
  /** It acts as the holder until then, by its own clock. */
  readonly heldUntilMs: number;
  readonly askAtMs: number;
};

export type LockState = Server | Client;

export const leaseMs = 200;
const rho = 0.05;
/** The server waits as long as the slowest clock of a client could take. */
const serverLeaseMs = (leaseMs * (1 + rho)) / (1 - rho);
const patienceMs = 80;

export const lockRho = rho;

export function lockProgram(
  flaw: LockFlaw | undefined,
): Program<LockState, LockMessage, LockRecord> {
  return {
    kinds: ["ask", "grant"],
    kindOf: (message) => (message.type === "ask" ? 0 : 1),
    boot: (boot) => (boot.node === 0 ? bootServer(boot, flaw) : bootClient(boot)),
    input: (state, input, acts) =>
      state.role === "server"
        ? stepServer(state, input, acts, flaw)
        : stepClient(state, input, acts, flaw),
    wakeAtMs: (state) => (state.role === "server" ? neverMs : clientWakeAtMs(state, flaw)),
    kept: (_, record) => [record],
    words: (message) =>
      message.type === "ask"
        ? `ask ${message.nonce}`
        : `grant ${message.nonce} token ${message.token}`,
  };
}

function bootServer(boot: Boot<LockRecord>, flaw: LockFlaw | undefined): Server {
  const { atMs, records, tornRecord } = boot;
  const token = records.at(-1)?.token ?? 0;
  const halfToken = tornRecord === undefined ? undefined : Math.floor(tornRecord.token / 4);
  return {
    role: "server",
    token: flaw === "torn" ? (halfToken ?? token) : token,
    holder: undefined,
    heldUntilMs: flaw === "amnesia" ? atMs : atMs + serverLeaseMs,
    promised: [],
  };
}

function stepServer(
  state: Server,
  input: Input<LockMessage>,
  acts: Acts<LockMessage, LockRecord>,
  flaw: LockFlaw | undefined,
): Server {
  if (input.type === "written") {
    const ready = state.promised.filter(({ token }) => token <= input.ticket);
    if (flaw !== "volatile") for (const one of ready) grant(acts, one);
    return { ...state, promised: state.promised.filter((one) => !ready.includes(one)) };
  }
  if (input.type === "closed" && flaw === "close" && input.peer === state.holder) {
    return { ...state, heldUntilMs: input.atMs };
  }
  if (input.type !== "message" || input.message.type !== "ask") return state;
  const { from, atMs, message } = input;
  if (atMs < state.heldUntilMs) return state;
  const token = state.token + 1;
  const promise = { to: from, nonce: message.nonce, token };
  acts.write({ token, holder: from }, token);
  if (flaw === "volatile") grant(acts, promise);
  return {
    ...state,
    token,
    holder: from,
    heldUntilMs: atMs + serverLeaseMs,
    promised: [...state.promised, promise],
  };
}

function grant(
  acts: Acts<LockMessage, LockRecord>,
  { to, nonce, token }: { readonly to: number; readonly nonce: number; readonly token: number },
): void {
  acts.send(to, { type: "grant", nonce, token });
}

function bootClient({ atMs, seed }: Boot<LockRecord>): Client {
  return {
    role: "client",
    seed,
    nonce: 0,
    askedAtMs: 0,
    isAsking: false,
    token: 0,
    heldUntilMs: 0,
    askAtMs: atMs + hashDraw(seed, 0, 0) * patienceMs,
  };
}

function clientWakeAtMs(state: Client, flaw: LockFlaw | undefined): number {
  if (state.isAsking) return flaw === "once" ? neverMs : state.askedAtMs + patienceMs;
  return Math.max(state.askAtMs, state.heldUntilMs);
}

function stepClient(
  state: Client,
  input: Input<LockMessage>,
  acts: Acts<LockMessage, LockRecord>,
  flaw: LockFlaw | undefined,
): Client {
  const { atMs } = input;
  if (input.type === "wake") {
    if (atMs < clientWakeAtMs(state, flaw)) return state;
    const nonce = state.nonce + 1;
    acts.send(0, { type: "ask", nonce });
    return { ...state, nonce, askedAtMs: atMs, isAsking: true, heldUntilMs: 0 };
  }
  if (input.type !== "message" || input.message.type !== "grant") return state;
  const { nonce, token } = input.message;
  if (flaw === "stale" || flaw === "arrival" ? !state.isAsking : nonce !== state.nonce)
    return state;
  if (!state.isAsking) return state;
  const heldUntilMs = (flaw === "arrival" ? atMs : state.askedAtMs) + leaseMs;
  if (heldUntilMs <= atMs) return state;
  acts.note(() => `holds token ${token} until ${heldUntilMs.toFixed(1)} by its clock`);
  const pauseMs = hashDraw(state.seed, nonce, 1) * leaseMs;
  return { ...state, isAsking: false, token, heldUntilMs, askAtMs: heldUntilMs + pauseMs };
}
