/** One node of a world: what lasts (clock, disk, host) and what dies in a crash. */
import { hashDraw } from "./chance.ts";
import { Clock } from "./clock.ts";
import { Disk } from "./disk.ts";
import type { Input } from "./program.ts";

/** An input before the process has looked at its clock. */
export type Unstamped<Message> =
  Input<Message> extends infer One ? (One extends unknown ? Omit<One, "atMs"> : never) : never;

export type Process<State, Message, Stored> = {
  readonly node: number;
  readonly clock: Clock;
  readonly disk: Disk<Stored>;
  /** `undefined` while nothing runs here. */
  state: State | undefined;
  boot: number;
  /** When the timer in the queue is due, in true time. */
  armedAtMs: number;
  /** Counts the reasons why it does not run; its inputs wait meanwhile. */
  pauses: number;
  readonly waiting: Unstamped<Message>[];
  /** Counts the reasons why dials are refused although it runs. */
  refusals: number;
  isHostDown: boolean;
};

/** Somewhere in the middle of 2026, so that numbers seeded by a wall clock look as they will. */
const wallStartMs = 1_780_000_000_000;
const wallErrorMs = 1_000;
const uptimeMostMs = 1_000_000;

export function newProcess<State, Message, Stored>(
  node: number,
  seed: number,
  kept: ((records: readonly Stored[], record: Stored) => readonly Stored[]) | undefined,
): Process<State, Message, Stored> {
  const wallMs = (hashDraw(seed, node, 0x3a11) * 2 - 1) * wallErrorMs;
  return {
    node,
    clock: new Clock({
      rate: 1,
      localMs: Math.floor(hashDraw(seed, node, 0x0c10c) * uptimeMostMs),
      wallMs: wallStartMs + Math.floor(wallMs),
    }),
    disk: new Disk<Stored>(kept),
    state: undefined,
    boot: 0,
    armedAtMs: Number.POSITIVE_INFINITY,
    pauses: 0,
    waiting: [],
    refusals: 0,
    isHostDown: false,
  };
}
