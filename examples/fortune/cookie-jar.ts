/**
 * The leader's hand in the jar: cookies asked for in one turn of the event loop are opened together,
 * in one transaction. There is a jar for each leadership, and it ends with it.
 *
 * It never asks whether its leader still leads. The store does, in the transaction of the write.
 */
import type { Cookie, FortuneStore, Opener } from "./fortune-store.ts";

/** More than that at once are refused, so that the wait of those inside stays short. */
const waitingMax = 5_000;

type Waiting = {
  readonly key: string;
  readonly resolve: (cookie: Cookie) => void;
  readonly reject: (reason: unknown) => void;
};

export class JarFull extends Error {
  override readonly name = "JarFull";
}

export class CookieJar {
  readonly #store: FortuneStore;
  readonly #opener: Opener;
  #waiting: Waiting[] = [];

  constructor(store: FortuneStore, opener: Opener) {
    this.#store = store;
    this.#opener = opener;
  }

  /** Cookies opened since the beginning, by all leaders. */
  get opened(): number {
    return this.#store.opened();
  }

  /** Rejects with `JarFull`, `FENCE_STALE`, or what the file system says. */
  open(key: string): Promise<Cookie> {
    if (this.#waiting.length >= waitingMax) {
      return Promise.reject(new JarFull("too many hands in the jar"));
    }
    if (this.#waiting.length === 0) setImmediate(() => this.#openWaiting());
    return new Promise((resolve, reject) => this.#waiting.push({ key, resolve, reject }));
  }

  #openWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const keys = waiting.map(({ key }) => key);
      const cookies = this.#store.open(this.#opener, keys);
      waiting.forEach(({ resolve, reject }, index) => {
        const cookie = cookies[index];
        if (cookie === undefined) reject(new Error("the store opened fewer cookies than asked"));
        else resolve(cookie);
      });
    } catch (error) {
      for (const { reject } of waiting) reject(error);
    }
  }
}
