/**
 * The store of an arbiter: one record, replaced only by who knows its version. It answers late, and
 * sometimes not: then nobody knows whether the write happened, and neither does the one who asked.
 */
import type { ArbiterOutcome, ArbiterRecord } from "@prunella/core/election";
import type { Chance } from "../chance.ts";

export type StoreWeather = {
  readonly leastMs: number;
  readonly mostMs: number;
  /** Of questions, and of answers. */
  readonly lossChance: number;
};

export type StoreTime = {
  after(delayMs: number, call: () => void): void;
  isHealed(): boolean;
};

export class ArbiterStore {
  readonly #chance: Chance;
  readonly #weather: StoreWeather;
  readonly #time: StoreTime;
  #version = 0;
  #record: ArbiterRecord | undefined;

  constructor(chance: Chance, weather: StoreWeather, time: StoreTime) {
    this.#chance = chance;
    this.#weather = weather;
    this.#time = time;
  }

  read(answer: (outcome: ArbiterOutcome) => void): void {
    this.#ask(() => ({ kind: "read", version: this.#shown(), record: this.#record }), answer);
  }

  swap(
    expected: string | undefined,
    record: ArbiterRecord,
    answer: (outcome: ArbiterOutcome) => void,
  ): void {
    this.#ask(() => {
      if (expected !== this.#shown()) return { kind: "conflict" };
      this.#version += 1;
      this.#record = record;
      return { kind: "written", version: `${this.#version}` };
    }, answer);
  }

  #shown(): string | undefined {
    return this.#version === 0 ? undefined : `${this.#version}`;
  }

  #ask(act: () => ArbiterOutcome, answer: (outcome: ArbiterOutcome) => void): void {
    const { mostMs } = this.#weather;
    const failed = (): void => answer({ kind: "failed" });
    if (this.#isLost()) {
      this.#time.after(4 * mostMs, failed);
      return;
    }
    this.#time.after(this.#delayMs(), () => {
      const outcome = act();
      if (this.#isLost()) this.#time.after(4 * mostMs, failed);
      else this.#time.after(this.#delayMs(), () => answer(outcome));
    });
  }

  #delayMs(): number {
    return this.#chance.between(this.#weather.leastMs, this.#weather.mostMs);
  }

  #isLost(): boolean {
    return this.#chance.happens(this.#weather.lossChance) && !this.#time.isHealed();
  }
}
