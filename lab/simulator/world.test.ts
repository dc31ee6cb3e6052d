/**
 * What a world does to its processes, one fault at a time. The process is a diary: it writes down
 * every input with its own time, and does what its words tell it to do.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError, neverMs } from "@prunella/core/kernel";
import type { Storage, TimedFault } from "./fault.ts";
import { calmNetwork, type Misfortune, type NetworkOptions } from "./network.ts";
import type { Program } from "./program.ts";
import { Recorder } from "./trace.ts";
import { World } from "./world.ts";

type Diary = {
  readonly lines: readonly string[];
  readonly tickMs: number;
  readonly records: readonly string[];
  readonly torn: string | undefined;
};

/** Ticks each 100 ms of its own time; a word is an order. */
const diarist: Program<Diary, string, string> = {
  kinds: ["letter"],
  kindOf: () => 0,
  words: (message) => message,
  boot: ({ atMs, records, tornRecord }) => ({
    lines: [],
    tickMs: atMs + 100,
    records,
    torn: tornRecord,
  }),
  input: (state, input, acts) => {
    const line = (text: string): Diary => ({ ...state, lines: [...state.lines, text] });
    switch (input.type) {
      case "wake":
        return { ...line("tick"), tickMs: state.tickMs + 100 };
      case "message":
        return line(`${input.message} from ${input.from}`);
      case "closed":
        return line(`closed ${input.peer}`);
      case "dialled":
        return line(`${input.answer} ${input.peer}`);
      case "written":
        return line(`written ${input.ticket}`);
      case "told": {
        const [verb, what] = String(input.word).split(" ");
        if (verb === "send") acts.send(Number(what), "hello");
        if (verb === "dial") acts.dial(Number(what));
        if (verb === "write") acts.write(String(what), Number(what));
        return state;
      }
    }
  },
  wakeAtMs: ({ tickMs }) => tickMs,
};

const silent: Program<Diary, string, string> = { ...diarist, wakeAtMs: () => neverMs };

function worldOf(options: {
  readonly faults?: readonly TimedFault[];
  readonly network?: Partial<NetworkOptions>;
  readonly misfortunes?: readonly Misfortune[];
  readonly program?: Program<Diary, string, string>;
  readonly recorder?: Recorder;
}): World<Diary, string, string> {
  const { faults = [], network = {}, misfortunes, program = silent, recorder } = options;
  const world = new World<Diary, string, string>(
    {
      seed: 1,
      nodes: 3,
      network: { ...calmNetwork, ...network },
      faults,
      misfortunes,
      syncLeastMs: 5,
      syncMostMs: 5,
      timerLateMs: 0,
      dialTimeoutMs: 50,
    },
    program,
    {},
    recorder === undefined ? {} : { recorder },
  );
  for (const node of [0, 1, 2]) world.boot(node);
  return world;
}

function lines(world: World<Diary, string, string>, node: number): readonly string[] {
  return world.stateOf(node)?.lines ?? ["down"];
}

/** Node 0 writes to both others each 10 ms. */
function chatter(world: World<Diary, string, string>, untilMs: number): void {
  for (let atMs = 5; atMs < untilMs; atMs += 10) {
    world.tell(0, "send 1", atMs);
    world.tell(0, "send 2", atMs);
    world.tell(1, "send 0", atMs);
  }
}

test("a one-way cut stops one direction of one link and nothing else", () => {
  const world = worldOf({
    faults: [{ atMs: 0, type: "cut", shape: "one-way link", links: [[0, 1]], forMs: 50 }],
  });
  chatter(world, 100);
  world.run(200);
  assert.equal(lines(world, 1).length, 5, "half of the letters came, after the cut");
  assert.equal(lines(world, 2).length, 10);
  assert.equal(lines(world, 0).length, 10);
});

test("cuts that overlap end when the last of them ends", () => {
  const cut = { type: "cut", shape: "link", links: [[0, 1]] } as const;
  const world = worldOf({
    faults: [
      { atMs: 0, ...cut, forMs: 60 },
      { atMs: 20, ...cut, forMs: 20 },
    ],
  });
  chatter(world, 100);
  world.run(200);
  assert.equal(lines(world, 1).length, 4);
});

test("a paused process thinks later: its letters wait and its timers are late", () => {
  const world = worldOf({
    program: diarist,
    faults: [{ atMs: 50, type: "pause", node: 1, forMs: 200 }],
  });
  world.tell(0, "send 1", 60);
  world.run(240);
  assert.deepEqual(lines(world, 1), []);
  world.run(260);
  assert.deepEqual([...lines(world, 1)].sort(), ["hello from 0", "tick", "tick"]);
});

test("a timer obeys the process's own clock", () => {
  const faults: readonly TimedFault[] = [{ atMs: 0, type: "rate", node: 1, rate: 1.1 }];
  const world = worldOf({ program: diarist, faults });
  world.run(1_000);
  assert.equal(lines(world, 0).length, 10);
  assert.equal(lines(world, 1).length, 11);
});

test("a dead process is closed and refuses; a dead host is silent; a frozen process accepts", () => {
  const crash = { type: "crash", storage: "kept", forMs: 1_000 } as const;
  const killed = worldOf({ faults: [{ atMs: 10, ...crash, node: 1, isHostDown: false }] });
  killed.tell(0, "dial 1", 20);
  killed.run(100);
  assert.deepEqual(lines(killed, 0), ["closed 1", "refused 1"]);

  const dark = worldOf({ faults: [{ atMs: 10, ...crash, node: 1, isHostDown: true }] });
  dark.tell(0, "dial 1", 20);
  dark.run(60);
  assert.deepEqual(lines(dark, 0), []);
  dark.run(80);
  assert.deepEqual(lines(dark, 0), ["silence 1"]);

  const frozen = worldOf({ faults: [{ atMs: 10, type: "pause", node: 1, forMs: 1_000 }] });
  frozen.tell(0, "dial 1", 20);
  frozen.run(100);
  assert.deepEqual(lines(frozen, 0), ["open 1"]);
});

