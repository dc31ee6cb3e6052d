import assert from "node:assert/strict";
import { test } from "node:test";
import { type Evidence, findEvidence, noEvidence } from "./fingerprint.ts";
import { startLifecycle, stepLifecycle, wakeLifecycleAtMs } from "./lifecycle.ts";
import type { LifecycleConfig, LifecycleEffect, LifecycleEvent } from "./lifecycle-model.ts";

const config: LifecycleConfig = {
  name: "hello-1",
  startupMs: 10_000,
  adoptionMs: 4_500,
  drainMs: 5_000,
  graceMs: 10_000,
};

type Unstamped<Event> = Event extends unknown ? Omit<Event, "atMs"> : never;

/** One instance on a clock that the test turns. */
class Story {
  #state = startLifecycle(config, 1, 0);
  #atMs = 0;
  effects: readonly LifecycleEffect[] = [];

  at(atMs: number): this {
    this.#atMs = atMs;
    return this;
  }

  tell(event: Unstamped<LifecycleEvent>): this {
    const stamped = { ...event, atMs: this.#atMs } as LifecycleEvent;
    const { state, effects } = stepLifecycle(this.#state, stamped);
    this.#state = state;
    this.effects = effects;
    return this;
  }

  /** Turns the clock to the next deadline and lets it strike. */
  wait(): this {
    return this.at(Math.max(this.#atMs, this.wakeAtMs)).tell({ type: "tick" });
  }

  serve(): this {
    const { incarnation } = this;
    this.tell({ type: "launched", incarnation });
    this.tell({ type: "judged", incarnation, verdict: "well", detail: "200" });
    return this.tell({ type: "verified", incarnation, stranger: undefined });
  }

  exit(code: number | undefined, signal?: string): this {
    return this.tell({ type: "exited", incarnation: this.incarnation, code, signal });
  }

  diagnosed(evidence: Evidence): this {
    return this.tell({ type: "diagnosed", incarnation: this.incarnation, evidence });
  }

  get atMs(): number {
    return this.#atMs;
  }
  get stage(): string {
    return this.#state.stage.at;
  }
  get incarnation(): number {
    return this.#state.incarnation;
  }
  get wakeAtMs(): number {
    return wakeLifecycleAtMs(this.#state);
  }
  get reason(): string {
    return this.#state.reason;
  }
  get fix(): string | undefined {
    return this.#state.fix;
  }
  get asked(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.type === "record" ? [] : [effect.type]));
  }
  get said(): readonly string[] {
    return this.effects.flatMap((effect) => (effect.type === "record" ? [effect.fact] : []));
  }
}

function launched(): Story {
  return new Story().tell({ type: "tick" });
}

test("a new instance is launched, probed, and serves once its port is known to be its own", () => {
  const story = launched();
  assert.deepEqual(story.asked, ["launch"]);
  story.at(5).tell({ type: "launched", incarnation: 1 });
  assert.deepEqual(story.asked, ["watch"]);
  story.at(90).tell({ type: "judged", incarnation: 1, verdict: "well", detail: "200" });
  assert.deepEqual([story.stage, story.asked], ["starting", ["verify"]]);
  story.tell({ type: "verified", incarnation: 1, stranger: undefined });
  assert.deepEqual([story.stage, story.said], ["serving", ["ready"]]);
});

test("a serving copy that is killed from outside comes back in the very step that hears of it", () => {
  const story = launched().serve().at(60_000).exit(undefined, "SIGKILL");
  assert.deepEqual([story.stage, story.incarnation], ["launching", 2]);
  assert.deepEqual(story.asked, ["unwatch", "launch"]);
  assert.deepEqual(story.said, ["exited", "restarting"]);
});

test("being killed again and again is not held against it, within a budget", () => {
  const story = launched().serve();
  for (let kill = 1; kill <= 60; kill++) {
    story.at(story.atMs + 300).exit(undefined, "SIGKILL");
    assert.equal(story.stage, "launching", `kill ${kill}`);
    story.serve();
  }
  for (let kill = 1; kill <= 40 && story.stage !== "parked"; kill++) {
    story.at(story.atMs + 300).exit(undefined, "SIGKILL");
    if (story.stage === "waiting") story.wait();
    if (story.stage === "launching") story.serve();
  }
  assert.equal(story.stage, "parked");
});

test("a copy that crashes is restarted at once, then later and later, then parked with the fix", () => {
  const story = launched().serve();
  story.at(1_000).exit(3);
  assert.equal(story.stage, "launching");
  assert.deepEqual(story.asked, ["unwatch", "launch", "diagnose"]);
  for (const crash of [2, 3, 4]) {
    story
      .serve()
      .at(story.atMs + 100)
      .exit(3);
    assert.equal(story.stage, "waiting", `crash ${crash}`);
    assert.deepEqual(story.said, ["exited", "backing-off"]);
    assert.ok(story.wakeAtMs - story.atMs >= 200);
    story.wait();
  }
  story
    .serve()
    .at(story.atMs + 100)
    .exit(3);
  assert.deepEqual([story.stage, story.said], ["parked", ["exited", "parked"]]);
  assert.match(story.reason, /crash loop .* exited with code 3, 5 times alike/);
  assert.match(story.fix ?? "", /prunella logs hello-1.*prunella restart hello-1/);
});

test("a parked instance tries again every minute, and one failure parks it again", () => {
  const story = parked();
  const sinceMs = story.atMs;
  story.wait();
  assert.deepEqual([story.stage, story.atMs - sinceMs], ["launching", 60_000]);
  story
    .serve()
    .at(story.atMs + 2_000)
    .exit(1);
  assert.equal(story.stage, "parked");
  story
    .wait()
    .serve()
    .at(story.atMs + 31_000)
    .exit(1);
  assert.equal(story.stage, "launching", "it was stable for 31 s: its past is forgotten");
});

test("a restart wakes a parked instance at once, an apply within two seconds", () => {
  const restarted = parked().tell({ type: "want", what: "restart", why: "a person asked" });
  assert.equal(restarted.stage, "launching");
  const applied = parked();
  const sinceMs = applied.atMs;
  for (const afterMs of [10, 20, 30]) {
    applied.at(sinceMs + afterMs).tell({ type: "want", what: "run", why: "apply" });
    assert.equal(applied.stage, "parked");
  }
  assert.equal(applied.wakeAtMs, sinceMs + 2_000);
});

test("a start that no restart can mend is parked on the second hit, with what to do", () => {
  const log = [
    "listening soon",
    "Error: listen EADDRINUSE: address already in use 127.0.0.1:8080",
    "    at Server.setupListenHandle [as _listen2] (node:net:1940:16)",
  ];
  const story = launched().at(80).tell({ type: "launched", incarnation: 1 }).exit(1);
  assert.equal(story.stage, "launching");
  story.tell({ type: "diagnosed", incarnation: 1, evidence: findEvidence(log) });
  story.tell({ type: "launched", incarnation: 2 }).at(160).exit(1);
  assert.equal(story.stage, "waiting");
  story.diagnosed(findEvidence(log));
  assert.equal(story.stage, "parked");
  assert.match(story.reason, /EADDRINUSE/);
  assert.match(story.fix ?? "", /variable PORT/);
});

test("exit 78 and a missing program are parked on the second hit without looking into a log", () => {
  const story = launched();
  story.tell({ type: "launched", incarnation: 1 }).exit(78);
  story.tell({ type: "launched", incarnation: 2 }).exit(78);
  assert.equal(story.stage, "parked");
  const missing = launched();
  const failed = {
    type: "launch-failed",
    code: "PROGRAM_MISSING",
    message: "no ./srv.ts",
  } as const;
  missing.tell({ ...failed, incarnation: 1 });
  assert.equal(missing.stage, "waiting");
  missing.wait();
  missing.tell({ ...failed, incarnation: 2 });
  assert.deepEqual([missing.stage, missing.said], ["parked", ["launch-failed", "parked"]]);
  assert.match(missing.fix ?? "", /Correct `run`/);
});

test("a program that never opens its port is ended at its deadline and parked after five tries", () => {
  const story = launched();
  for (let attempt = 1; attempt <= 5; attempt++) {
    const sinceMs = story.atMs;
    story.tell({ type: "launched", incarnation: story.incarnation }).wait();
    assert.deepEqual([story.stage, story.atMs - sinceMs], ["terminating", 10_000]);
    assert.match(story.reason, /does it listen on PORT\?/);
    story.exit(undefined, "SIGTERM");
    if (story.stage === "waiting") story.wait();
  }
  assert.equal(story.stage, "parked");
});

test("a sick copy leaves traffic first, then gets SIGTERM, then SIGKILL, then a successor", () => {
  const story = launched().serve().at(40_000);
  story.tell({ type: "judged", incarnation: 1, verdict: "doubtful", detail: "timeout" });
  assert.deepEqual([story.stage, story.said], ["serving", ["probe-failed"]]);
  story.tell({ type: "judged", incarnation: 1, verdict: "sick", detail: "timeout" });
  assert.deepEqual(story.asked, ["unwatch", "drain"]);
  story.wait();
  assert.deepEqual([story.asked, story.atMs], [["terminate"], 40_250]);
  story.wait();
  assert.deepEqual([story.asked, story.atMs], [["kill"], 41_250]);
  story.exit(undefined, "SIGKILL");
  assert.deepEqual([story.stage, story.incarnation], ["launching", 2]);
});

test("one that ignores SIGTERM is killed after its grace time, and killed again until it is gone", () => {
  const story = launched().serve().at(1_000);
  story.tell({ type: "want", what: "stop", why: "scaled down" });
  assert.equal(story.stage, "draining");
  story.at(1_200).tell({ type: "drained", incarnation: 1 });
  assert.deepEqual(story.asked, ["terminate"]);
  story.wait();
  assert.deepEqual([story.asked, story.atMs], [["kill"], 11_200]);
  story.wait();
  assert.deepEqual([story.asked, story.atMs], [["kill"], 12_200]);
  story.exit(undefined, "SIGKILL");
  assert.deepEqual([story.stage, story.said], ["ended", ["exited", "removed"]]);
});

test("a stranger on its port: the copy is ended and the next one gets another port", () => {
  const story = launched().tell({ type: "launched", incarnation: 1 });
  story.tell({ type: "judged", incarnation: 1, verdict: "well", detail: "200" });
  story.tell({ type: "verified", incarnation: 1, stranger: "nginx (pid 80)" });
  assert.deepEqual([story.stage, story.said], ["terminating", ["port-taken", "terminating"]]);
  story.exit(undefined, "SIGTERM");
  assert.deepEqual([story.stage, story.incarnation], ["launching", 2]);
});

test("a copy that is found running is adopted, and has its own time to answer", () => {
  const story = new Story().at(7);
  story.tell({ type: "adopted", incarnation: 9, ageMs: 86_400_000 });
  assert.deepEqual([story.stage, story.asked, story.said], ["starting", ["watch"], ["adopted"]]);
  assert.equal(story.wakeAtMs, 7 + config.adoptionMs);
  story.serve().exit(undefined, undefined);
  assert.deepEqual([story.stage, story.incarnation], ["launching", 10]);
});

test("an instance that is wanted no more while its launch is on the way ends as soon as it is there", () => {
  const story = launched().tell({ type: "want", what: "stop", why: "scaled down" });
  assert.equal(story.stage, "launching");
  story.tell({ type: "launched", incarnation: 1 });
  assert.equal(story.stage, "terminating");
  story.exit(0);
  assert.equal(story.stage, "ended");
});

test("an instance that is wanted again while it ends starts anew when it is gone", () => {
  const story = launched().serve().tell({ type: "want", what: "stop", why: "scaled down" });
  story.tell({ type: "want", what: "run", why: "scaled up" });
  story.tell({ type: "drained", incarnation: 1 }).exit(0);
  assert.deepEqual([story.stage, story.incarnation], ["launching", 2]);
});

test("a wait is cut short when the obstacle is gone", () => {
  const story = launched();
  const failed = { type: "launch-failed", code: "DISK_FULL", message: "no space" } as const;
  story.tell({ ...failed, incarnation: 1 });
  assert.equal(story.stage, "waiting");
  story.tell({ type: "want", what: "wake", why: "the disk has space again" });
  assert.equal(story.stage, "launching");
});

test("a host that does not answer a launch is reported once", () => {
  const story = launched().wait();
  assert.deepEqual([story.stage, story.said, story.atMs], ["launching", ["launch-failed"], 10_000]);
  assert.equal(story.wakeAtMs, Number.POSITIVE_INFINITY);
});

function parked(): Story {
  const story = launched();
  story.tell({ type: "launched", incarnation: 1 }).exit(78);
  story.tell({ type: "launched", incarnation: 2 }).exit(78).diagnosed(noEvidence);
  assert.equal(story.stage, "parked");
  return story;
}
