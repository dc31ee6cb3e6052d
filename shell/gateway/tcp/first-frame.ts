/**
 * Waits for the first frame of a connection, which names the member (`@prunella/wire/member-frame`).
 *
 * Bounded in bytes and in time: a frame that is late, wrong or names nobody is answered with a refusal,
 * and then the connection ends. What came behind the frame is given on with it, and nothing is read
 * beyond that until the member has accepted.
 */
import type { Socket } from "node:net";
import {
  type FrameRefusal,
  memberFrameBytesMax,
  readMemberFrame,
  refusalFrame,
} from "@prunella/wire/member-frame";

export type FirstFrameOptions = {
  readonly client: Socket;
  /** From now until the frame must be complete. */
  readonly waitMs: number;
  /** @param bytes - Everything that came, the frame included. */
  readonly onFrame: (member: string, bytes: Buffer) => void;
  /** Undefined: the client has gone, or its FIN came first. The caller ends the connection. */
  readonly onFailed: (reason: FrameRefusal | undefined) => void;
};

/** How long, and how much, is still read after a refusal: a reset would take it back. */
const lingerMs = 1_000;
const lingerBytes = 65_536;

export class FirstFrame {
  readonly #options: FirstFrameOptions;
  readonly #timer: NodeJS.Timeout;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(options: FirstFrameOptions) {
    this.#options = options;
    const { client, waitMs } = options;
    this.#timer = setTimeout(() => this.#fail("late"), waitMs);
    client.on("data", this.#take);
    client.on("end", this.#gone);
    client.on("error", ignore); // `close` follows.
    client.on("close", this.#gone);
    client.resume();
  }

  /** Ends the connection at once. */
  cut(): void {
    if (!this.#stop()) return;
    this.#options.client.destroy();
  }

  readonly #take = (piece: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? piece : Buffer.concat([this.#bytes, piece]);
    const frame = readMemberFrame(this.#bytes.subarray(0, memberFrameBytesMax));
    if (frame.state === "more") return;
    if (frame.state === "malformed") {
      this.#fail("malformed");
      return;
    }
    if (!this.#stop()) return;
    this.#options.client.pause();
    this.#options.onFrame(frame.member, this.#bytes);
  };

  readonly #gone = (): void => this.#fail(undefined);

  #fail(reason: FrameRefusal | undefined): void {
    if (this.#stop()) this.#options.onFailed(reason);
  }

  /** False when it was over already. */
  #stop(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.#timer);
    const { client } = this.#options;
    client.off("data", this.#take);
    client.off("end", this.#gone);
    client.off("close", this.#gone);
    return true;
  }
}

/** Says why, and closes in two steps. */
export function refuseFrame(client: Socket, reason: FrameRefusal): void {
  let discarded = 0;
  const timer = setTimeout(() => client.destroy(), lingerMs).unref();
  client.on("close", () => clearTimeout(timer));
  client.on("end", () => client.destroySoon());
  client.on("data", (piece: Buffer) => {
    discarded += piece.length;
    if (discarded > lingerBytes) client.destroy();
  });
  client.end(refusalFrame(reason));
  client.resume();
}

function ignore(): void {}
