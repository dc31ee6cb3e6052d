/** What the queue of a world holds. `boot` says which process of a node it is meant for. */
import type { Unstamped } from "./process.ts";

export type Happening<Message> =
  | {
      readonly type: "deliver";
      readonly from: number;
      readonly to: number;
      readonly message: Message;
      readonly envelope: number;
    }
  | { readonly type: "timer"; readonly node: number; readonly armedAtMs: number }
  | {
      readonly type: "input";
      readonly node: number;
      readonly boot: number;
      readonly input: Unstamped<Message>;
    }
  | {
      readonly type: "synced";
      readonly node: number;
      readonly boot: number;
    }
  | { readonly type: "call"; readonly call: () => void };
