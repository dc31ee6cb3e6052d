/** A group of members as real processes on loopback, with ports, folders and a key of their own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newKey } from "../authentication/key-ring.ts";
import type { ElectionOptions, MemberOption } from "../options.ts";

export type Fact = Readonly<Record<string, unknown>> & { readonly type: string };

const module = join(import.meta.dirname, "..", "fixtures", "member.ts");

export type GroupOptions = {
  readonly count: number;
  readonly mode?: ElectionOptions["mode"];
  readonly timing?: ElectionOptions["timing"];
  readonly changes?: Partial<ElectionOptions>;
  /** Whether each of them fences one file. Default true. */
  readonly isFenced?: boolean;
  /** Default: free ones. */
  readonly ports?: readonly number[];
  /** Members that somebody else plays. */
  readonly except?: readonly string[];
  /** What others are told to dial for a member, for proxies in between. */
  readonly via?: (member: MemberOption, by: string) => MemberOption;
};

export class MemberProcess {
  readonly id: string;
  readonly facts: Fact[] = [];
  readonly #start: () => ChildProcess;
  #child: ChildProcess | undefined;
  #heard = Promise.withResolvers<void>();

  constructor(id: string, start: () => ChildProcess) {
    this.id = id;
    this.#start = start;
  }

  launch(): void {
    this.facts.length = 0;
    this.#child = this.#start();
    this.#child.on("message", (fact) => {
      this.facts.push(fact as Fact);
      this.#heard.resolve();
      this.#heard = Promise.withResolvers();
    });
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && !this.#child.signalCode;
  }

  say(word: string | { readonly id: string; readonly pid: number }): void {
    this.#child?.send(word);
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async kill(name: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill(name);
    await gone;
  }

  /** The first fact of that kind from `from` on. */
  async fact(
    what: string | ((fact: Fact) => boolean),
    from = 0,
    deadlineMs = 60_000,
  ): Promise<Fact> {
    const fits = typeof what === "string" ? (fact: Fact): boolean => fact.type === what : what;
    const endMs = performance.now() + deadlineMs;
    for (;;) {
      const found = this.facts.slice(from).find(fits);
      if (found !== undefined) return found;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`${this.id} never told ${what}: ${this.#story()}`);
      await Promise.race([this.#heard.promise, pause(Math.min(leftMs, 100))]);
    }
  }

  #story(): string {
    return this.facts.map((fact) => JSON.stringify(fact)).join("\n  ");
  }
}

export class Group implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "prunella-election-"));
  readonly secret = newKey();
  readonly fencedFile = join(this.folder, "fenced");
  readonly options: GroupOptions;
  members: readonly MemberOption[] = [];
  processes: readonly MemberProcess[] = [];

  private constructor(options: GroupOptions) {
    this.options = options;
  }

  /** Starts all of them and waits until each listens. */
  static async start(options: GroupOptions): Promise<Group> {
    const group = new Group(options);
    const ports = options.ports ?? (await freePorts(options.count));
    group.members = ports.map((port, index) => ({
      id: `m-${index + 1}`,
      host: "127.0.0.1",
      port,
      number: index + 1,
    }));
    const ours = group.members.filter(({ id }) => options.except?.includes(id) !== true);
    group.processes = ours.map(({ id }) => new MemberProcess(id, () => group.#fork(id)));
    for (const process of group.processes) process.launch();
    await Promise.all(group.processes.map((process) => process.fact("started")));
    return group;
  }

  optionsOf(id: string): ElectionOptions {
    const { mode = "quorum", timing = "lan", changes = {}, via } = this.options;
    const keyFile = join(this.folder, "key");
    writeFileSync(keyFile, `${this.secret}\n`, { mode: 0o600 });
    const own = this.members.find((member) => member.id === id);
    const members = this.members.map((member) =>
      member.id === id || via === undefined ? member : via(member, id),
    );
    mkdirSync(join(this.folder, id), { recursive: true });
    return {
      cluster: "test",
      self: { id },
      members,
      mode,
      timing,
      key: { file: keyFile },
      ...(mode === "quorum" ? { folder: join(this.folder, id) } : {}),
      ...(own === undefined ? {} : { listen: { host: own.host, port: own.port } }),
      ...changes,
    };
  }

  /** Kills one as a supervisor would: whoever is left is told which process has ended. */
  async killAndTell(process: MemberProcess): Promise<void> {
    const { id, pid } = process;
    await process.kill();
    for (const other of this.processes) if (other.isRunning) other.say({ id, pid });
  }

  /** The one that leads now, once there is one, and the fact that said so. */
  async leader(after = 0): Promise<{ readonly process: MemberProcess; readonly fact: Fact }> {
    const endMs = performance.now() + 60_000;
    for (;;) {
      const claims = this.processes.flatMap((process) =>
        process.isRunning
          ? process.facts
              .filter(({ type, term }) => type === "leader" && Number(term) > after)
              .map((fact) => ({ process, fact }))
          : [],
      );
      const newest = claims.toSorted((a, b) => Number(b.fact["term"]) - Number(a.fact["term"]))[0];
      if (newest !== undefined) return newest;
      if (performance.now() > endMs) throw new Error(`nobody leads:\n${this.story()}`);
      await pause(1);
    }
  }

  /**
   * Resolves when one leads a term above `after` and everybody who runs follows it. A busy machine may
   * need more than one term for that; only the last word of each member counts.
   */
  async settled(after = 0): Promise<{ process: MemberProcess; term: number; fact: Fact }> {
    const endMs = performance.now() + 60_000;
    for (;;) {
      const { process, fact } = await this.leader(after);
      const term = Number(fact["term"]);
      const running = this.processes.filter(({ isRunning }) => isRunning);
      const words = running.map(({ facts }) =>
        facts.findLast(({ type }) => ["leader", "follower", "ended"].includes(type)),
      );
      if (words.every((word) => word?.["term"] === term && word.type !== "ended")) {
        return { process, term, fact };
      }
      if (performance.now() > endMs) throw new Error(`nobody agrees:\n${this.story()}`);
      await pause(5);
    }
  }

  story(): string {
    return this.processes
      .map(({ id, facts }) => `${id}: ${facts.map((fact) => JSON.stringify(fact)).join(" ")}`)
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.processes.map((process) => process.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #fork(id: string): ChildProcess {
    const { arbiter: _arbiter, fences: _fences, ...options } = this.optionsOf(id);
    const wish = {
      options,
      ...(this.options.isFenced === false ? {} : { fencedFile: this.fencedFile }),
      ...(this.options.mode === "arbiter" ? { arbiterFile: join(this.folder, "record") } : {}),
    };
    return fork(module, [JSON.stringify(wish)], {
      execArgv: ["-C", "@prunella/source"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Ports on which nobody listens at this moment, below those that outgoing connections draw from. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  for (let port = 12_000 + Math.floor(Math.random() * 15_000); ports.length < count; port++) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    ports.push(port);
  }
  return ports;
}
