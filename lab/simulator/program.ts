/**
 * What a simulated process runs: a pure machine behind a few lines that translate.
 *
 * A program gets inputs one at a time and answers with its next state; what it wants done it says to
 * `acts`, which is the network, the disk and the timer of this process and of no other. A machine of
 * `core` needs an adapter: its effects become acts, inputs become its events, `wakeAtMs` stays.
 */
export interface Program<State, Message, Stored> {
  /** Names of the kinds of messages. Misfortunes are counted per kind, so that runs shrink well. */
  readonly kinds: readonly string[];
  kindOf(message: Message): number;
  boot(boot: Boot<Stored>, acts: Acts<Message, Stored>): State;
  input(state: State, input: Input<Message>, acts: Acts<Message, Stored>): State;
  /** By the process's own clock; `neverMs` when only an input can wake it. */
  wakeAtMs(state: State): number;
  /** What the disk holds after this record; a log unless told otherwise. */
  kept?(records: readonly Stored[], record: Stored): readonly Stored[];
  /** A message in words, for the trace. */
  words(message: Message): string;
}

/** What a new process finds. */
export type Boot<Stored> = {
  readonly node: number;
  /** 1 for the first process of this node, then 2, 3 and so on. */
  readonly boot: number;
  readonly atMs: number;
  readonly wallMs: number;
  /** For the randomness of this process. */
  readonly seed: number;
  /** Records whose check sum is right, in order. */
  readonly records: readonly Stored[];
  /** A record was being written when the power went: what a reader without check sums would see. */
  readonly tornRecord: Stored | undefined;
};

export type Input<Message> =
  | { readonly type: "wake"; readonly atMs: number }
  | {
      readonly type: "message";
      readonly atMs: number;
      readonly from: number;
      readonly message: Message;
    }
  /** A connection to `peer` was closed: the peer died, or somebody between them did it. */
  | { readonly type: "closed"; readonly atMs: number; readonly peer: number }
  /** Answers `dial`. `silence`: no answer within the time-out for connecting. */
  | {
      readonly type: "dialled";
      readonly atMs: number;
      readonly peer: number;
      readonly answer: "open" | "refused" | "silence";
    }
  /** Answers `write`: this record and all before it survive any crash. */
  | { readonly type: "written"; readonly atMs: number; readonly ticket: number }
  /** From outside of the simulated network: an operator, a supervisor, a store. */
  | { readonly type: "told"; readonly atMs: number; readonly word: unknown };

export interface Acts<Message, Stored> {
  send(to: number, message: Message): void;
  dial(peer: number): void;
  write(record: Stored, ticket: number): void;
  /** One line of the trace; costs nothing when nobody records. */
  note(text: () => string): void;
}
