/**
 * The transport over `node:net`: public API only, listeners attached once per socket, half-open on
 * both sides because a FIN means something different in each phase of an exchange.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { ClientSocket } from "./client-socket.ts";
import type { ExchangeCore } from "./exchange/exchange-core.ts";
import type { Connector, Link } from "./exchange/state/transport.ts";
import type { UpstreamConnection } from "./exchange/state/upstream-connection.ts";
import { nextReadBuffer } from "./exchange/upstream/read-buffer.ts";

export function monotonicMs(): number {
  return performance.now();
}

/** Connects to members. The core is given later, because the core needs the connector first. */
export class NetConnector implements Connector {
  readonly #connecting: () => void;
  readonly #flush = (): void => this.#core?.flush(monotonicMs());
  #core: ExchangeCore | undefined = undefined;
  #flushing: NodeJS.Timeout | undefined = undefined;

  /** @param connecting - Called for each connect, whose deadline somebody must watch. */
  constructor(connecting: () => void) {
    this.#connecting = connecting;
  }

  attach(core: ExchangeCore): void {
    this.#core = core;
  }

  flushSoon(): void {
    setImmediate(this.#flush);
  }

  flushWithin(ms: number): void {
    this.#flushing ??= setTimeout(() => {
      this.#flushing = undefined;
      this.#flush();
    }, ms);
  }

  connect(upstream: UpstreamConnection, host: string, port: number): Link {
    const core = this.#core;
    this.#connecting();
    const socket = connect({
      host,
      port,
      noDelay: true,
      allowHalfOpen: true,
      autoSelectFamily: false,
      onread: {
        buffer: () => nextReadBuffer(upstream),
        callback: (size, buffer) => {
          core?.upstreamBytes(upstream, buffer.subarray(0, size), monotonicMs());
          return true;
        },
      },
    });
    if (core === undefined) return socket.destroy();
    socket.on("connect", () => core.upstreamOpen(upstream, monotonicMs()));
    socket.on("drain", () => core.upstreamDrained(upstream, monotonicMs()));
    socket.on("end", () => core.upstreamEnded(upstream, monotonicMs()));
    socket.on("error", ignore); // `close` follows and says everything that the core needs.
    socket.on("close", () => core.upstreamClosed(upstream, monotonicMs()));
    return socket;
  }
}

/** A server that hands its connections to the core. */
export function createListener(core: ExchangeCore): Server {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    take(core, socket);
  });
  return server;
}

function take(core: ExchangeCore, socket: Socket): void {
  const address = socket.remoteAddress;
  const link = new ClientSocket(socket);
  // Reset before it was accepted: there is nobody to talk to.
  const client = address === undefined ? undefined : core.accept(link, address, monotonicMs());
  socket.on("error", ignore);
  if (client === undefined) {
    socket.destroy();
    return;
  }
  link.attach((bytes) => core.clientBytes(client, bytes, monotonicMs()));
  socket.on("drain", () => core.clientDrained(client, monotonicMs()));
  socket.on("end", () => core.clientEnded(client, monotonicMs()));
  socket.on("close", () => core.clientClosed(client, monotonicMs()));
}

function ignore(): void {}
