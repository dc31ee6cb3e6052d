/**
 * Keeps strangers from filling the election port. A connection belongs to a member as soon as it has
 * carried one signed message; until then it is one of at most `strangersMax`, and when another one comes
 * the oldest stranger goes. So a member that dials finds a place however many strangers hold on to
 * theirs, and connections of members are never closed for them.
 */
import type { Socket } from "node:net";

const strangersMax = 64;
const membersMax = 1_024;

export class ConnectionGuard {
  readonly #strangers = new Set<Socket>();
  readonly #members = new Set<Socket>();
  #evictedCount = 0;

  get evictedCount(): number {
    return this.#evictedCount;
  }

  get strangerCount(): number {
    return this.#strangers.size;
  }

  add(socket: Socket): void {
    this.#strangers.add(socket);
    socket.once("close", () => {
      this.#strangers.delete(socket);
      this.#members.delete(socket);
    });
    if (this.#strangers.size > strangersMax) this.#evict(this.#strangers);
  }

  /** Called for every signed message. */
  vouch(socket: Socket): void {
    if (!this.#strangers.delete(socket)) return;
    this.#members.add(socket);
    if (this.#members.size > membersMax) this.#evict(this.#members);
  }

  closeAll(): void {
    for (const socket of [...this.#strangers, ...this.#members]) socket.destroy();
  }

  #evict(from: ReadonlySet<Socket>): void {
    const [oldest] = from;
    oldest?.destroy();
    this.#evictedCount += 1;
  }
}
