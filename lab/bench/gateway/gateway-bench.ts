/** The order of a run: groups of cases that share a fleet, rounds within a case, turns within a round. */
import { type BenchCase, benchCases, mainCase } from "./case-table.ts";
import { dutyProblems, type Fleet, startFleet, startSubject, stopFleet } from "./fleet.ts";
import { connectionsPossible, type IdleMeasurement, measureIdle } from "./idle-connections.ts";
import { type Bench, type Measurement, measure, type Target, warmUp } from "./measurement.ts";
import { freePorts, type ServerRoom } from "./server-process.ts";
import { ours, oursFrom, oursTwice, reference, type Subject } from "./subject-table.ts";
import { slowestCapacity, summarize } from "./summary.ts";

export type RunResult = {
  readonly measurements: readonly Measurement[];
  readonly idle: readonly IdleMeasurement[];
  /** What kept somebody from being compared. */
  readonly problems: readonly string[];
};

const warmUpSecondsMax = 2;

export class GatewayBench {
  readonly #room: ServerRoom;
  readonly #bench: Bench;
  readonly #subjects: readonly Subject[];
  readonly #rounds: number;
  readonly #measurements: Measurement[] = [];
  readonly #idle: IdleMeasurement[] = [];
  readonly #problems: string[] = [];
  #stopped = false;

  constructor(room: ServerRoom, bench: Bench, subjects: readonly Subject[], rounds: number) {
    this.#room = room;
    this.#bench = bench;
    this.#subjects = subjects;
    this.#rounds = rounds;
  }

