/**
 * What surrounds the electors of one run: the arbiter's store, a resource that checks tokens, the
 * applications that write to it, a supervisor that proves exits, an operator - and the checkers.
 */
import {
  type ArbiterOutcome,
  type ElectionConfig,
  type State,
  timingProfiles,
} from "@prunella/core/election";
import { invariant, type MemberId } from "@prunella/core/kernel";
import { Chance, hashDraw } from "../chance.ts";
import type { Fault } from "../fault.ts";
import type { Observer } from "../observer.ts";
import type { World } from "../world.ts";
import { type Agreement, agreementOf } from "./agreement.ts";
import { ArbiterStore } from "./arbiter-store.ts";
import { Checkers } from "./checkers.ts";
import { type Act, bootName, type Letter, type Surroundings, type Word } from "./elector.ts";
import { FencedResource } from "./fenced-resource.ts";
import { type Forged, forgedMessage } from "./forgery.ts";
import type { Nemesis } from "./nemesis.ts";
import { electionConfig, membersBetween, type Setup, type Switches } from "./setup.ts";

/** What an operator, or an attacker, does to a run: the `word` faults of a plan. */
export type OperatorWord =
  | { readonly do: "resign"; readonly drainMs: number }
  | { readonly do: "voters"; readonly voters: readonly number[] }
  | { readonly do: "forge"; readonly kind: Forged; readonly ahead: number };

export type ElectionRun = {
  readonly seed: number;
  readonly setup: Setup;
  readonly switches: Switches;
  readonly members: readonly MemberId[];
  readonly tally: Record<string, number>;
  readonly nemesis: Nemesis | undefined;
  /** One write in five is under way for up to 2.5 stickiness periods. */
  readonly hasSlowWrites: boolean;
};

type AnyWorld = Pick<
  World<State, Letter, unknown>,
  | "after"
  | "boot"
  | "bootOf"
  | "fail"
  | "isHealed"
  | "isPaused"
  | "localMs"
  | "nodes"
  | "nowMs"
  | "stateOf"
  | "tell"
  | "trueMs"
>;

export class ElectionWorld implements Surroundings, Observer<State, Letter> {
  readonly members: readonly MemberId[];
  readonly #run: ElectionRun;
  readonly #nodeOf: ReadonlyMap<string, number>;
  readonly #resource: FencedResource;
  readonly #draws: Uint32Array;
  readonly #scaleMs: number;
  #wanted: readonly number[] | undefined;
  #begun: { world: AnyWorld; checkers: Checkers; store: ArbiterStore } | undefined;

  constructor(run: ElectionRun) {
    this.#run = run;
    this.members = run.members;
    this.#nodeOf = new Map(run.members.map((member, node) => [member, node]));
    this.#resource = new FencedResource(run.switches.isTokenChecked);
    this.#draws = new Uint32Array(run.members.length);
    this.#scaleMs = timingProfiles[run.setup.timing].stickinessMs;
  }

  /** Starts every member, one after the other within a heartbeat or so. */
  begin(world: AnyWorld, startWithinMs: number): void {
    const { seed, setup } = this.#run;
    const chance = new Chance(seed ^ 0x51ed270b);
    const weather = {
      leastMs: 0.5,
      mostMs: this.#scaleMs / 20,
      lossChance: chance.happens(0.5) ? chance.next() * 0.1 : 0,
    };
    const store = new ArbiterStore(chance, weather, {
      after: (delayMs, call) => world.after(delayMs, call),
      isHealed: () => world.isHealed,
    });
    this.#begun = { world, store, checkers: new Checkers(world, setup) };
    for (let node = 0; node < world.nodes; node += 1) {
      world.after(hashDraw(seed, node, 0x57a7) * startWithinMs, () => world.boot(node));
    }
  }

  nodeOf(member: MemberId): number {
    return this.#nodeOf.get(member) ?? -1;
  }

  configOf(node: number, boot: string): ElectionConfig {
    const { setup, switches, members } = this.#run;
    return electionConfig({ setup, rules: switches.rules, nodes: members.length, node, boot });
  }

