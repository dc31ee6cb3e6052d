/**
 * The lifecycle machine against a host that misbehaves, on virtual time: copies crash, hang, never
 * start, ignore SIGTERM and lose their port; launches fail or are answered late; the agent dies in
 * the middle and adopts what it finds. After every step the invariants L1..L8 are checked.
 *
 * The last test breaks the machine on purpose, one line at a time, and demands that this file notices.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { draw, InvariantError, type Rng, rngFrom } from "../kernel/index.ts";
import { noEvidence } from "./fingerprint.ts";
import * as lifecycle from "./lifecycle.ts";
import type {
  LifecycleConfig,
  LifecycleEffect,
  LifecycleEvent,
  LifecycleState,
} from "./lifecycle-model.ts";

type Machine = Pick<typeof lifecycle, "startLifecycle" | "stepLifecycle" | "wakeLifecycleAtMs">;

const config: LifecycleConfig = {
  name: "hello-1",
  startupMs: 2_000,
  adoptionMs: 1_500,
  drainMs: 400,
  graceMs: 3_000,
};

const faultsEndAtMs = 120_000;
/** L8: the longest wait, one slow answer of the host, two starts, one way out, and some slack. */
const recoveryMs = 60_000 + 15_000 + 2 * config.startupMs + config.drainMs + config.graceMs + 5_000;
/** L3: drain, grace, a launch that was on its way, and the exit of a killed process. */
const stopMs = config.drainMs + config.graceMs + 13_000 + 1_000;

type Copy = {
  readonly incarnation: number;
  isRunning: boolean;
  isBooted: boolean;
  isHung: boolean;
  readonly isStubborn: boolean;
  readonly stranger: string | undefined;
  readonly launchedAtMs: number;
};

type Unstamped<Event> = Event extends unknown ? Omit<Event, "atMs"> : never;

/** What happened in all worlds together, to prove that the property means something. */
type Tally = Record<
  | "launch"
  | "launchFailure"
  | "crash"
  | "hang"
  | "parked"
  | "kill"
  | "adopted"
  | "ended"
  | "served"
  | "stranger",
  number
>;

const emptyTally = (): Tally => ({
  launch: 0,
  launchFailure: 0,
  crash: 0,
  hang: 0,
  parked: 0,
  kill: 0,
  adopted: 0,
  ended: 0,
  served: 0,
  stranger: 0,
});

class World {
  readonly #machine: Machine;
  readonly #tally: Tally;
  readonly #isBrokenWorld: boolean;
  #rng: Rng;
  #nowMs = 0;
  #queue: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  #order = 0;
  #life = 0; // Events that were meant for a dead agent are dropped.
  #state: LifecycleState;
  #copy: Copy | undefined;
  #launchInFlight = false;
  #highest = 0;
  #wantStopSinceMs: number | undefined;
  #wellSince = new Set<number>();
  #verified = new Set<number>();
  #terminatedAtMs = new Map<number, number>();
  #exitsTold = new Set<number>();
  #dutyMs = 0; // Since when this agent is obliged to have it serving.

  constructor(machine: Machine, seed: number, tally: Tally) {
    this.#machine = machine;
    this.#tally = tally;
    this.#rng = rngFrom(seed);
    this.#isBrokenWorld = seed % 4 === 0;
    this.#state = machine.startLifecycle(config, seed, 0);
  }

  live(): void {
    this.#tell({ type: "tick" });
    this.#after(this.#between(200, 3_000), () => this.#mischief());
    const endMs = faultsEndAtMs + recoveryMs + 30_000;
    while (this.#nowMs < endMs) {
      const wakeAtMs = this.#machine.wakeLifecycleAtMs(this.#state);
      const next = this.#queue[0];
      const untilMs = Math.min(wakeAtMs, next?.atMs ?? Number.POSITIVE_INFINITY, endMs);
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      this.#checkDuties();
      if (next !== undefined && next.atMs <= wakeAtMs) {
        this.#queue.shift();
        next.run();
      } else if (wakeAtMs <= endMs) this.#tell({ type: "tick" });
    }
  }

