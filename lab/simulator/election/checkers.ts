/**
 * What must hold in every simulated election, whatever is done to it. Ids as in `core/election`.
 *
 * The checkers see what nobody in the cluster sees: all clocks, and true time.
 */
import { leadership, type State } from "@prunella/core/election";
import type { World } from "../world.ts";
import type { Act, Letter } from "./elector.ts";
import type { Setup } from "./setup.ts";

type ElectionWorld = Pick<
  World<State, Letter, unknown>,
  "fail" | "nowMs" | "trueMs" | "localMs" | "nodes" | "stateOf"
>;

type Serving = { readonly term: number; readonly token: bigint };

export class Checkers {
  readonly #world: ElectionWorld;
  readonly #setup: Setup;
  readonly #leaderOfTerm = new Map<number, string>();
  readonly #ownerOfToken = new Map<string, string>();
  readonly #lastToken: bigint[];
  /** When each node's lease ends, in true time; it has none while this is in the past. */
  readonly #leaseEndMs: Float64Array;
  readonly #told: Float64Array;
  readonly #followed: Float64Array;
  readonly #serving: (Serving | undefined)[];
  readonly #agreedMs: Float64Array;
  /** What each node last heard of a leader's view, and when. */
  readonly #vouched: { viewSize: number; atMs: number }[];
  #highestServed = -1n;
  /** Every term that somebody stood for. */
  readonly terms = new Set<number>();

  constructor(world: ElectionWorld, setup: Setup) {
    const { nodes } = world;
    this.#world = world;
    this.#setup = setup;
    this.#lastToken = new Array<bigint>(nodes).fill(-1n);
    this.#leaseEndMs = new Float64Array(nodes).fill(Number.NEGATIVE_INFINITY);
    this.#told = new Float64Array(nodes);
    this.#followed = new Float64Array(nodes);
    this.#serving = new Array<Serving | undefined>(nodes).fill(undefined);
    this.#vouched = Array.from({ length: nodes }, () => ({ viewSize: 0, atMs: 0 }));
    this.#agreedMs = new Float64Array(nodes * nodes).fill(Number.NEGATIVE_INFINITY);
  }

  booted(node: number, { record, config }: State): void {
    const told = this.#told[node] ?? 0;
    if (!config.memoryVoters && this.#setup.mode !== "arbiter" && record.promised < told) {
      this.#fail("S7", `node ${node} told others of ${told} and starts with ${record.promised}`);
    }
  }

  crashed(node: number): void {
    this.#leaseEndMs[node] = Number.NEGATIVE_INFINITY;
    this.#serving[node] = undefined;
    this.#followed[node] = 0; // S9 is a promise of each process; whoever listens keeps the highest.
  }

  /** A promise is told by a grant, and by an acknowledgement. */
  sent(from: number, { body }: Letter): void {
    if (body.is !== "answer") return;
    const { answer } = body;
    if (answer.kind === "grant" || answer.kind === "ack") {
      this.#told[from] = Math.max(this.#told[from] ?? 0, answer.term);
    }
  }

  agreed(node: number, from: number): void {
    this.#agreedMs[node * this.#world.nodes + from] = this.#world.nowMs;
  }

  vouched(node: number, viewSize: number): void {
    this.#vouched[node] = { viewSize, atMs: this.#world.nowMs };
  }