  booted(node: number, state: State): void {
    const { world, checkers } = this.#parts();
    checkers.booted(node, state);
    this.#count("boots");
    if (this.#wanted !== undefined) world.tell(node, this.#votersWord(this.#wanted), 1);
  }

  crashed(node: number, _last: State, fault: Fault & { readonly type: "crash" }): void {
    const { world, checkers } = this.#parts();
    checkers.crashed(node);
    this.#count("crashes");
    if (!this.#run.setup.isSupervised || fault.isHostDown) return;
    const boot = bootName(node, world.bootOf(node));
    const process = { member: this.#memberOf(node), boot };
    const word: Word = { type: "exited", process };
    for (let other = 0; other < world.nodes; other += 1) {
      if (other !== node) world.tell(other, word, 1 + 2 * this.#draw(node));
    }
  }

  sent(from: number, _to: number, letter: Letter): void {
    this.#parts().checkers.sent(from, letter);
    this.#run.nemesis?.sent(from, letter);
  }

  stepped(node: number, before: State, after: State): void {
    this.#parts().checkers.stepped(node, before, after);
    this.#run.nemesis?.stepped(node, before, after);
  }

  stale(node: number, before: State, after: State): void {
    this.#parts().checkers.stale(node, before, after);
  }

  agreed(node: number, from: number): void {
    this.#parts().checkers.agreed(node, from);
  }

  vouched(node: number, viewSize: number): void {
    this.#parts().checkers.vouched(node, viewSize);
  }

  unsigned(node: number, before: State, after: State): void {
    this.#parts().checkers.unsigned(node, before, after);
    this.#count("forgeries");
  }

  word(node: number, word: unknown): void {
    const { world } = this.#parts();
    const asked = word as OperatorWord;
    const tellAll = (told: Word): void => {
      for (let other = 0; other < world.nodes; other += 1) world.tell(other, told, 0.1);
    };
    switch (asked.do) {
      case "resign":
        tellAll({ type: "resign-asked", to: undefined, drainMs: asked.drainMs });
        break;
      case "voters":
        this.#wanted = asked.voters;
        tellAll(this.#votersWord(asked.voters));
        break;
      case "forge":
        world.tell(node, this.#forged(node, asked), 0.1);
        break;
    }
  }

  perform(node: number, act: Act, state: State): void {
    const { checkers, store } = this.#parts();
    checkers.act(node, act);
    switch (act.type) {
      case "fence":
        this.#fence(node, act.term, BigInt(act.token));
        break;
      case "lead":
        this.#count("leaderships");
        this.#work(node, act.term, state);
        break;
      case "drain":
        this.#tellApp(node, { is: "drained", term: act.term });
        break;
      case "prepare":
        this.#tellApp(node, { is: "ready", term: act.term });
        break;
      case "arbiter-read":
        store.read(this.#answer(node, act.askId));
        break;
      case "arbiter-swap":
        store.swap(act.expected, act.record, this.#answer(node, act.askId));
        break;
      default:
        break;
    }
  }

  agreement(): Agreement {
    return agreementOf(this.#parts().world);
  }

  termsRaised(): number {
    return this.#parts().checkers.terms.size;
  }

  #fence(node: number, term: number, token: bigint): void {
    const { world } = this.#parts();
    const boot = world.bootOf(node);
    world.after(this.#writeDelayMs(node), () => {
      if (!this.#resource.accept(token)) return;
      if (world.bootOf(node) === boot) this.#tellApp(node, { is: "fenced", term });
    });
  }

  /** Protected work, again and again while it leads: each piece asks first, and lands later. */
  #work(node: number, term: number, state: State): void {
    const { world } = this.#parts();
    const boot = world.bootOf(node);
    const gapMs = state.config.timing.heartbeatMs * (0.5 + this.#draw(node));
    world.after(gapMs, () => {
      const now = world.stateOf(node);
      if (world.bootOf(node) !== boot || now?.role.at !== "leader" || now.role.term !== term)
        return;
      if (!world.isPaused(node)) this.#write(node, now);
      this.#work(node, term, now);
    });
  }

  #write(node: number, state: State): void {
    const { world, checkers } = this.#parts();
    const token = checkers.began(node, state);
    if (token === undefined) return;
    this.#count("writes");
    world.after(this.#writeDelayMs(node), () => {
      const { highest } = this.#resource;
      if (this.#resource.accept(token)) checkers.accepted(token, highest);
      else this.#count("refused writes");
    });
  }

  /** Most writes land at once; some are under way for longer than a lease. */
  #writeDelayMs(node: number): number {
    const size = this.#draw(node);
    const isSlow = this.#run.hasSlowWrites && !this.#parts().world.isHealed;
    const isLong = this.#draw(node) < 0.2 && isSlow;
    return isLong ? 2.5 * size * this.#scaleMs : 0.2 + 2 * size;
  }

  #tellApp(node: number, says: Extract<Word, { type: "app" }>["says"]): void {
    this.#parts().world.tell(
      node,
      { type: "app", says } satisfies Word,
      0.2 + 2 * this.#draw(node),
    );
  }

  #answer(node: number, askId: number): (outcome: ArbiterOutcome) => void {
    const { world } = this.#parts();
    const boot = world.bootOf(node);
    return (outcome) => {
      if (world.bootOf(node) !== boot) return;
      world.tell(node, { type: "arbiter-answered", askId, outcome } satisfies Word, 0);
    };
  }

  #votersWord(nodes: readonly number[]): Word {
    const all = membersBetween(0, this.members.length);
    const isVoter = (index: number): boolean => nodes.includes(index);
    return {
      type: "members-changed",
      voters: all.filter((_, index) => isVoter(index)),
      observers: all.filter((_, index) => !isVoter(index)),
    };
  }

  #forged(node: number, { kind, ahead }: OperatorWord & { readonly do: "forge" }): Word {
    const { world } = this.#parts();
    const liar = (node + 1) % world.nodes;
    const leader = { member: this.#memberOf(liar), boot: bootName(liar, world.bootOf(liar)) };
    const state = world.stateOf(node);
    const term = (state?.record.promised ?? 0) + ahead;
    const message = forgedMessage(kind, { leader, term, voters: state?.record.voters });
    const from = { ...leader, trust: "none" } as const;
    return { type: "received", from, requestId: "-1", message };
  }

  #memberOf(node: number): MemberId {
    const member = this.members[node];
    invariant(member !== undefined, `node ${node} is a member`);
    return member;
  }

  /** The next of the draws of one node: what others do does not change them. */
  #draw(node: number): number {
    const index = this.#draws[node] ?? 0;
    this.#draws[node] = index + 1;
    return hashDraw(this.#run.seed ^ 0x3c6ef372, node, index);
  }

  #count(what: string): void {
    const { tally } = this.#run;
    tally[what] = (tally[what] ?? 0) + 1;
  }

  #parts(): { world: AnyWorld; checkers: Checkers; store: ArbiterStore } {
    invariant(this.#begun !== undefined, "the run has begun");
    return this.#begun;
  }
}