  /** Faults, wishes and agent deaths, at random; then silence. */
  #mischief(): void {
    if (this.#nowMs > faultsEndAtMs) {
      if (this.#wantStopSinceMs !== undefined && this.#chance(0.5)) this.#want("run");
      return;
    }
    const dice = this.#random();
    if (dice < 0.3) this.#crash();
    else if (dice < 0.45) this.#hang();
    else if (dice < 0.6) this.#agentDies();
    else if (dice < 0.7) this.#want("restart");
    else if (dice < 0.78) this.#want("stop");
    else if (dice < 0.92) this.#want("run");
    else if (dice < 0.95) this.#want("wake");
    else if (this.#copy !== undefined) this.#tellExit(this.#copy.incarnation - 1, 1, undefined);
    const pauseMs = this.#chance(0.1) ? 40_000 : this.#chance(0.3) ? 60 : 4_000;
    this.#after(this.#between(1, pauseMs), () => this.#mischief());
  }

  #want(what: "run" | "stop" | "restart" | "wake"): void {
    if (what === "stop" && this.#wantStopSinceMs === undefined) this.#wantStopSinceMs = this.#nowMs;
    if (what === "run") {
      if (this.#wantStopSinceMs !== undefined) this.#dutyMs = this.#nowMs;
      this.#wantStopSinceMs = undefined;
    }
    this.#tell({ type: "want", what, why: "a test wants it" });
  }

  #agentDies(): void {
    this.#life += 1;
    this.#launchInFlight = false;
    const copy = this.#copy;
    const known = copy?.incarnation ?? this.#highest;
    this.#highest = Math.max(known, this.#highest);
    this.#state = this.#machine.startLifecycle(config, this.#life, this.#highest);
    this.#dutyMs = Math.max(this.#dutyMs, this.#nowMs);
    this.#exitsTold.clear();
    if (copy?.isRunning) {
      this.#tally.adopted += 1;
      const ageMs = this.#nowMs - copy.launchedAtMs;
      this.#tell({ type: "adopted", incarnation: copy.incarnation, ageMs });
    }
    if (this.#wantStopSinceMs !== undefined) {
      this.#wantStopSinceMs = this.#nowMs;
      this.#tell({ type: "want", what: "stop", why: "still not wanted" });
    }
    this.#tell({ type: "tick" });
  }

  #tell(event: Unstamped<LifecycleEvent>): void {
    const before = this.#state;
    const stamped = { ...event, atMs: this.#nowMs } as LifecycleEvent;
    if (event.type === "verified" && event.stranger === undefined) {
      this.#verified.add(event.incarnation);
    }
    if (event.type === "judged" && event.verdict === "well") this.#wellSince.add(event.incarnation);
    const { state, effects } = this.#machine.stepLifecycle(before, stamped);
    // JSON-safe: a state that was stored and read again decides the same.
    this.#state = this.#chance(0.02) ? JSON.parse(JSON.stringify(state)) : state;
    this.#checkStage(before, effects);
    for (const effect of effects) this.#perform(effect);
  }

  #checkStage(before: LifecycleState, effects: readonly LifecycleEffect[]): void {
    const { stage } = this.#state;
    if (stage.at === "waiting" || stage.at === "parked") {
      const waitMs = stage.untilMs - this.#nowMs;
      assert.ok(waitMs <= 60_000, `L4: a wait of ${waitMs} ms`);
      assert.ok(!this.#copy?.isRunning || this.#life > 0, "L1: it waits although a copy runs");
    }
    if (stage.at === "parked" && before.stage.at !== "parked") {
      this.#tally.parked += 1;
      const said = effects.some(
        (effect) =>
          effect.type === "record" &&
          effect.fact === "parked" &&
          effect.message.includes(this.#state.fix ?? "no fix"),
      );
      assert.ok(said, "L5: parked in silence");
    }
    if (stage.at === "serving" && before.stage.at === "starting") {
      this.#tally.served += 1;
      const { incarnation } = stage;
      assert.ok(this.#wellSince.has(incarnation), "L7: serves without a good probe");
      assert.ok(this.#verified.has(incarnation), "L7: serves on a port nobody looked at");
    }
    if (stage.at === "ended") this.#tally.ended += 1;
  }

  /** L3 and L8: what has to be true after long enough. */
  #checkDuties(): void {
    const { stage } = this.#state;
    if (this.#wantStopSinceMs !== undefined) {
      if (this.#nowMs - this.#wantStopSinceMs <= stopMs) return;
      assert.equal(stage.at, "ended", "L3: wanted no more, and still here");
      assert.ok(!this.#copy?.isRunning, "L3: it says that it ended, and a copy runs");
      return;
    }
    if (this.#nowMs - Math.max(this.#dutyMs, faultsEndAtMs) <= recoveryMs) return;
    assert.equal(stage.at, "serving", `L8: not healed, but ${this.#state.reason}`);
    assert.ok(this.#copy?.isRunning && !this.#copy.isHung, "L8: serves with a dead copy");
  }

  #perform(effect: LifecycleEffect): void {
    if (effect.type === "launch") this.#launch(effect.incarnation);
    if (effect.type === "watch") this.#probe(effect.incarnation, this.#between(1, 30), 0, 0);
    if (effect.type === "verify") this.#verify(effect.incarnation);
    if (effect.type === "diagnose") this.#diagnose(effect.incarnation);
    if (effect.type === "terminate" || effect.type === "kill") {
      this.#signal(effect.type, effect.incarnation);
    }
    if (effect.type === "drain" && this.#chance(0.8)) {
      this.#answer({ type: "drained", incarnation: effect.incarnation }, 900);
    }
  }

  #launch(incarnation: number): void {
    this.#tally.launch += 1;
    assert.ok(this.#wantStopSinceMs === undefined, "L3: launched although it is wanted no more");
    assert.ok(!this.#launchInFlight, "L1: a launch while another is on its way");
    assert.ok(!this.#copy?.isRunning, "L1: a launch while a copy runs");
    assert.ok(incarnation > this.#highest, `L2: incarnation ${incarnation} again`);
    this.#highest = incarnation;
    this.#launchInFlight = true;
    const calm = this.#nowMs > faultsEndAtMs;
    const isSilent = !calm && this.#chance(0.02);
    const life = this.#life;
    const spawnMs = isSilent ? this.#between(10_000, 12_500) : this.#between(1, 20);
    if (!calm && this.#chance(0.03)) this.#after(spawnMs / 2, () => this.#want("stop"));
    this.#after(spawnMs, () => {
      if (life !== this.#life) return; // The agent died before the process was made.
      this.#launchInFlight = false;
      if (!calm && this.#chance(0.1)) {
        this.#tally.launchFailure += 1;
        const code = this.#chance(0.3) ? "PROGRAM_MISSING" : "RUNTIME_UNAVAILABLE";
        this.#answer({ type: "launch-failed", incarnation, code, message: "no luck" }, 3);
        return;
      }
      this.#spawn(incarnation, calm);
      this.#answer({ type: "launched", incarnation }, 3);
    });
  }

  #spawn(incarnation: number, calm: boolean): void {
    const isBad = (chance: number): boolean => !calm && this.#chance(chance);
    const copy: Copy = {
      incarnation,
      isRunning: true,
      isBooted: false,
      isHung: false,
      isStubborn: isBad(0.2),
      stranger: isBad(0.05) ? "postgres (pid 7)" : undefined,
      launchedAtMs: this.#nowMs,
    };
    this.#copy = copy;
    const neverBoots = isBad(0.1);
    if (!neverBoots) this.#after(this.#between(20, 500), () => (copy.isBooted = true));
    // In some worlds somebody deploys a broken program for half of the time.
    const isBroken = this.#isBrokenWorld && this.#nowMs < faultsEndAtMs / 2;
    if (isBad(isBroken ? 0.95 : 0.35)) {
      const code = this.#chance(0.3) ? 78 : 1;
      this.#after(this.#between(1, isBroken ? 40 : 400), () => this.#die(copy, code, undefined));
    }
  }

  #die(copy: Copy, code: number | undefined, signal: string | undefined): void {
    if (!copy.isRunning) return;
    this.#tally.crash += 1;
    copy.isRunning = false;
    this.#tellExit(copy.incarnation, code, signal);
    if (this.#chance(0.1)) this.#tellExit(copy.incarnation, code, signal);
  }

  #tellExit(incarnation: number, code: number | undefined, signal: string | undefined): void {
    const life = this.#life;
    this.#after(this.#between(1, 5), () => {
      if (life === this.#life) this.#exitsTold.add(incarnation);
      this.#answer({ type: "exited", incarnation, code, signal }, 0, life);
    });
  }

  #crash(): void {
    if (this.#copy === undefined) return;
    const dice = this.#random();
    if (dice < 0.5) this.#die(this.#copy, undefined, "SIGKILL");
    else if (dice < 0.6) this.#die(this.#copy, undefined, undefined);
    else this.#die(this.#copy, 1, undefined);
  }

  #hang(): void {
    if (!this.#copy?.isRunning) return;
    this.#tally.hang += 1;
    this.#copy.isHung = true;
  }

  /** Looks like the detector: well, doubtful and sick, each said once. */
  #probe(incarnation: number, inMs: number, failures: number, goods: number): void {
    const life = this.#life;
    this.#after(inMs, () => {
      const { stage } = this.#state;
      if (life !== this.#life || !("incarnation" in stage)) return;
      if (stage.incarnation !== incarnation) return;
      const copy = this.#copy;
      const isGood = copy?.isRunning === true && copy.isBooted && !copy.isHung;
      const failed = isGood || goods === 0 ? 0 : failures + 1;
      const say = (verdict: "well" | "doubtful" | "sick"): void =>
        this.#tell({ type: "judged", incarnation, verdict, detail: "no answer" });
      if (isGood && (goods === 0 || failures > 0)) say("well");
      if (failed === 1) say("doubtful");
      if (failed === 3) say("sick");
      this.#probe(incarnation, goods === 0 ? 20 : 500, failed, goods + (isGood ? 1 : 0));
    });
  }

  #verify(incarnation: number): void {
    const stranger = this.#copy?.stranger;
    if (stranger !== undefined) this.#tally.stranger += 1;
    this.#answer({ type: "verified", incarnation, stranger }, 5);
  }

  #diagnose(incarnation: number): void {
    const errorLine = this.#chance(0.5) ? "Error: listen EADDRINUSE" : "TypeError: no";
    const evidence = { ...noEvidence, errorLine, text: errorLine };
    if (this.#chance(0.8)) this.#answer({ type: "diagnosed", incarnation, evidence }, 300);
  }

  #signal(how: "terminate" | "kill", incarnation: number): void {
    assert.ok(!this.#exitsTold.has(incarnation), `L6: ${how} for a copy that is known to be gone`);
    if (how === "terminate") this.#terminatedAtMs.set(incarnation, this.#nowMs);
    else {
      this.#tally.kill += 1;
      const sinceMs = this.#nowMs - (this.#terminatedAtMs.get(incarnation) ?? this.#nowMs);
      assert.ok(sinceMs >= 1_000, `L6: SIGKILL ${sinceMs} ms after SIGTERM`);
    }
    const copy = this.#copy;
    if (copy?.incarnation !== incarnation || !copy.isRunning) return;
    const signal = how === "kill" ? "SIGKILL" : "SIGTERM";
    const obeys = how === "kill" || !(copy.isStubborn || copy.isHung);
    if (obeys) this.#after(this.#between(1, 50), () => this.#die(copy, undefined, signal));
  }

  #answer(event: Unstamped<LifecycleEvent>, inMsMax: number, life = this.#life): void {
    this.#after(inMsMax === 0 ? 0 : this.#between(0, inMsMax), () => {
      if (life === this.#life) this.#tell(event);
    });
  }

  #after(inMs: number, run: () => void): void {
    const item = { atMs: this.#nowMs + inMs, order: this.#order++, run };
    const index = this.#queue.findIndex((other) => other.atMs > item.atMs);
    this.#queue.splice(index < 0 ? this.#queue.length : index, 0, item);
  }

  #random(): number {
    const { value, rng } = draw(this.#rng);
    this.#rng = rng;
    return value;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }
}

function simulate(machine: Machine, seeds: number): Tally {
  const tally = emptyTally();
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      new World(machine, seed, tally).live();
    } catch (cause) {
      if (cause instanceof TypeError) throw cause;
      throw new assert.AssertionError({ message: `seed ${seed}: ${cause}` });
    }
  }
  return tally;
}

