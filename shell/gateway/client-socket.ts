/**
 * An accepted connection without the queue of a stream: what the socket reads goes straight to the
 * core. `push` is where every readable stream takes a piece from below; here it hands the piece on
 * instead of keeping it for `data`, `read` and `pipe`, of which the gateway uses none. Only the end
 * goes through the stream, because closing depends on it.
 */
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { Link } from "./exchange/state/transport.ts";

const nothing = Buffer.alloc(0);

/** Freeing less costs more than it saves. */
const freedBytesMin = 16_384;

/** Gets each piece; true when nobody holds a view of it any more. */
type Taker = (bytes: Uint8Array) => boolean;

export class ClientSocket implements Link {
  readonly #socket: Socket;
  #take: Taker = refuseAll;
  #isPaused = false;
  /** The socket was told to stop reading. */
  #isStopped = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.push = (piece: Buffer | null) => this.#receive(piece);
  }

  /** Whoever gets the bytes. To be called before the event that brought the connection ends. */
  attach(take: Taker): void {
    this.#take = take;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.write(bytes);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** At most one more piece comes: the one that is refused. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isStopped) return;
    this.#isStopped = false;
    // An empty piece ends the read that was refused, so the stream asks the socket for another one.
    Readable.prototype.push.call(this.#socket, nothing);
    this.#socket.read(0);
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  resetAndDestroy(): void {
    this.#socket.resetAndDestroy();
  }

  #receive(piece: Buffer | null): boolean {
    if (piece === null) {
      Readable.prototype.push.call(this.#socket, null);
      this.#socket.resume(); // Nothing is queued: `end` follows.
      return false;
    }
    if (this.#take(piece) && piece.length >= freedBytesMin) free(piece);
    this.#isStopped = this.#isPaused;
    return !this.#isStopped;
  }
}

function refuseAll(): boolean {
  return false;
}

/**
 * Gives the memory back now. Otherwise 64 KiB of garbage per read make the collector mark the whole
 * heap every few milliseconds, and each piece lands in memory that the processor has not seen.
 */
function free({ buffer }: Buffer): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
