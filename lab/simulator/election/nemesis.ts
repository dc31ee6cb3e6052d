/**
 * Strikes when it hurts most. Faults at random hours rarely meet the millisecond in which a rule
 * matters, so this one looks at what the electors do: it ends voters that have just granted, and
 * ends, freezes or cuts off whoever has just won.
 */
import type { State } from "@prunella/core/election";
import type { Chance } from "../chance.ts";
import type { Fault, TimedFault } from "../fault.ts";
import { everyLink } from "../swarm.ts";
import { kindOfLetter, type Letter } from "./elector.ts";

export type Prey = {
  readonly nodes: number;
  readonly scaleMs: number;
  readonly stormMs: number;
  readonly nowMs: () => number;
  readonly harm: (fault: TimedFault) => void;
};

export class Nemesis {
  readonly #chance: Chance;
  readonly #prey: Prey;
  readonly #ends: boolean;
  readonly #freezes: boolean;
  readonly #cuts: boolean;
  readonly #endsVoters: boolean;

  constructor(chance: Chance, prey: Prey) {
    this.#chance = chance;
    this.#prey = prey;
    this.#ends = chance.happens(0.5);
    this.#freezes = chance.happens(0.4);
    this.#cuts = chance.happens(0.6);
    this.#endsVoters = chance.happens(0.6);
  }

  sent(from: number, letter: Letter): void {
    if (!this.#endsVoters || kindOfLetter(letter) !== "grant" || !this.#chance.happens(0.4)) return;
    this.#harm(this.#chance.between(0.001, 3), {
      type: "crash",
      node: from,
      storage: this.#chance.pick(["unsynced", "torn"]),
      isHostDown: this.#chance.happens(0.3),
      forMs: this.#chance.between(1, 30),
    });
  }

  stepped(node: number, before: State, after: State): void {
    if (after.role.at !== "leader" || before.role.at === "leader") return;
    const { scaleMs, nodes } = this.#prey;
    const chance = this.#chance;
    const soonMs = (): number => chance.between(0.001, chance.happens(0.5) ? 3 : 2 * scaleMs);
    const forMs = scaleMs * chance.between(0.3, 3);
    if (this.#cuts && chance.happens(0.7)) {
      const around = everyLink(nodes).filter(([a, b]) => a === node || b === node);
      const links = chance.happens(0.6) ? around : around.filter(([a]) => a === node);
      this.#harm(soonMs(), { type: "cut", shape: "around the leader", links, forMs });
    }
    if (this.#freezes && chance.happens(0.5)) this.#harm(soonMs(), { type: "pause", node, forMs });
    if (this.#ends && chance.happens(0.5)) {
      const storage = chance.pick(["kept", "unsynced"] as const);
      const isHostDown = chance.happens(0.3);
      const downMs = chance.happens(0.5) ? chance.between(1, 30) : forMs;
      this.#harm(soonMs(), { type: "crash", node, storage, isHostDown, forMs: downMs });
    }
  }

  #harm(afterMs: number, fault: Fault): void {
    const atMs = this.#prey.nowMs() + afterMs;
    if (atMs < this.#prey.stormMs) this.#prey.harm({ ...fault, atMs });
  }
}
