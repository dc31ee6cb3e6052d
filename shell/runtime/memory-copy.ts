/**
 * One pretended process: a program that is a function, with a real listener on a real loopback
 * port, variables, output, signals and an end. What a program may do here a process may do as well.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import type { InstanceName } from "@prunella/core/kernel";
import { type Copy, electionVariables, type LaunchOrder } from "./host.ts";
import type { Address, Exit } from "./runtime.ts";

/** A program of the pretended computer. It runs when a copy is launched, and sets up what follows. */
export type MemoryProgram = (self: MemoryProcess) => void;

/** What a program sees of itself and its computer. */
export interface MemoryProcess {
  readonly env: Readonly<Record<string, string>>;
  /** Writes one line to the log of its instance. */
  print(line: string): void;
  /** Opens its port. Without an answer of its own it says 200 and its name. */
  listen(answer?: RequestListener): void;
  exit(code: number): void;
  /** What a polite signal does; by default it ends the program. */
  onTerminate(handle: () => void): void;
  /** Runs later, unless the program has ended by then. */
  after(delayMs: number, run: () => void): void;
}

export type MemoryPlace = {
  readonly pid: number;
  readonly port: number;
  /** Where each member of its election listens; empty where nothing is elected. */
  readonly electors: readonly (readonly [InstanceName, Address])[];
};

export class MemoryCopy implements MemoryProcess {
  readonly env: Readonly<Record<string, string>>;
  readonly #order: LaunchOrder;
  readonly #pid: number;
  readonly #port: number;
  readonly #electionAddress: Address | undefined;
  readonly #startedAtMs = Date.now();
  readonly #print: (line: string) => void;
  readonly #onExit: () => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #held: (() => void)[] = [];
  #terminate: () => void = () => this.end({ code: undefined, signal: "SIGTERM" });
  #server: Server | undefined;
  #isFrozen = false;
  #exit: Exit | undefined;

  constructor(
    order: LaunchOrder,
    place: MemoryPlace,
    print: (line: string) => void,
    onExit: () => void,
  ) {
    this.#order = order;
    this.#pid = place.pid;
    this.#port = place.port;
    this.#print = print;
    this.#onExit = onExit;
    this.#electionAddress = place.electors.find(([name]) => name === order.instance)?.[1];
    const own = this.#electionAddress;
    const election = own === undefined ? {} : electionVariables(place.port, own, place.electors);
    this.env = { ...order.env, PORT: `${place.port}`, ...election };
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  get isListening(): boolean {
    return this.#server?.listening ?? false;
  }

  get fixedPort(): number | undefined {
    return this.#order.fixedPort;
  }

  sharesPortWith(order: LaunchOrder): boolean {
    const { service, fixedPort, sharesPort } = this.#order;
    if (sharesPort !== true || order.sharesPort !== true) return false;
    return service === order.service && fixedPort !== undefined && fixedPort === order.fixedPort;
  }

  describe(): Copy {
    const { service, instance, incarnation, revision } = this.#order;
    return {
      service,
      instance,
      incarnation,
      revision,
      running: this.isRunning,
      pid: this.isRunning ? this.#pid : undefined,
      address: this.isRunning ? { host: "127.0.0.1", port: this.#port } : undefined,
      ...(this.#electionAddress === undefined ? {} : { electionAddress: this.#electionAddress }),
      startedAtMs: this.#startedAtMs,
      exit: this.#exit,
    };
  }

  print(line: string): void {
    this.#print(line);
  }

  listen(
    answer: RequestListener = (_, response) => response.end(`${this.#order.instance}\n`),
  ): void {
    if (!this.isRunning) return;
    this.#server = createServer((request, response) =>
      this.#live(() => {
        answer(request, response);
      }),
    );
    this.#server.on("error", (error) => {
      this.print(`Error: ${error.message}`);
      this.exit(1);
    });
    const reusePort = this.#order.sharesPort === true;
    this.#server.listen({ port: this.#port, host: "127.0.0.1", reusePort });
  }

  exit(code: number): void {
    this.end({ code, signal: undefined });
  }

  onTerminate(handle: () => void): void {
    this.#terminate = handle;
  }

  after(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#live(run);
    }, delayMs);
    this.#timers.add(timer);
  }

  /** The polite signal. A frozen program gets it when it thaws. */
  terminate(): void {
    this.#live(() => this.#terminate());
  }

  /** Ends it at once, whatever it does. */
  end(exit: Exit): void {
    if (!this.isRunning) return;
    this.#exit = exit;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#held.length = 0;
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#onExit();
  }

  /** Stops it as SIGSTOP does: connections are accepted by the system, nothing is answered. */
  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const run of this.#held.splice(0)) this.#live(run);
  }

  #live(run: () => void): void {
    if (!this.isRunning) return;
    if (this.#isFrozen) this.#held.push(run);
    else run();
  }
}
