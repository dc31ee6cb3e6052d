/** Says that the agent is away, back, or gone for good: once each, however many streams lost it. */
import type { Invocation } from "./invocation.ts";

export class AwayNotice {
  readonly #call: Invocation;
  #isTold = false;
  #isEndTold = false;

  constructor(call: Invocation) {
    this.#call = call;
  }

  /** @param remedy - What a person can do about it, if anything. */
  away(remedy: string): void {
    if (!this.#isTold) this.#call.say(`The agent is away; what runs goes on.${remedy}`);
    this.#isTold = true;
  }

  back(): void {
    if (this.#isTold) this.#call.say("The agent is back.");
    this.#isTold = false;
  }

  ended(): void {
    if (!this.#isEndTold) this.#call.say("The cluster has ended.");
    this.#isEndTold = true;
  }
}
