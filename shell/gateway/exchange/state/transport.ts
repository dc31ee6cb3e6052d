/**
 * The seam between the connection core and whatever carries the bytes. The core never sees a
 * socket: it is called with bytes and facts (`ExchangeCore`) and acts through these two interfaces.
 * `net.Socket` satisfies `Link` as it is, so the real transport needs no wrapper object; the tests
 * drive the same core in memory, where every cut of the bytes can be tried.
 */
import type { UpstreamConnection } from "./upstream-connection.ts";

/** One connection, seen from the core. All methods are safe after the connection has ended. */
export interface Link {
  /** False when the other side does not keep up; `drained` is called once it does. */
  write(bytes: Uint8Array): boolean;
  /** Several writes until `uncork` leave as one. */
  cork(): void;
  uncork(): void;
  pause(): unknown;
  resume(): unknown;
  /** Half-closes after everything written has left. */
  end(): unknown;
  /** Closes now. Bytes not yet sent may be lost. */
  destroy(): unknown;
  /** Closes with a reset, so that the peer cannot take the end for a clean one. */
  resetAndDestroy(): unknown;
  /** Bytes written and not yet taken by the system. */
  readonly writableLength: number;
}

export interface Connector {
  /** Begins to connect. Answered by `upstreamOpen` or `upstreamClosed`, never during the call. */
  connect(upstream: UpstreamConnection, host: string, port: number): Link;
  /** Asks for one call of `flush`, once everything that can be read now was read. */
  flushSoon(): void;
  /** Asks for one call of `flush` after about that time. Several wishes are one. */
  flushWithin(ms: number): void;
}

/** Stands where a connection is not there yet or no more. */
export const endedLink: Link = {
  write: () => true,
  cork: () => undefined,
  uncork: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  end: () => undefined,
  destroy: () => undefined,
  resetAndDestroy: () => undefined,
  writableLength: 0,
};
