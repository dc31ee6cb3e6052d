import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, rngFrom } from "../kernel/index.ts";
import {
  type ProbeOutcome,
  type ProbingConfig,
  type ProbingEffect,
  type ProbingEvent,
  startProbing,
  stepProbing,
  wakeProbingAtMs,
} from "./probing.ts";

const config: ProbingConfig = {
  intervalMs: 1_000,
  timeoutMs: 500,
  failuresMax: 3,
  successesMin: 2,
};

type Unstamped<Event> = Event extends unknown ? Omit<Event, "atMs"> : never;

class Watch {
  #state = startProbing(config, 1);
  atMs = 0;
  effects: readonly ProbingEffect[] = [];
  readonly judged: string[] = [];

  tell(event: Unstamped<ProbingEvent>): this {
    const { state, effects } = stepProbing(this.#state, {
      ...event,
      atMs: this.atMs,
    } as ProbingEvent);
    this.#state = state;
    this.effects = effects;
    for (const effect of effects) if (effect.type === "judge") this.judged.push(effect.verdict);
    return this;
  }

  /** Waits for the next probe to leave, then answers it. */
  answer(outcome: ProbeOutcome, afterMs = 1): this {
    if (this.#state.sentAtMs === undefined) {
      this.atMs = wakeProbingAtMs(this.#state);
      this.tell({ type: "tick" });
    }
    this.atMs += afterMs;
    return this.tell({ type: "probed", probeId: this.#state.probeId, outcome, detail: outcome });
  }

  get state() {
    return this.#state;
  }
}

function watching(): Watch {
  return new Watch().tell({ type: "watch", incarnation: 1 });
}

test("a start is probed at once and often, and its first good answer is enough", () => {
  const watch = watching();
  assert.deepEqual(watch.effects, [{ type: "probe", incarnation: 1, probeId: 1, timeoutMs: 500 }]);
  watch.answer("failed");
  const firstPauseMs = wakeProbingAtMs(watch.state) - watch.atMs;
  assert.ok(firstPauseMs >= 13 && firstPauseMs <= 17, `${firstPauseMs}`);
  watch.answer("failed").answer("good");
  assert.deepEqual(watch.judged, ["well"]);
});

test("a slow start is seen at most a tenth late, and costs few probes", () => {
  const watch = watching();
  let probes = 0;
  while (watch.atMs < 30_000) {
    watch.answer("failed");
    probes += 1;
    const pauseMs = wakeProbingAtMs(watch.state) - watch.atMs;
    assert.ok(pauseMs <= Math.max(17, watch.atMs * 0.1), `${pauseMs} at ${watch.atMs}`);
  }
  assert.ok(probes < 250, `${probes} probes`);
  assert.deepEqual(watch.judged, [], "P2: what never answered is not sick");
});

test("P2 three failures in a row condemn, two do not, and two successes acquit", () => {
  const watch = watching().answer("good");
  watch.answer("failed").answer("timeout", 500).answer("good");
  assert.deepEqual(watch.judged, ["well", "doubtful"]);
  watch.answer("good");
  assert.deepEqual(watch.judged, ["well", "doubtful", "well"]);
  watch.answer("failed").answer("failed").answer("failed");
  assert.deepEqual(watch.judged.slice(3), ["doubtful", "sick"]);
});

test("probes are spread by a tenth, and doubt looks twice as often", () => {
  const watch = watching().answer("good");
  const pausesMs: number[] = [];
  for (let probe = 0; probe < 200; probe++) {
    pausesMs.push(wakeProbingAtMs(watch.state) - watch.atMs);
    watch.answer("good");
  }
  assert.ok(pausesMs.every((pauseMs) => pauseMs >= 900 && pauseMs <= 1_100));
  assert.ok(Math.max(...pausesMs) - Math.min(...pausesMs) > 150);
  watch.answer("failed");
  assert.ok(wakeProbingAtMs(watch.state) - watch.atMs <= 550);
});

test("P3 answers of an earlier probe or incarnation change nothing", () => {
  const watch = watching();
  const { probeId } = watch.state;
  watch.tell({ type: "watch", incarnation: 2 });
  const before = watch.state;
  watch.tell({ type: "probed", probeId, outcome: "good", detail: "200" });
  assert.equal(watch.state, before);
  watch.tell({ type: "unwatch" });
  assert.equal(wakeProbingAtMs(watch.state), Number.POSITIVE_INFINITY);
});

test("P4 timeouts of an observer that was late itself, or is declared sick, count for nothing", () => {
  const watch = watching().answer("good");
  for (let probe = 0; probe < 5; probe++) watch.answer("timeout", 700);
  watch.tell({ type: "observer", isSick: true });
  for (let probe = 0; probe < 5; probe++) watch.answer("timeout", 500);
  assert.deepEqual(watch.judged, ["well"]);
  watch.answer("failed");
  assert.deepEqual(watch.judged, ["well", "doubtful"], "a refusal is no timeout");
});

test("an answer that never comes counts as a timeout and probing goes on", () => {
  const watch = watching();
  watch.atMs = wakeProbingAtMs(watch.state);
  watch.tell({ type: "tick" });
  assert.equal(watch.state.sentAtMs, undefined);
});

test("P1 at most one probe is out, whatever is told in whatever order", () => {
  let sent = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const watch = watching();
    let out = 1;
    let rng = rngFrom(seed);
    for (let index = 0; index < 200; index++) {
      const drawn = draw(rng);
      rng = drawn.rng;
      watch.atMs += drawn.value * 400;
      const probeId = watch.state.probeId - (drawn.value > 0.9 ? 1 : 0);
      const isCurrent = probeId === watch.state.probeId && watch.state.sentAtMs !== undefined;
      const outcome = drawn.value < 0.3 ? "good" : "failed";
      if (index % 2 === 0) watch.tell({ type: "tick" });
      else {
        watch.tell({ type: "probed", probeId, outcome, detail: "" });
        if (isCurrent) out -= 1;
      }
      const probes = watch.effects.filter(({ type }) => type === "probe").length;
      sent += probes;
      out += probes;
      if (watch.state.sentAtMs === undefined) out = Math.min(out, 0);
      assert.ok(out <= 1, `seed ${seed}: ${out} probes out`);
    }
  }
  assert.ok(sent > 3_000, `too few probes (${sent})`);
});
