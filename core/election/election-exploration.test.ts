/**
 * Every order of events in a small world: three voters of which two stand at the same moment, one
 * crash, one restart that may stand too, disks that may lose what they have not yet answered for, and up to 14
 * deliveries. Worlds that look alike are visited once. In none of them do two processes lead one
 * term (S1), and each vote that was told is on a disk (S7).
 *
 * Time does not pass between deliveries: the rules that wait for time are left to the storms. The
 * quarantine is switched off for that reason, and stickiness too, so that votes and disks alone
 * have to keep S1.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName, type MemberId } from "../kernel/index.ts";
import { configOf } from "./config.ts";
import type { DurableRecord } from "./durable-record.ts";
import type { Effect } from "./effect.ts";
import { start, step } from "./election.ts";
import type { Event } from "./event.ts";
import { allRules, type Rules } from "./rules.ts";
import type { State } from "./state.ts";
import { wakeAtMs } from "./timekeeping.ts";

const names = ["m1", "m2", "m3"].map((name) => instanceName(name));
const voters = names.map((id, index) => ({ id, number: index + 1, priority: 0 }));
const deliveriesMax = 14;
const worldsMax = 120_000;

type Life = {
  readonly state: State;
  readonly boot: string;
  readonly disk: DurableRecord | undefined;
  /** Handed to the disk, and lost by a crash. */
  readonly writes: readonly { readonly writeId: number; readonly record: DurableRecord }[];
  readonly isUp: boolean;
};

type Parcel = { readonly to: MemberId; readonly event: Event };

type World = {
  readonly lives: Readonly<Record<MemberId, Life>>;
  readonly parcels: readonly Parcel[];
  readonly led: Readonly<Record<number, string>>;
  readonly deliveries: number;
  readonly crashes: number;
  readonly restarts: number;
};

function boot(id: MemberId, name: string, disk: DurableRecord | undefined, rules: Rules): Life {
  const config = configOf({ self: id, boot: name, mode: "quorum", voters, rules });
  const state = start(config, disk, { atMs: 0, wallMs: 100, seed: 1 });
  return { state, boot: name, disk, writes: [], isUp: true };
}

/** Two members that have both just begun to stand: their votes are on their way to the disks. */
function beginning(rules: Rules): World {
  const first = Object.fromEntries(names.map((id) => [id, boot(id, `${id}-1`, undefined, rules)]));
  const counts = { deliveries: 0, crashes: 0, restarts: 0 };
  let world: World = { lives: first, parcels: [], led: {}, ...counts };
  for (const id of names.slice(1)) {
    for (let tries = 0; tries < 2; tries++) world = tick(world, id);
  }
  return world;
}

function tick(world: World, id: MemberId): World {
  const life = world.lives[id];
  assert.ok(life);
  const atMs = wakeAtMs(life.state);
  return told(world, id, { type: "tick", atMs });
}

function told(world: World, id: MemberId, event: Event): World {
  const life = world.lives[id];
  if (life === undefined || !life.isUp) return world;
  const { state, effects } = step(life.state, event);
  const writes = [...life.writes];
  const parcels = [...world.parcels];
  const led = { ...world.led };
  for (const effect of effects) {
    if (effect.type === "persist") writes.push({ writeId: effect.writeId, record: effect.record });
    if (effect.type === "fence") {
      const name = `${id} ${life.boot}`;
      const known = led[effect.term];
      assert.ok(known === undefined || known === name, `S1: ${known} and ${name}`);
      led[effect.term] = name;
    }
    const parcel = parcelOf(id, life, effect);
    if (parcel !== undefined) parcels.push(parcel);
  }
  const lives = { ...world.lives, [id]: { ...life, state, writes } };
  return { ...world, lives, parcels, led };
}

/** Votes and what is said to them; heartbeats would only end the world early. */
function parcelOf(id: MemberId, { boot: name }: Life, effect: Effect): Parcel | undefined {
  const from = { member: id, boot: name, trust: "signed" } as const;
  if (effect.type === "send" && effect.message.kind === "vote") {
    const { message, to } = effect;
    return { to, event: { type: "received", atMs: 0, from, requestId: `${id}`, message } };
  }
  if (effect.type !== "reply") return undefined;
  const { answer, requestId } = effect;
  if (answer.kind !== "grant") return undefined;
  return { to: instanceName(requestId), event: { type: "answered", atMs: 0, from, answer } };
}

function* next(world: World, rules: Rules): Generator<World> {
  for (const [index, { to, event }] of world.parcels.entries()) {
    if (world.deliveries >= deliveriesMax) break;
    const rest = { ...world, parcels: world.parcels.toSpliced(index, 1) };
    yield told({ ...rest, deliveries: world.deliveries + 1 }, to, event);
  }
  for (const id of names) {
    const life = world.lives[id];
    if (life === undefined) continue;
    const [write, ...writes] = life.writes;
    if (life.isUp && write !== undefined) {
      const lives = { ...world.lives, [id]: { ...life, writes, disk: write.record } };
      yield told({ ...world, lives }, id, { type: "persisted", atMs: 0, writeId: write.writeId });
    }
    if (life.isUp && world.crashes === 0) {
      const lives = { ...world.lives, [id]: { ...life, isUp: false, writes: [] } };
      yield { ...world, lives, crashes: 1 };
    }
    if (!life.isUp && world.restarts === 0) {
      const lives = { ...world.lives, [id]: boot(id, `${id}-2`, life.disk, rules) };
      const restarted: World = { ...world, lives, restarts: 1 };
      yield restarted;
      yield tick(tick(restarted, id), id); // And stands at once.
    }
  }
}

/** What decides the future: order of parcels and the clocks of the states do not. */
function hashOf({ lives, parcels, led, crashes, restarts, deliveries }: World): string {
  const told = parcels.map((parcel) => JSON.stringify(parcel)).sort();
  const known = names.map((id) => {
    const { state, writes, isUp, boot: name } = lives[id] ?? {};
    const { record, role, bond, writtenId, held } = state ?? {};
    return [
      name,
      isUp,
      writes?.length,
      record?.promised,
      record?.votedFor,
      role,
      bond,
      writtenId,
      held,
    ];
  });
  return JSON.stringify([known, told, led, crashes, restarts, deliveries]);
}

function explore(rules: Rules): { worlds: number; elections: number; isComplete: boolean } {
  const seen = new Set<string>();
  const open = [beginning(rules)];
  let elections = 0;
  while (open.length > 0 && seen.size < worldsMax) {
    const world = open.pop();
    if (world === undefined) break;
    for (const following of next(world, rules)) {
      const hash = hashOf(following);
      if (seen.has(hash)) continue;
      seen.add(hash);
      if (Object.keys(following.led).length > 0) elections += 1;
      open.push(following);
    }
  }
  return { worlds: seen.size, elections, isComplete: open.length === 0 };
}

const bare: Rules = {
  ...allRules,
  preVote: false,
  restartQuarantine: false,
  stickiness: false,
};

test("no order of votes, writes, a crash and a restart gives one term two leaders (S1, S7)", () => {
  const { worlds, elections, isComplete } = explore(bare);
  assert.ok(isComplete, `only the first ${worlds} worlds were visited`);
  assert.ok(worlds > 1_000 && elections > 100, `${worlds} worlds, ${elections} with a leader`);
});

test("the same search finds the order in which a vote that is not durable elects two", () => {
  assert.throws(() => explore({ ...bare, durableVotes: false }), /S1/);
});
