/**
 * TCP in front of services whose bytes are not interpreted: ports as the view says, and connections
 * to members as they come.
 *
 *   service      one port. For the replicas: each connection goes to the member with the fewest, and if
 *                it does not accept within a second, one sibling is tried. For the primary: the leader
 *                of an elected service gets all.
 *   member       a port for each member, by its number: first port + number - 1. Without that member
 *                the port stays, and connections are closed at once.
 *   first-frame  one port. The first line of a connection names the member, and goes on to it. Whoever
 *                names nobody is told so.
 *
 * A new incarnation of a member ends the connections to the old one, which is no more; a member that
 * drains or leaves keeps its connections for `tunnelDrainMs` (G16). A new term of an elected service
 * ends all connections that were made to a leader before it.
 */
import type { Socket } from "node:net";
import type { FrameRefusal } from "@prunella/wire/member-frame";
import type { View } from "@prunella/wire/view";
import type { CoreState } from "../exchange/state/core-state.ts";
import type { Member } from "../routing/member.ts";
import type { Service } from "../routing/service.ts";
import { FirstFrame, refuseFrame } from "./first-frame.ts";
import { proxyHeader } from "./proxy-header.ts";
import {
  isKnown,
  leading,
  leastConnected,
  memberNamed,
  memberNumbered,
  roleOf,
} from "./tcp-choice.ts";
import { type Door, TcpDoors } from "./tcp-doors.ts";
import { TcpRelay } from "./tcp-relay.ts";

const triesOfService = 2;

export class TcpFront {
  readonly #core: CoreState;
  readonly #now: () => number;
  readonly #doors: TcpDoors;
  readonly #relays = new Set<TcpRelay>();
  /** Connections that have not said yet whom they want. */
  readonly #greeting = new Set<FirstFrame>();
  /** Connections that are told why not, and end within a second. */
  readonly #refused = new Set<Socket>();
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
    return this.#relays.size + this.#greeting.size + this.#refused.size;
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
    for (const frame of this.#greeting) frame.cut();
    this.#greeting.clear();
    for (const client of this.#refused) client.destroy();
    for (const relay of this.#relays) relay.cut();
  }

  #take(door: Door, client: Socket): void {
    const service = this.#core.services.get(door.service);
    if (service === undefined || this.#draining) {
      client.destroy();
      return;
    }
    if (this.size >= this.#core.limits.tcpConnectionsMax) {
      service.counters.tcp.add("too-many");
      client.destroy();
    } else if (door.tcp.by === "first-frame") {
      this.#greet(door, service, client);
    } else {
      this.#relay(door, service, client);
    }
  }

  #greet(door: Door, service: Service, client: Socket): void {
    const { tcp } = service.counters;
    const greeting = new FirstFrame({
      client,
      waitMs: this.#core.limits.tcpFrameMs,
      onFrame: (name, bytes) => {
        this.#greeting.delete(greeting);
        if (isKnown(service, name)) {
          this.#relay(door, service, client, { name, bytes });
          return;
        }
        tcp.add("unknown-member");
        this.#refuse(client, "unknown-member");
      },
      onFailed: (reason) => {
        this.#greeting.delete(greeting);
        tcp.add(reason === "malformed" ? "bad-frame" : "no-frame");
        if (reason === undefined) client.destroy();
        else this.#refuse(client, reason);
      },
    });
    this.#greeting.add(greeting);
  }

  #relay(door: Door, service: Service, client: Socket, named?: Named): void {
    const { tcp } = door;
    const role = tcp.by === "service" ? roleOf(tcp, service) : undefined;
    const relay = new TcpRelay({
      client,
      service,
      choose: (tried) => this.#choose(door, service, tried, named),
      triesMax: tcp.by === "service" ? triesOfService : 1,
      connectMs: this.#core.limits.connectRemoteMs,
      header: tcp.proxyProtocol === undefined ? undefined : proxyHeader(client),
      opening: named?.bytes,
      refuse: named === undefined ? undefined : () => this.#refuse(client, "unavailable"),
      followsLeader: role === "primary",
      now: this.#now,
      onEnd: (ended) => this.#relays.delete(ended),
    });
    this.#relays.add(relay);
    relay.start();
  }

  #refuse(client: Socket, reason: FrameRefusal): void {
    if (client.destroyed) return;
    this.#refused.add(client);
    client.on("close", () => this.#refused.delete(client));
    refuseFrame(client, reason);
  }

  #choose({ tcp, number }: Door, service: Service, tried: readonly Member[], named?: Named) {
    const { limits } = service.rules;
    if (named !== undefined) return memberNamed(service, named.name, tried, limits);
    if (number !== undefined) return memberNumbered(service, number, tried, limits);
    if (roleOf(tcp, service) === "primary") return leading(service, tried, limits);
    this.#turn += 1;
    return leastConnected(service, tried, limits, this.#turn, this.#now());
  }
}

/** Whom the first frame of a connection names, and all that came with it. */
type Named = { readonly name: string; readonly bytes: Buffer };
