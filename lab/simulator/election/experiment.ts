/** A cluster of electors on a good network, for measurements: one thing is done to it at a time. */
import { allRules, type DurableRecord, type State, timingProfiles } from "@prunella/core/election";
import type { Fault } from "../fault.ts";
import { calmNetwork } from "../network.ts";
import { everyLink } from "../swarm.ts";
import type { Recorder } from "../trace.ts";
import { World } from "../world.ts";
import type { Agreement } from "./agreement.ts";
import { ElectionWorld } from "./election-world.ts";
import { electorProgram, kindOfLetter, type Letter } from "./elector.ts";
import { memberId, type Setup, type Switches } from "./setup.ts";

const usualSetup: Setup = {
  mode: "quorum",
  timing: "lan",
  isCrowded: false,
  leaseBreak: "proof",
  preempt: "never",
  rho: 0.02,
  voters: 5,
  isSupervised: true,
  hasMemoryVoters: false,
  changesVoters: false,
  isForged: false,
};

/** Counts letters by kind while it is asked to. */
class CountedWorld extends ElectionWorld {
  readonly letters = new Map<string, number>();

  override sent(from: number, to: number, letter: Letter): void {
    super.sent(from, to, letter);
    const kind = kindOfLetter(letter);
    this.letters.set(kind, (this.letters.get(kind) ?? 0) + 1);
  }
}

export class Experiment {
  readonly world: World<State, Letter, DurableRecord>;
  readonly letters: Map<string, number>;
  readonly setup: Setup;
  readonly #around: CountedWorld;

  constructor(options: {
    readonly seed: number;
    readonly nodes: number;
    readonly setup?: Partial<Setup>;
    readonly switches?: Switches;
    readonly recorder?: Recorder;
  }) {
    const { seed, nodes, switches = { rules: allRules, isTokenChecked: true } } = options;
    this.setup = { ...usualSetup, voters: nodes, ...options.setup };
    this.#around = new CountedWorld({
      seed,
      setup: this.setup,
      switches,
      members: Array.from({ length: nodes }, (_, node) => memberId(node)),
      tally: {},
      nemesis: undefined,
      hasSlowWrites: false,
    });
    this.letters = this.#around.letters;
    this.world = new World<State, Letter, DurableRecord>(
      {
        seed,
        nodes,
        network: calmNetwork,
        faults: [],
        syncLeastMs: 0.2,
        syncMostMs: 5,
        timerLateMs: 1,
        dialTimeoutMs: 50,
      },
      electorProgram(this.#around),
      this.#around,
      options.recorder === undefined ? {} : { recorder: options.recorder },
    );
    this.#around.begin(this.world, this.setup.timing === "demo" ? 20 : 80);
  }

  get stickinessMs(): number {
    return timingProfiles[this.setup.timing].stickinessMs;
  }

  /** L1's bound: how long a connected cluster may be without a leader. */
  get boundMs(): number {
    const { stickinessMs, inquiryMs, voteMs, staggerMs, jitterMs } =
      timingProfiles[this.setup.timing];
    const places = Math.min(10, this.setup.voters - 1);
    return (
      stickinessMs * (1 + this.setup.rho) + 2 * inquiryMs + voteMs + staggerMs * places + jitterMs
    );
  }

  harm(fault: Fault): void {
    this.world.plan({ atMs: this.world.nowMs, ...fault });
  }

  isolate(node: number, forMs: number): void {
    const links = everyLink(this.world.nodes).filter(([a, b]) => a === node || b === node);
    this.harm({ type: "cut", shape: "around", links, forMs });
  }

  agreement(): Agreement {
    return this.#around.agreement();
  }

  terms(): number {
    return this.#around.termsRaised();
  }

  /** The nodes that lead now. */
  leaders(): readonly number[] {
    return Array.from({ length: this.world.nodes }, (_, node) => node).filter((node) => {
      const role = this.world.stateOf(node)?.role;
      return role?.at === "leader" && role.phase === "leading";
    });
  }

  /** Lets time pass until it holds; returns how long that took, or `Infinity` after `mostMs`. */
  until(holds: () => boolean, mostMs: number, stepMs = 1): number {
    const fromMs = this.world.nowMs;
    while (!holds()) {
      if (this.world.nowMs - fromMs >= mostMs) return Number.POSITIVE_INFINITY;
      this.world.run(this.world.nowMs + stepMs);
    }
    return this.world.nowMs - fromMs;
  }

  agrees(): boolean {
    return this.agreement().is === "agreed";
  }
}
