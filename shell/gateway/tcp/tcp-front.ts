/**
 * TCP in front of services whose bytes are not interpreted: ports as the view says, and connections
 * to members as they come.
 *
 *   service  one port; each connection goes to the member with the fewest. If it does not accept
 *            within a second, one sibling is tried. Of an elected service the leader gets all.
 *   member   a port for each member, by its number: first port + number - 1. Without that member the
 *            port stays, and connections are closed at once.
 *
 * A new incarnation of a member ends the connections to the old one, which is no more; a member that
 * drains or leaves keeps its connections for `tunnelDrainMs` (G16). A new term of an elected service
 * ends all connections that were made to a leader before it.
 */
import type { Socket } from "node:net";
import type { View } from "@prunella/wire/view";
import type { CoreState } from "../exchange/state/core-state.ts";
import type { Service } from "../routing/service.ts";
import { leading, leastConnected, memberNumbered } from "./tcp-choice.ts";
import { type Door, TcpDoors } from "./tcp-doors.ts";
import { TcpRelay } from "./tcp-relay.ts";

const triesOfService = 2;

export class TcpFront {
  readonly #core: CoreState;
  readonly #now: () => number;
  readonly #doors: TcpDoors;
  readonly #relays = new Set<TcpRelay>();
  #turn = 0;
  #draining = false;

  constructor(core: CoreState, sharesPorts: boolean, now: () => number) {
    this.#core = core;
    this.#now = now;
    this.#doors = new TcpDoors({
      sharesPorts,
      onConnection: (door, socket) => this.#take(door, socket),
      onProblem: ({ service }, problem) =>
        core.report({
          type: "port-refused",
          service,
          member: undefined,
          message: `${problem}. It is tried again each second; stop the other program, or give the service another port.`,
        }),
    });
  }

  /** Connections under way. */
  get size(): number {
    return this.#relays.size;
  }

  get doors(): readonly Door[] {
    return this.#doors.all;
  }

  /** After the services took the view over. */
  apply(view: View): void {
    if (!this.#draining) this.#doors.apply(view.services);
    this.tick();
  }

  settled(): Promise<void> {
    return this.#doors.settled();
  }

  /** Cuts what has no member any more, or no time. */
  tick(): void {
    const nowMs = this.#now();
    for (const relay of this.#relays) {
      const { member } = relay;
      if (member?.current === false || relay.isOvertaken) {
        relay.cut();
      } else if (relay.isEnding) {
        relay.cutAtMs ??= nowMs + this.#core.limits.slowReaderMs;
      } else if (member?.serving === true && !this.#draining) {
        relay.cutAtMs = undefined;
      } else {
        relay.cutAtMs ??= nowMs + this.#core.limits.tunnelDrainMs;
      }
      if (relay.cutAtMs !== undefined && nowMs >= relay.cutAtMs) relay.cut();
    }
  }

  drain(): void {
    this.#draining = true;
    this.#doors.close();
    this.tick();
  }

  close(): void {
    this.drain();
    for (const relay of this.#relays) relay.cut();
  }

  #take(door: Door, client: Socket): void {
    const service = this.#core.services.get(door.service);
    if (service === undefined || this.#draining) {
      client.destroy();
      return;
    }
    if (this.#relays.size >= this.#core.limits.tcpConnectionsMax) {
      service.counters.tcp.add("too-many");
      client.destroy();
      return;
    }
    const relay = new TcpRelay({
      client,
      service,
      choose: (tried) => this.#choose(door, service, tried),
      triesMax: door.number === undefined ? triesOfService : 1,
      connectMs: this.#core.limits.connectRemoteMs,
      followsLeader: door.number === undefined,
      now: this.#now,
      onEnd: (ended) => this.#relays.delete(ended),
    });
    this.#relays.add(relay);
    relay.start();
  }

  #choose(door: Door, service: Service, tried: Parameters<typeof leastConnected>[1]) {
    const { limits } = service.rules;
    if (door.number !== undefined) return memberNumbered(service, door.number, tried, limits);
    if (service.leaderRoute !== undefined) return leading(service, tried, limits);
    this.#turn += 1;
    return leastConnected(service, tried, limits, this.#turn, this.#now());
  }
}
