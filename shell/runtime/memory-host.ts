/**
 * A pretended computer that lives in this process, and hosts over it. Copies are functions with real
 * loopback listeners, so probes, gateways and supervisors meet what they meet in earnest, without a
 * process to start. Tests and demonstrations take hold of single copies: crash, freeze, refuse.
 *
 * A host may be opened again over the same computer: that is what an agent does that was killed.
 */
import { createServer } from "node:net";
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import type { Copy, Host, HostEvent, LaunchOrder, Usage } from "./host.ts";
import { MemoryCopy, type MemoryPlace, type MemoryProgram } from "./memory-copy.ts";
import { MemoryQueue } from "./memory-queue.ts";
import type { Exit, LogOptions } from "./runtime.ts";

const logLinesMax = 10_000;

type Reader = { readonly instance: InstanceName; readonly onLine: (line: string) => void };

export class MemoryComputer implements AsyncDisposable {
  readonly #programs: Readonly<Record<string, MemoryProgram>>;
  readonly #copies = new Map<InstanceName, MemoryCopy>();
  readonly #logs = new Map<InstanceName, string[]>();
  readonly #launching = new Set<InstanceName>();
  readonly #electionPorts = new Map<InstanceName, Promise<number>>();
  readonly #watchers = new Set<(event: HostEvent) => void>();
  readonly #readers = new Set<Reader>();
  readonly #strangers = new Map<InstanceName, string>();
  #refusals: ClusterError[] = [];
  /** Above every pid of a Linux system: whoever signals one of these hits nobody. */
  #nextPid = 2 ** 22 + 1;
  #hasEnded = false;

  /** @param programs - By the name that stands first in the command of a launch order. */
  constructor(programs: Readonly<Record<string, MemoryProgram>>) {
    this.#programs = programs;
  }

  /** Opens a host as the next agent would. Disposing of the host leaves the copies running. */
  open(): Host {
    return new MemoryHost(this);
  }

  /** Ends a copy from outside, by default as `kill -9` does. False when it does not run. */
  crash(instance: InstanceName, exit: Exit = { code: undefined, signal: "SIGKILL" }): boolean {
    const copy = this.#copies.get(instance);
    const runs = copy?.isRunning ?? false;
    copy?.end(exit);
    return runs;
  }

  /** Stops a copy as SIGSTOP does: it accepts connections and never answers. */
  freeze(instance: InstanceName): void {
    this.#copies.get(instance)?.freeze();
  }

  thaw(instance: InstanceName): void {
    this.#copies.get(instance)?.thaw();
  }

  /** Lets the next launches fail, one for each error. */
  refuseLaunches(...errors: readonly ClusterError[]): void {
    this.#refusals.push(...errors);
  }

  /** Pretends that another program listens on the port of the copy that runs now. */
  pretendStranger(instance: InstanceName, stranger: string): void {
    this.#strangers.set(instance, stranger);
  }

  emit(event: HostEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }

  get runningCount(): number {
    return [...this.#copies.values()].filter(({ isRunning }) => isRunning).length;
  }

  /** Ends all copies: somebody pulled the plug. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    for (const instance of this.#copies.keys()) this.crash(instance);
  }

  list(): readonly Copy[] {
    return [...this.#copies.values()].map((copy) => copy.describe());
  }

  async launch(order: LaunchOrder): Promise<Copy> {
    const { instance } = order;
    const exists = this.#launching.has(instance) || this.#copies.get(instance)?.isRunning;
    if (exists) throw new ClusterError("INSTANCE_EXISTS", { details: { instance } });
    const refusal = this.#refusals.shift();
    if (refusal !== undefined) throw refusal;
    const program = this.#programs[order.command[0] ?? ""];
    if (program === undefined) {
      const message = `There is no program ${order.command[0]} in this computer's memory.`;
      throw new ClusterError("PROGRAM_MISSING", { message, details: { instance } });
    }
    this.#launching.add(instance);
    try {
      const port = this.#isShared(order) ? order.fixedPort : await freePort(order.fixedPort);
      const electors = await this.#electors(order);
      if (this.#hasEnded) throw new ClusterError("RUNTIME_UNAVAILABLE", { details: { instance } });
      return this.#start(order, program, { port, electors });
    } finally {
      this.#launching.delete(instance);
    }
  }

  /** A sibling of its service listens there already, and that is how it should be. */
  #isShared(order: LaunchOrder): order is LaunchOrder & { readonly fixedPort: number } {
    return [...this.#copies.values()].some((copy) => copy.isRunning && copy.sharesPortWith(order));
  }

  async #electors({ electors = [] }: LaunchOrder): Promise<MemoryPlace["electors"]> {
    for (const name of electors) {
      if (!this.#electionPorts.has(name)) this.#electionPorts.set(name, freePort(undefined));
    }
    return Promise.all(
      electors.map(async (name) => {
        const port = (await this.#electionPorts.get(name)) ?? 0;
        return [name, { host: "127.0.0.1", port }] as const;
      }),
    );
  }

  #start(order: LaunchOrder, program: MemoryProgram, place: Omit<MemoryPlace, "pid">): Copy {
    const { instance, incarnation } = order;
    const copy: MemoryCopy = new MemoryCopy(
      order,
      { pid: this.#nextPid++, ...place },
      (line) => this.#print(instance, line),
      // A turn later, as the end of a process is told.
      () => setImmediate(() => this.emit({ type: "exited", copy: copy.describe() })),
    );
    this.#copies.set(instance, copy);
    this.#strangers.delete(instance);
    this.#print(instance, `[prunella] incarnation ${incarnation} launched`);
    const launched = copy.describe();
    program(copy);
    return launched;
  }

  signal(instance: InstanceName, incarnation: number, how: "terminate" | "kill"): void {
    const copy = this.#copies.get(instance);
    if (copy?.describe().incarnation !== incarnation) return;
    if (how === "kill") copy.end({ code: undefined, signal: "SIGKILL" });
    else copy.terminate();
  }

  listener(instance: InstanceName): "own" | "none" | { readonly stranger: string } {
    const stranger = this.#strangers.get(instance);
    if (stranger !== undefined) return { stranger };
    return this.#copies.get(instance)?.isListening ? "own" : "none";
  }

  usage(): ReadonlyMap<InstanceName, Usage> {
    const running = [...this.#copies].filter(([, copy]) => copy.isRunning);
    return new Map(running.map(([instance]) => [instance, { cpu: 0, memoryMiB: 1 }]));
  }

  log(instance: InstanceName): readonly string[] {
    const log = this.#logs.get(instance);
    if (log === undefined) throw new ClusterError("INSTANCE_UNKNOWN", { details: { instance } });
    return log;
  }

  forget(instance: InstanceName): void {
    if (this.#copies.get(instance)?.isRunning) {
      throw new ClusterError("INSTANCE_EXISTS", { details: { instance } });
    }
    this.#copies.delete(instance);
    this.#logs.delete(instance);
    this.#electionPorts.delete(instance);
  }

  /** @internal */
  subscribe(watcher: (event: HostEvent) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Calls back with each new line of an instance. @internal */
  followLog(instance: InstanceName, onLine: (line: string) => void): () => void {
    const reader = { instance, onLine };
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  #print(instance: InstanceName, line: string): void {
    const log = this.#logs.get(instance) ?? [];
    this.#logs.set(instance, log);
    log.push(line);
    if (log.length > logLinesMax) log.shift();
    for (const reader of this.#readers) if (reader.instance === instance) reader.onLine(line);
  }
}

class MemoryHost implements Host {
  readonly name = "memory";
  readonly #computer: MemoryComputer;
  readonly #closed = new AbortController();

  constructor(computer: MemoryComputer) {
    this.#computer = computer;
  }

  async list(): Promise<readonly Copy[]> {
    return this.#computer.list();
  }

  async launch(order: LaunchOrder): Promise<Copy> {
    return await this.#computer.launch(order);
  }

  async signal(
    instance: InstanceName,
    incarnation: number,
    how: "terminate" | "kill",
  ): Promise<void> {
    this.#computer.signal(instance, incarnation, how);
  }

  watch(signal: AbortSignal): AsyncIterable<HostEvent> {
    const queue = new MemoryQueue<HostEvent>(AbortSignal.any([signal, this.#closed.signal]));
    queue.onEnd(this.#computer.subscribe((event) => queue.push(event)));
    return queue;
  }

  async listener(instance: InstanceName): Promise<"own" | "none" | { readonly stranger: string }> {
    return this.#computer.listener(instance);
  }

  async usage(): Promise<ReadonlyMap<InstanceName, Usage>> {
    return this.#computer.usage();
  }

  async *logs(
    instance: InstanceName,
    { tailLines, follow }: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<string> {
    const lines = this.#computer.log(instance);
    const queue = new MemoryQueue<string>(signal);
    if (follow) queue.onEnd(this.#computer.followLog(instance, (line) => queue.push(line)));
    yield* tailLines === 0 ? [] : lines.slice(-tailLines);
    if (follow) yield* queue;
  }

  async forget(instance: InstanceName): Promise<void> {
    this.#computer.forget(instance);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
  }
}

/** Asks the system for a port that nobody listens on. */
function freePort(fixedPort: number | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (cause) => {
      const details = { port: fixedPort };
      reject(new ClusterError("PORT_TAKEN", { message: cause.message, details, cause }));
    });
    server.listen(fixedPort ?? 0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