  /** Ends after the measurement under way; what was measured until then is the result. */
  stop(): void {
    if (!this.#stopped) this.#problems.push("stopped before its end: some cases lack rounds");
    this.#stopped = true;
  }

  async run(cases: readonly BenchCase[]): Promise<RunResult> {
    for (const [backends, group] of Map.groupBy(cases, (each) => each.backends)) {
      if (this.#stopped) break;
      await this.#runGroup(backends, group);
    }
    const measurements = this.#inOrder(cases, this.#measurements);
    return { measurements, idle: this.#inOrder(cases, this.#idle), problems: this.#problems };
  }

  /** As cases and subjects were named, whatever the order in which they took turns. */
  #inOrder<T extends { readonly case: string; readonly subject: string }>(
    cases: readonly BenchCase[],
    measured: readonly T[],
  ): readonly T[] {
    const subjects = [...this.#subjects.map(({ name }) => name), oursTwice];
    const place = ({ case: name, subject }: T): number =>
      (cases.findIndex((each) => each.name === name) + 1) * 100 + subjects.indexOf(subject);
    return measured.toSorted((a, b) => place(a) - place(b));
  }

  async #runGroup(backends: BenchCase["backends"], cases: readonly BenchCase[]): Promise<void> {
    const twice = cases.some(({ doubles }) => doubles) ? [oursFrom(oursTwice, { workers: 2 })] : [];
    const subjects = [...this.#subjects, ...twice];
    const fleet = await startFleet(this.#room, this.#bench.plan, subjects, backends);
    this.#problems.push(...fleet.absent);
    try {
      for (const running of fleet.running) {
        await this.#attempt(running.subject.name, "the check of its duty", async () => {
          this.#problems.push(...(await dutyProblems(running, fleet)));
        });
      }
      for (const benchCase of cases) {
        if (benchCase.load.kind === "idle") await this.#runIdle(benchCase, fleet);
        else await this.#runLoaded(benchCase, fleet);
      }
    } finally {
      await stopFleet(this.#room, fleet);
    }
  }

  async #runLoaded(benchCase: BenchCase, fleet: Fleet): Promise<void> {
    const { load } = benchCase;
    const offered = load.kind === "paced" ? load.share * (await this.#capacity(fleet)) : undefined;
    const targets = fleet.running
      .filter(({ subject }) => this.#takesPart(benchCase, subject))
      .map((running) => ({
        bench: this.#bench,
        fleet,
        running,
        benchCase,
        ...(offered === undefined ? {} : { offered }),
      }));
    const failed = new Set<Target>();
    const attempt = async (target: Target, what: () => Promise<void>): Promise<void> => {
      const { name } = target.running.subject;
      if (this.#stopped || failed.has(target) || (await this.#attempt(name, benchCase.name, what)))
        return;
      failed.add(target);
    };
    const warmUpSeconds = Math.min(warmUpSecondsMax, this.#bench.seconds);
    for (const target of targets) await attempt(target, () => warmUp(target, warmUpSeconds));
    for (let round = 1; round <= this.#rounds; round++) {
      for (const target of shuffled(targets)) {
        await attempt(target, async () => this.#note(await measure(target, round)));
      }
    }
  }

  /** False, and a problem noted, when `what` fails: one subject must not end the run of all. */
  async #attempt(subject: string, at: string, what: () => Promise<void>): Promise<boolean> {
    try {
      await what();
      return true;
    } catch (error) {
      if (this.#stopped) return false; // Whoever stops the bench may have stopped its generator too.
      const reason = error instanceof Error ? error.message : error;
      this.#problems.push(`${subject} failed in ${at}: ${reason}`);
      return false;
    }
  }

  #note(measured: Measurement): void {
    this.#measurements.push(measured);
    const { case: name, subject, round, cpuUsPerRequest, foreign, errors } = measured;
    const cost = `${cpuUsPerRequest.toFixed(1)} us`;
    const others = `others ${(100 * foreign).toFixed(0)} %`;
    process.stderr.write(
      `${name} ${round}/${this.#rounds} ${subject}: ${cost}, ${others}, ${errors} errors\n`,
    );
  }

  /** Requests a second of the slowest, from this run; measured now when the main case was not asked for. */
  async #capacity(fleet: Fleet): Promise<number> {
    const known = (): number | undefined =>
      slowestCapacity(summarize(this.#measurements, reference, true), mainCase)?.requestsPerSecond
        .median;
    const capacity = known();
    if (capacity !== undefined) return capacity;
    const main = benchCases.find(({ name }) => name === mainCase);
    if (main === undefined) throw new Error(`unreachable: there is no case ${mainCase}`);
    await this.#runLoaded(main, fleet);
    return known() ?? Number.NaN;
  }

  /** One subject at a time and freshly started, because memory of the past would count otherwise. */
  async #runIdle(benchCase: BenchCase, fleet: Fleet): Promise<void> {
    const { name } = benchCase;
    for (let round = 1; round <= this.#rounds; round++) {
      for (const { subject } of shuffled(fleet.running)) {
        if (this.#stopped || !this.#takesPart(benchCase, subject)) continue;
        await this.#attempt(subject.name, name, async () => {
          const measured = await this.#measureIdle(subject, benchCase, fleet);
          this.#idle.push({ ...measured, subject: subject.name, case: name, round });
          const cost = `${measured.kibPerConnection.toFixed(1)} KiB each`;
          process.stderr.write(`${name} ${round}/${this.#rounds} ${subject.name}: ${cost}\n`);
        });
      }
    }
  }

  #takesPart(benchCase: BenchCase, { name, family }: Subject): boolean {
    if (this.#bench.isShort && benchCase.name !== mainCase) {
      if (family !== "ours" && name !== reference) return false;
    }
    return isInCase(benchCase, name);
  }

  async #measureIdle(subject: Subject, { load }: BenchCase, fleet: Fleet) {
    const [port = 0] = await freePorts(1);
    const { plan } = this.#bench;
    const running = await startSubject(this.#room, plan, subject, port, fleet.backendPorts);
    try {
      return await measureIdle(port, running.pids, connectionsPossible(load.connections));
    } finally {
      await this.#room.stop(running.processes);
    }
  }
}

function isInCase({ doubles }: BenchCase, subject: string): boolean {
  if (!doubles) return subject !== oursTwice;
  return [ours, oursTwice, reference].includes(subject);
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
