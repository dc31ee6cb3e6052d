/**
 * Which instance listens where. A name has a port of its own that follows from the folder and the
 * name, so it stays over restarts and people may write it down, and two checkouts of one cluster do
 * not want the same; it moves only when somebody else sits there. Ports lie in 20000..29999: outside
 * what the kernel gives to outgoing connections, or any client on the machine could take one by
 * accident.
 *
 * No two launches get one port, because a port is held here from before it is tried until its
 * instance is forgotten. A program of somebody else can still come between the try and the listen;
 * that shows as `EADDRINUSE` in the copy, `avoid` is told, and the next launch moves on.
 */
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import type { Address } from "@prunella/runtime";
import { systemCode } from "@prunella/store";

/** Who holds a port: an instance, or its elector under a name that no instance can have. */
type Holder = string;

export const portMin = 20_000;
const portCount = 10_000;
/** Coprime to `portCount`, so a walk visits every port once. */
const stride = 7_919;
const triesMax = 500;
const avoidedMax = 16;

export class PortBook {
  readonly #mark: string;
  readonly #ephemeral: readonly [number, number];
  readonly #held = new Map<Holder, number>();
  #electionPorts: Promise<unknown> = Promise.resolve();
  readonly #avoided = new Map<Holder, readonly number[]>();

  constructor(mark: string, ephemeral: readonly [number, number]) {
    this.#mark = mark;
    // Where the kernel uses our whole range as well there is nothing left to avoid.
    const coversAll = ephemeral[0] <= portMin && ephemeral[1] >= portMin + portCount - 1;
    this.#ephemeral = coversAll ? [0, 0] : ephemeral;
  }

  /** Notes a port that an instance has, for example by its record. */
  hold(instance: InstanceName, port: number): void {
    this.#held.set(instance, port);
  }

  release(instance: InstanceName): void {
    for (const holder of [instance, electorOf(instance)]) {
      this.#held.delete(holder);
      this.#avoided.delete(holder);
    }
  }

  /** Notes where the elector of an instance listens, for example by its record. */
  holdElection(instance: InstanceName, port: number): void {
    this.#held.set(electorOf(instance), port);
  }

  /**
   * Where the electors of all members listen, for one of them that is to be launched. Its own port is
   * one on which nobody listens now; that of a sibling is what it was last, for it may be in use by
   * that very sibling. One call after the other: two that try one port would each see the other.
   *
   * @throws ClusterError `RUNTIME_UNAVAILABLE` when no port is free.
   */
  electors(
    own: InstanceName,
    members: readonly InstanceName[],
  ): Promise<readonly (readonly [InstanceName, Address])[]> {
    const chosen = this.#electionPorts.then(() => this.#electors(own, members));
    this.#electionPorts = chosen.catch(() => undefined); // Its caller hears of it.
    return chosen;
  }

  async #electors(own: InstanceName, members: readonly InstanceName[]) {
    const found: (readonly [InstanceName, Address])[] = [];
    for (const name of members) {
      const holder = electorOf(name);
      const held = name === own ? undefined : this.#held.get(holder);
      const port = held ?? (await this.choose(holder));
      found.push([name, { host: "127.0.0.1", port }]);
    }
    return found;
  }

  /** The next `choose` for this instance gives another port: a stranger was seen on this one. */
  avoid(instance: InstanceName, port: number): void {
    const before = (this.#avoided.get(instance) ?? []).filter((avoided) => avoided !== port);
    this.#avoided.set(instance, [...before, port].slice(-avoidedMax));
  }

  /**
   * A port on which nobody listens, held for the instance from now on.
   *
   * @throws ClusterError `RUNTIME_UNAVAILABLE` after 500 ports that were all taken.
   */
  async choose(instance: Holder): Promise<number> {
    const before = this.#held.get(instance);
    let tries = 0;
    for (const port of this.#candidates(instance, before)) {
      if (tries === triesMax) break;
      tries += 1;
      this.#held.set(instance, port);
      if (await isFree(port)) return port;
    }
    if (before === undefined) this.#held.delete(instance);
    else this.#held.set(instance, before);
    throw new ClusterError("RUNTIME_UNAVAILABLE", {
      message: `No free port for ${instance}: ${tries} ports between ${portMin} and ${portMin + portCount - 1} are all in use. End some programs, or give the service a fixed port.`,
      details: { instance, tries },
    });
  }

  *#candidates(instance: Holder, before: number | undefined): Generator<number> {
    if (before !== undefined && this.#isAllowed(instance, before)) yield before;
    const start = firstPort(this.#mark, instance);
    for (let index = 0; index < portCount; index++) {
      const port = portMin + ((start + index * stride) % portCount);
      if (port !== before && this.#isAllowed(instance, port)) yield port;
    }
  }

  #isAllowed(instance: Holder, port: number): boolean {
    if (port < portMin || port >= portMin + portCount) return false; // A fixed port of before.
    if (port >= this.#ephemeral[0] && port <= this.#ephemeral[1]) return false;
    if (this.#avoided.get(instance)?.includes(port) === true) return false;
    for (const [holder, held] of this.#held) {
      if (held === port && holder !== instance) return false;
    }
    return true;
  }
}

/** True when a program could listen on the port of both loopback addresses right now. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen("127.0.0.1", port)) && (await canListen("::1", port));
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    // Only a taken address counts: a machine without IPv6 refuses `::1` for another reason.
    server.once("error", (error) => resolve(systemCode(error) !== "EADDRINUSE"));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** No name has a space, so this is the name of no instance. */
function electorOf(instance: InstanceName): Holder {
  return `elector of ${instance}`;
}

function firstPort(mark: string, instance: Holder): number {
  return createHash("sha256").update(`${mark}/${instance}`).digest().readUInt32BE(0) % portCount;
}
