/** Which links carry nothing now. Cuts may overlap: a link carries again when the last one ended. */
import type { Links } from "./fault.ts";

export class Cuts {
  readonly #nodes: number;
  readonly #counts: Uint16Array;

  constructor(nodes: number) {
    this.#nodes = nodes;
    this.#counts = new Uint16Array(nodes * nodes);
  }

  has(from: number, to: number): boolean {
    return this.#counts[from * this.#nodes + to] !== 0;
  }

  begin(links: Links): void {
    for (const [from, to] of links) this.#change(from, to, 1);
  }

  end(links: Links): void {
    for (const [from, to] of links) this.#change(from, to, -1);
  }

  #change(from: number, to: number, by: number): void {
    const link = from * this.#nodes + to;
    this.#counts[link] = (this.#counts[link] ?? 0) + by;
  }
}