test("a closing may be lost, and one may be a lie; so may a refusal", () => {
  const lost = worldOf({
    network: { finLostChance: 1 },
    faults: [
      { atMs: 10, type: "crash", storage: "kept", node: 1, isHostDown: false, forMs: 1_000 },
    ],
  });
  lost.run(100);
  assert.deepEqual(lines(lost, 0), []);

  const lies = worldOf({
    faults: [
      { atMs: 10, type: "close", node: 0, peer: 1 },
      { atMs: 15, type: "refuse", node: 1, forMs: 20 },
    ],
  });
  lies.tell(0, "dial 1", 20);
  lies.tell(0, "dial 1", 60);
  lies.run(100);
  assert.deepEqual(lines(lies, 0), ["closed 1", "refused 1", "open 1"]);
  assert.equal(lies.bootOf(1), 1, "it lived all the time");
});

test("a crash keeps what the disk has confirmed, and decides about the rest", () => {
  const survivors = (storage: Storage) => {
    const world = worldOf({
      faults: [{ atMs: 8, type: "crash", node: 1, storage, isHostDown: false, forMs: 10 }],
    });
    for (const record of [1, 2, 3]) world.tell(1, `write ${record}`, 1);
    world.run(100);
    const { records, torn } = world.stateOf(1) ?? { records: [], torn: undefined };
    return { records, torn };
  };
  assert.deepEqual(survivors("kept"), { records: ["1", "2", "3"], torn: undefined });
  assert.deepEqual(survivors("unsynced"), { records: ["1"], torn: undefined });
  assert.deepEqual(survivors("wiped"), { records: [], torn: undefined });
  const { records, torn } = survivors("torn");
  assert.equal(torn, String(records.length + 1), "half of the record after the last whole one");
});

test("a stalled disk confirms nothing, and goes on where it stopped when the stall ends", () => {
  const world = worldOf({ faults: [{ atMs: 3, type: "stall", node: 1, forMs: 500 }] });
  world.tell(1, "write 1", 1);
  world.tell(1, "write 2", 1);
  world.run(400);
  assert.deepEqual(lines(world, 1), []);
  world.heal();
  assert.deepEqual(lines(world, 1), ["written 1"]);
  world.run(406);
  assert.deepEqual(lines(world, 1), ["written 1", "written 2"]);
});

test("a listed letter is lost, late or doubled, and no other one is", () => {
  const link = { from: 0, to: 1, kind: "letter" } as const;
  const world = worldOf({
    network: { lossChance: 1 },
    misfortunes: [
      { ...link, index: 0, what: "lost" },
      { ...link, index: 1, what: "twice", afterMs: 5 },
      { ...link, index: 2, what: "late", byMs: 500 },
    ],
  });
  for (const atMs of [10, 20, 30]) world.tell(0, "send 1", atMs);
  world.run(100);
  assert.equal(lines(world, 1).length, 2);
  world.run(600);
  assert.equal(lines(world, 1).length, 3);
});

test("the heal restarts, resumes and reconnects everything at once", () => {
  const world = worldOf({
    faults: [
      { atMs: 1, type: "crash", node: 0, storage: "kept", isHostDown: true, forMs: 9_000 },
      { atMs: 1, type: "pause", node: 1, forMs: 9_000 },
      { atMs: 1, type: "cut", shape: "link", links: [[0, 2]], forMs: 9_000 },
    ],
  });
  world.run(100);
  assert.equal(world.stateOf(0), undefined);
  assert.ok(world.isPaused(1) && world.isCut(0, 2));
  world.heal();
  assert.ok(world.stateOf(0) !== undefined && !world.isPaused(1) && !world.isCut(0, 2));
  world.run(10_000);
  assert.equal(world.bootOf(0), 2, "the end of its time changes nothing any more");
});

test("the harness may not harm a healed world: that would look like a protocol's mistake", () => {
  const world = worldOf({});
  world.run(100);
  world.heal();
  assert.throws(
    () => world.plan({ atMs: 101, type: "pause", node: 0, forMs: 1 }),
    (error) => error instanceof InvariantError && error.message.includes("after the heal"),
  );
  const late = worldOf({ faults: [{ atMs: 150, type: "pause", node: 0, forMs: 1 }] });
  late.run(100);
  late.heal();
  assert.throws(() => late.run(200), InvariantError);
});

test("two worlds of one plan are one world, and recording changes nothing", () => {
  const run = (recorder: Recorder | undefined) => {
    const world = worldOf({
      program: diarist,
      network: { lossChance: 0.2, twiceChance: 0.2, tailChance: 0.2, tailMostMs: 300 },
      faults: [
        { atMs: 30, type: "crash", node: 2, storage: "kept", isHostDown: false, forMs: 40 },
        { atMs: 60, type: "pause", node: 1, forMs: 80 },
      ],
      ...(recorder === undefined ? {} : { recorder }),
    });
    chatter(world, 400);
    world.run(1_000);
    return [0, 1, 2].map((node) => lines(world, node));
  };
  const recorders = [new Recorder(), new Recorder()] as const;
  assert.deepEqual(run(recorders[0]), run(undefined));
  run(recorders[1]);
  assert.deepEqual(recorders[0].rows, recorders[1].rows);
  assert.ok(recorders[0].rows.some(({ what }) => what === "lost"));
});
