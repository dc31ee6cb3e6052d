/**
 * What the simulator does to a world, as data: a run is a list of these, so a failing run can be
 * written down, made smaller, sent to a colleague and played again.
 */

/** From the first to the second of each pair. */
export type Links = readonly (readonly [number, number])[];

/**
 * What a crash leaves on a disk. `kept`: what was given to it; `unsynced`: only what was confirmed;
 * `torn`: besides, half a record; `wiped`: nothing.
 */
export type Storage = "kept" | "unsynced" | "torn" | "wiped";

export type Fault =
  /** `isHostDown`: nobody closes connections. */
  | {
      readonly type: "crash";
      readonly node: number;
      readonly storage: Storage;
      readonly isHostDown: boolean;
      readonly forMs: number;
    }
  /** The process does nothing; its inputs wait, its timers are late. */
  | { readonly type: "pause"; readonly node: number; readonly forMs: number }
  /** Nothing passes over these links. */
  | {
      readonly type: "cut";
      readonly shape: string;
      readonly links: Links;
      readonly forMs: number;
    }
  /** The clock runs at this many local milliseconds per true one from now on. */
  | { readonly type: "rate"; readonly node: number; readonly rate: number }
  | { readonly type: "wall"; readonly node: number; readonly byMs: number }
  /** The disk confirms nothing for so long. */
  | { readonly type: "stall"; readonly node: number; readonly forMs: number }
  /** `node` sees its connection to `peer` closed although the peer lives. */
  | { readonly type: "close"; readonly node: number; readonly peer: number }
  /** Dials of this node are refused although it lives. */
  | { readonly type: "refuse"; readonly node: number; readonly forMs: number }
  /** Something of the harness: an operator's word, a change of configuration. */
  | { readonly type: "word"; readonly node: number; readonly word: unknown };

export type TimedFault = { readonly atMs: number } & Fault;

export function faultWords(fault: Fault): string {
  const who = "node" in fault ? `node ${fault.node}` : "";
  switch (fault.type) {
    case "crash":
      return `${who} ${fault.isHostDown ? "loses power" : "is killed"} for ${ms(fault.forMs)}, disk ${fault.storage}`;
    case "pause":
      return `${who} is paused for ${ms(fault.forMs)}`;
    case "cut":
      return `${fault.shape} cut for ${ms(fault.forMs)}: ${fault.links.map(([a, b]) => `${a}>${b}`).join(" ")}`;
    case "rate":
      return `${who}'s clock runs at ${fault.rate.toFixed(4)}`;
    case "wall":
      return `${who}'s wall clock is set by ${ms(fault.byMs)}`;
    case "stall":
      return `${who}'s disk stalls for ${ms(fault.forMs)}`;
    case "close":
      return `${who} sees its link to ${fault.peer} closed, which is a lie`;
    case "refuse":
      return `${who} refuses dials for ${ms(fault.forMs)}, which is a lie`;
    case "word":
      return `${who} is told ${JSON.stringify(fault.word)}`;
  }
}

function ms(value: number): string {
  return `${Math.round(value * 10) / 10} ms`;
}
