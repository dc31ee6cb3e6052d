/**
 * An election is what a member does most seldom and has to do fastest. Code that has not run yet is not
 * compiled yet, and Node throws away what has not run for a while; both cost milliseconds at the one
 * moment that counts. So a member rehearses: it lets the machine go through an election and a failover
 * among three members that do not exist, in a time that does not pass, without a disk or a network.
 *
 * Nothing of it leaves this file. It is the same pure machine, started apart.
 */
import {
  type Answer,
  configOf,
  type Effect,
  type Event,
  type Message,
  type State,
  start,
  step,
  timingProfiles,
  wakeAtMs,
} from "@prunella/core/election";
import { instanceName, type MemberId } from "@prunella/core/kernel";
import type { Unstamped } from "@prunella/driver";
import { parseAnswer, parseMessage, toJson } from "./peer/envelope.ts";

const names = ["first", "second", "third"].map(instanceName);
const turnsMax = 2_000;
/** At the start, one after the other, with everything else in between. */
const firstTimes = 5;
const againMs = 60_000;

type Player = { readonly id: MemberId; state: State };

/** Rehearses a few times now and once in a while later; ends with `signal`. */
export function keepRehearsing(signal: AbortSignal): void {
  let times = 0;
  const first = (): void => {
    if (signal.aborted) return;
    rehearse();
    times += 1;
    if (times < firstTimes) setImmediate(first);
  };
  setImmediate(first);
  const timer = setInterval(rehearse, againMs);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

/** Goes through it once. Returns the terms of the two leaders, the second of which replaced the first. */
export function rehearse(): readonly number[] {
  const stage = new Stage();
  const first = stage.untilLed();
  stage.end(first);
  const second = stage.untilLed();
  return [first, second].map(({ state }) => termOf(state) ?? 0);
}

class Stage {
  #players: Player[] = names.map((id) => {
    const voters = names.map((name) => ({ id: name, priority: 0 }));
    const settings = { self: id, boot: bootOf(id), mode: "quorum", voters } as const;
    const config = configOf({ ...settings, timing: timingProfiles.lan });
    return { id, state: start(config, undefined, { atMs: 0, wallMs: 1, seed: 1 }) };
  });
  readonly #waiting: (() => void)[] = [];
  #nowMs = 0;

  /** Until somebody leads and everybody knows. */
  untilLed(): Player {
    for (let turn = 0; turn < turnsMax; turn += 1) {
      this.#settle();
      const leader = this.#players.find(({ state }) => termOf(state) !== undefined);
      const term = leader === undefined ? undefined : termOf(leader.state);
      const isKnown = ({ state }: Player) => termOf(state) === term || state.bond?.term === term;
      if (leader !== undefined && this.#players.every(isKnown)) return leader;
      this.#tickNext();
    }
    throw new Error("a rehearsal has no end");
  }

  /** Its process ends, and whoever owns it says so. */
  end(player: Player): void {
    this.#players = this.#players.filter((one) => one !== player);
    const process = { member: player.id, boot: bootOf(player.id) };
    for (const one of this.#players) this.#tell(one, { type: "exited", process });
  }

  #settle(): void {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
  }

  #tickNext(): void {
    const [next] = this.#players.toSorted((a, b) => wakeAtMs(a.state) - wakeAtMs(b.state));
    if (next === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, wakeAtMs(next.state));
    this.#tell(next, { type: "tick" });
  }

  #tell(player: Player, event: Unstamped<Event>): void {
    const stamped = { ...event, atMs: this.#nowMs } as Event;
    const { state, effects } = step(player.state, stamped);
    player.state = state;
    for (const effect of effects) this.#waiting.push(() => this.#perform(player, effect));
  }

  #perform(player: Player, effect: Effect): void {
    if (effect.type === "send") this.#send(player, effect.to, effect.message);
    if (effect.type === "reply") this.#reply(player, effect.requestId, effect.answer);
    if (effect.type === "persist") this.#tell(player, { ...effect, type: "persisted" });
    if (effect.type === "fence") {
      this.#tell(player, { type: "app", says: { is: "fenced", term: effect.term } });
    }
  }

  #send(player: Player, to: MemberId, message: Message): void {
    const other = this.#players.find(({ id }) => id === to);
    const parsed = parseMessage(toJson({ ...envelope(player.id, to), message }));
    if (other === undefined || "problem" in parsed) return;
    const from = { member: player.id, boot: bootOf(player.id), trust: "signed" } as const;
    this.#tell(other, {
      type: "received",
      from,
      requestId: player.id,
      message: parsed.value.message,
    });
  }

  #reply(player: Player, to: string, answer: Answer): void {
    const other = this.#players.find(({ id }) => id === to);
    const parsed = parseAnswer(toJson({ ...envelope(player.id, to), answer }));
    if (other === undefined || "problem" in parsed || parsed.value.answer === undefined) return;
    const from = { member: player.id, boot: bootOf(player.id), trust: "signed" } as const;
    this.#tell(other, { type: "answered", from, answer: parsed.value.answer });
  }
}

function envelope(from: string, to: string) {
  return { v: 2, cluster: "rehearsal", from: { id: from, boot: bootOf(from) }, to };
}

function bootOf(id: string): string {
  return `${id}-boot`;
}

function termOf({ role }: State): number | undefined {
  return role.at === "leader" && role.phase === "leading" ? role.term : undefined;
}