  stepped(node: number, before: State, after: State): void {
    const { record, role } = after;
    if (record !== before.record && record.promised < before.record.promised) {
      this.#fail("S7", `the promise of node ${node} fell to ${record.promised}`);
    }
    if (role === before.role) return;
    if (role.at === "candidate" && before.role.at !== "candidate") this.#stood(node, after);
    if (role.at !== "leader") {
      this.#leaseEndMs[node] = Number.NEGATIVE_INFINITY;
      return;
    }
    const isNew = before.role.at !== "leader" || before.role.term !== role.term;
    if (isNew) this.#elected(node, after, role);
    if (this.#setup.mode !== "available") this.#checkLeases(node, role.leaseUntilMs);
  }

  act(node: number, act: Act): void {
    if (act.type === "follow" && act.leader !== undefined) {
      const { term } = act.leader;
      if (term < (this.#followed[node] ?? 0)) {
        this.#fail("S9", `node ${node} tells of term ${term} after ${this.#followed[node]}`);
      }
      this.#followed[node] = term;
    }
    if (act.type === "lead") {
      const token = BigInt(act.token);
      this.#serving[node] = { term: act.term, token };
      if (token > this.#highestServed) this.#highestServed = token;
    }
    if (act.type === "step-down") this.#serving[node] = undefined;
  }

  /** The node is about to begin a piece of protected work: it asks its machine, we ask ours. */
  began(node: number, state: State): bigint | undefined {
    const held = leadership(state, this.#world.localMs(node));
    if (held === undefined) return undefined;
    const serving = this.#serving[node];
    if (serving?.term !== held.term) {
      this.#fail("S10", `node ${node} works under term ${held.term} after it has stepped down`);
    }
    return serving.token;
  }

  /** A resource took a write; `highest` is the highest token that it had seen before. */
  accepted(token: bigint, highest: bigint): void {
    if (token < highest) {
      this.#fail("S4", `a write of token ${token} was taken after token ${highest}`);
    }
    if (token < this.#highestServed) {
      this.#fail("S4", `a write of token ${token} was taken while ${this.#highestServed} serves`);
    }
    if (!this.#ownerOfToken.has(`${token}`)) {
      this.#fail("S4", `a write of token ${token} was taken, which nobody was given`);
    }
  }

  /** S8. A lease may end in that very step, which is time's doing. */
  unsigned(node: number, before: State, after: State): void {
    if (before.role.at === "leader" && after.role.at !== "leader") return;
    const isSame =
      after.record === before.record &&
      after.role === before.role &&
      after.bond === before.bond &&
      after.seen === before.seen &&
      after.peers === before.peers;
    if (!isSame) this.#fail("S8", `node ${node} was changed by something without a signature`);
  }

  /** S6. A higher promise in an old reply may still end a leadership, and time may. */
  stale(node: number, { role }: State, after: State): void {
    if (after.role === role || after.role.at === "follower") return;
    this.#fail("S6", `node ${node} counted a reply to something that was over`);
  }

  #stood(node: number, state: State): void {
    const { role, config, record } = state;
    if (role.at !== "candidate") return;
    this.terms.add(role.term);
    if (role.reason === "asked") return; // Nominated: the old leader's word is enough.
    if (role.reason === "exited" && this.#wasVouchedFor(node, state)) return;
    const { nodes, nowMs } = this.#world;
    const sinceMs = nowMs - 4 * config.timing.stickinessMs;
    const isRecent = (from: number): boolean =>
      (this.#agreedMs[node * nodes + from] ?? Number.NEGATIVE_INFINITY) >= sinceMs;
    const agreed = Array.from({ length: nodes }, (_, from) => from).filter(isRecent).length + 1;
    const voters = record.voters.members.length;
    const needed = config.mode === "quorum" ? Math.floor(voters / 2) + 1 : config.viewMin;
    if (agreed < needed) {
      this.#fail(
        "S5",
        `node ${node} raised the term to ${role.term}; ${agreed} of ${needed} agreed`,
      );
    }
  }

  /** The dead leader had a quorum besides itself when it was last heard. */
  #wasVouchedFor(node: number, { config, record }: State): boolean {
    const { viewSize, atMs } = this.#vouched[node] ?? { viewSize: 0, atMs: 0 };
    const ageMs = this.#world.nowMs - atMs;
    if (ageMs > config.timing.stickinessMs * (1 + this.#setup.rho)) return false;
    const voters = record.voters.members.length;
    return viewSize - 1 >= (config.mode === "quorum" ? Math.floor(voters / 2) + 1 : 1);
  }

  #elected(
    node: number,
    { config }: State,
    { term, token }: Extract<State["role"], { at: "leader" }>,
  ): void {
    this.terms.add(term);
    const owner = `${config.self} ${config.boot} ${term}`;
    if (this.#setup.mode !== "available") {
      const first = this.#leaderOfTerm.get(term) ?? owner;
      if (first !== owner) this.#fail("S1", `term ${term} has two leaders: ${first}, ${owner}`);
      this.#leaderOfTerm.set(term, owner);
    }
    const known = this.#ownerOfToken.get(token) ?? owner;
    if (known !== owner) this.#fail("S2", `token ${token} has two owners: ${known}, ${owner}`);
    this.#ownerOfToken.set(token, owner);
    const value = BigInt(token);
    if (value <= (this.#lastToken[node] ?? -1n)) {
      this.#fail("S2", `node ${node} leads with token ${token} after ${this.#lastToken[node]}`);
    }
    this.#lastToken[node] = value;
  }

  #checkLeases(node: number, leaseUntilMs: number): void {
    const { nowMs } = this.#world;
    const endMs = this.#world.trueMs(node, leaseUntilMs);
    this.#leaseEndMs[node] = endMs;
    if (endMs <= nowMs) return;
    for (let other = 0; other < this.#leaseEndMs.length; other += 1) {
      const leftMs = (this.#leaseEndMs[other] ?? 0) - nowMs;
      if (other === node || !(leftMs > 1e-6)) continue;
      this.#fail(
        "S3",
        `node ${node} holds a lease while that of node ${other} lasts ${leftMs.toFixed(3)} ms more`,
      );
    }
  }

  #fail(promise: string, sentence: string): never {
    return this.#world.fail(promise, sentence);
  }
}