// Goal: L1..L8 hold whatever host, program and agent do. Method: thousands of seeded worlds of two
// virtual minutes of faults and two of rest. A failure names the seed that repeats it.
test("L1..L8 hold in 3,000 worlds of crashes, hangs, failed launches and dying agents", () => {
  const tally = simulate(lifecycle, 3_000);
  for (const [what, count] of Object.entries(tally)) {
    assert.ok(count > 500, `too few: ${what} happened ${count} times`);
  }
});

type Mutant = { readonly file: string; readonly from: string; readonly to: string };

/** Each breaks one promise; the number is the invariant that should notice. */
const mutants: Readonly<Record<string, Mutant>> = {
  "L1 an exit of any incarnation counts": {
    file: "aftermath.ts",
    from: 'if (!("incarnation" in stage) || stage.incarnation !== incarnation) return stay(state);',
    to: 'if (!("incarnation" in stage)) return stay(state);',
  },
  "L1 a restart relaunches without waiting for the end": {
    file: "lifecycle.ts",
    from: '    case "starting":\n    case "serving":\n      return prefixed(\n        end(clean, stage, { kind: "asked" }, why, atMs),',
    to: '    case "starting":\n    case "serving":\n      return prefixed(\n        launch(clean, atMs),',
  },
  "L2 an adopted incarnation is not remembered": {
    file: "arrival.ts",
    from: "const incarnation = state.incarnation + 1;",
    to: "const incarnation = state.failures.length + 1;",
  },
  "L3 a launch that was on its way is kept": {
    file: "arrival.ts",
    from: 'if (state.wanted === "stop") return end(',
    to: "if (state.incarnation < 0) return end(",
  },
  "L3 the end of an unwanted copy starts the next one": {
    file: "aftermath.ts",
    from: 'if (state.wanted === "stop") return prefixed(finish(state), ...said);',
    to: "",
  },
  "L4 backing off has no cap": {
    file: "backoff.ts",
    from: "Math.min(backoffMsMax, ",
    to: "Math.max(0, 40 * ",
  },
  "L5 parking is silent": {
    file: "aftermath.ts",
    from: 'fact("parked",',
    to: 'fact("exited",',
  },
  "L6 no grace time": {
    file: "departure.ts",
    from: "const killAtMs = atMs + graceMs;",
    to: "const killAtMs = atMs;",
  },
  "L7 the port is not looked at": {
    file: "arrival.ts",
    from: "if (stranger !== undefined) {",
    to: "if (stranger === '') {",
  },
  "L8 SIGKILL is never sent": {
    file: "departure.ts",
    from: '{ type: "kill", incarnation }',
    to: "",
  },
  "L8 a silent start is waited for without end": {
    file: "lifecycle.ts",
    from: "return stage.deadlineMs;",
    to: "return Number.POSITIVE_INFINITY;",
  },
  "L8 sickness is noticed and nothing is done": {
    file: "lifecycle.ts",
    from: 'case "sick":\n      return condemn(state, stage, detail, atMs);',
    to: 'case "sick":\n      return stay(state);',
  },
};

test("every deliberately broken machine is caught", async (t) => {
  const source = dirname(fileURLToPath(import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "prunella-mutants-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const survivors: string[] = [];
  for (const [index, [name, mutant]] of Object.entries(mutants).entries()) {
    const copy = join(folder, `${index}`);
    for (const part of ["healing", "kernel"]) {
      cpSync(join(source, "..", part), join(copy, part), { recursive: true });
    }
    writeFileSync(join(copy, "package.json"), '{ "type": "module" }');
    const path = join(copy, "healing", mutant.file);
    const text = readFileSync(path, "utf8");
    assert.equal(text.split(mutant.from).length, 2, `${name}: its line is not there exactly once`);
    writeFileSync(path, text.replace(mutant.from, mutant.to));
    const broken: Machine = await import(`${pathToFileURL(join(copy, "healing", "lifecycle.ts"))}`);
    if (!isCaught(broken)) survivors.push(name);
  }
  assert.deepEqual(survivors, []);
});

function isCaught(machine: Machine): boolean {
  try {
    simulate(machine, 600);
    return false;
  } catch (error) {
    return error instanceof assert.AssertionError || error instanceof InvariantError;
  }
}
