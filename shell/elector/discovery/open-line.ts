/**
 * A connection that is open before anybody needs it: the word of a new leader leaves in the moment in
 * which it is said. Whoever takes it uses it up, and another one is opened a while later.
 *
 * A server gives up connections on which nothing is asked, some with a word (HTTP: 408). So this one is
 * read from: with the first byte, or its end, it is of no use, and nobody takes that word for an answer.
 */
import { connect, type Socket } from "node:net";

const againMs = 1_000;

export class OpenLine implements Disposable {
  #url: URL | undefined;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Keeps a connection to `url` ready from now on, and to no other address. */
  point(url: string): void {
    if (this.#url?.href === new URL(url).href) return;
    this.#url = new URL(url);
    this.#socket?.destroy();
    this.#open();
  }

  /** Undefined when there is none, or when it is none to `url`. */
  take(url: string): Socket | undefined {
    const socket = this.#socket;
    if (socket?.readyState !== "open" || this.#url?.href !== new URL(url).href) return undefined;
    this.#socket = undefined;
    this.#openLater();
    socket.removeAllListeners("data");
    return socket.ref();
  }

  [Symbol.dispose](): void {
    this.#url = undefined;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #open(): void {
    if (this.#url === undefined) return;
    const { hostname: host, port } = this.#url;
    const socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket = socket.unref();
    socket.on("data", () => socket.destroy());
    socket.on("error", () => socket.destroy()); // The other end is gone; nobody was using it.
    socket.once("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#openLater();
    });
  }

  #openLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), againMs).unref();
  }
}
