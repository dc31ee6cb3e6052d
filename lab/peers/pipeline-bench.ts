/**
 * Lines of requests on one connection, in memory: a member whose connection has proved itself, clients
 * that ask in the same turn, and a second member that comes when it is wanted.
 */
import type { ClientConnection } from "../../shell/gateway/exchange/state/client-connection.ts";
import type { Limits } from "../../shell/gateway/limits.ts";
import { type BenchUpstream, CoreBench, type MemoryLink } from "./core-bench.ts";
import { memberOf, serviceOf } from "./data-path-fixture.ts";

export const get = (target: string, ...fields: readonly string[]): string =>
  `GET ${target} HTTP/1.1\r\n${["Host: a", ...fields].join("\r\n")}\r\n\r\n`;

/** What an honest member says to `GET target`: each answer can be told from all others. */
export const answerTo = (target: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`;

export type Asker = { readonly client: ClientConnection; readonly link: MemoryLink };

export class PipelineBench {
  readonly bench: CoreBench;
  #answered = new Map<BenchUpstream, number>();

  constructor(limits: Partial<Limits> = {}) {
    this.bench = new CoreBench(1, limits, { pipelining: "safe" });
    this.warm(1);
  }

  /** The first connection of the first member. */
  get first(): BenchUpstream {
    const [each] = this.bench.upstreams;
    if (each === undefined) throw new Error("nobody has connected");
    return each;
  }

  /** So many connections that have answered, and are idle. */
  warm(count: number): void {
    const text = get("/warm").replace("GET", "DELETE"); // Which shares no connection.
    const askers = Array.from({ length: count }, () => this.ask(text));
    this.serve();
    for (const { client } of askers) this.bench.core.clientClosed(client, this.bench.nowMs);
  }

  ask(text: string): Asker {
    const asker = this.bench.accept();
    this.bench.send(asker.client, text);
    return asker;
  }

  /** One client each, all in one turn. */
  line(...requests: readonly string[]): readonly Asker[] {
    const askers = requests.map((request) => this.ask(request));
    this.bench.flush();
    return askers;
  }

  /** A second member serves from now on. */
  addSibling(): void {
    const members = [1, 2].map((port, index) => memberOf({ port }, index));
    this.bench.show({ ...serviceOf([], { pipelining: "safe" }), members });
  }

  /** The first member leaves, and the second one stays. */
  retire(): void {
    const members = [1, 2].map((port, index) => memberOf({ port }, index)).slice(1);
    this.bench.show({ ...serviceOf([], { pipelining: "safe" }), members });
  }

  /** The member has answered that many requests of this connection by other means. */
  skip(each: BenchUpstream, count: number): void {
    this.#answered.set(each, (this.#answered.get(each) ?? 0) + count);
  }

  /** Everything that was asked and not answered is answered, honestly, on all open connections. */
  serve(): void {
    for (let before = -1; before !== this.bench.entries.length; ) {
      before = this.bench.entries.length;
      this.bench.openAll();
      this.bench.flush();
      for (const each of [...this.bench.upstreams]) this.#answerAll(each);
    }
  }

  targetsOf({ link }: BenchUpstream): readonly string[] {
    return [...link.written.matchAll(/^[A-Z]+ (\S+) HTTP\/1\.1\r$/gm)].map(([, to = ""]) => to);
  }

  #answerAll(each: BenchUpstream): void {
    const targets = this.targetsOf(each);
    for (const target of targets.slice(this.#answered.get(each) ?? 0)) {
      if (each.link.state !== "open") return;
      this.skip(each, 1);
      this.bench.reply(each, answerTo(target));
    }
  }
}
