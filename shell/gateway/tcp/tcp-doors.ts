/**
 * The ports of TCP services: opened, handed over and closed as views come, without touching others.
 *
 * A door is a listening port. Which service, and which member, stands behind it is looked up for each
 * connection, so a view changes it without closing anything. A port that cannot be had is tried again
 * each second and told until then; it takes nothing from the others.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { ServiceName } from "@prunella/core/kernel";
import type { ServiceView, TcpView } from "@prunella/wire/view";

export type Door = {
  readonly host: string;
  readonly port: number;
  service: ServiceName;
  /** What the view says of it. */
  tcp: TcpView;
  /** Of a port by member: the number of that member. */
  number: number | undefined;
  state: "opening" | "open" | "failed" | "closed";
  /** Why it could not be opened the last time. */
  problem: string | undefined;
};

export type TcpDoorsOptions = {
  /** Other gateways of the cluster listen on the same ports. */
  readonly sharesPorts: boolean;
  readonly onConnection: (door: Door, socket: Socket) => void;
  readonly onProblem: (door: Door, problem: string) => void;
};

type Place = Pick<Door, "host" | "port" | "service" | "tcp" | "number">;

const retryMs = 1_000;
const backlog = 1_024;

type Kept = { readonly door: Door; server: Server | undefined; retry: NodeJS.Timeout | undefined };

export class TcpDoors {
  readonly #options: TcpDoorsOptions;
  readonly #kept = new Map<string, Kept>();
  #waiting: (() => void)[] = [];

  constructor(options: TcpDoorsOptions) {
    this.#options = options;
  }

  get all(): readonly Door[] {
    return [...this.#kept.values()].map(({ door }) => door);
  }

  apply(services: readonly ServiceView[]): void {
    const wanted = new Map<string, Place>();
    for (const place of services.flatMap(placesOf)) {
      const key = `${place.host} ${place.port}`;
      if (!wanted.has(key)) wanted.set(key, place); // The check of the cluster file refuses others.
    }
    for (const [key, kept] of this.#kept) {
      if (wanted.has(key)) continue;
      this.#kept.delete(key);
      shut(kept);
    }
    for (const [key, place] of wanted) {
      const kept = this.#kept.get(key);
      if (kept === undefined) this.#open(key, place);
      else Object.assign(kept.door, place);
    }
    this.#tell();
  }

  /** Resolves when each port is open or was refused. */
  async settled(): Promise<void> {
    while (this.all.some(({ state }) => state === "opening")) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Takes no connections any more. */
  close(): void {
    for (const kept of this.#kept.values()) shut(kept);
    this.#kept.clear();
    this.#tell();
  }

  #open(key: string, place: Place): void {
    const door: Door = { ...place, state: "opening", problem: undefined };
    const kept: Kept = { door, server: undefined, retry: undefined };
    this.#kept.set(key, kept);
    this.#listen(kept);
  }

  #listen(kept: Kept): void {
    const { door } = kept;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#options.onConnection(door, socket),
    );
    kept.server = server;
    server.once("listening", () => {
      door.state = "open";
      door.problem = undefined;
      this.#tell();
    });
    server.on("error", (error) => {
      if (door.state !== "opening") return; // Out of descriptors: it goes on when there are some.
      door.state = "failed";
      const isNew = door.problem === undefined;
      door.problem = `${door.service} cannot have port ${door.port} on ${door.host}: ${error.message}`;
      if (isNew) this.#options.onProblem(door, door.problem);
      kept.retry = setTimeout(() => {
        door.state = "opening";
        this.#listen(kept);
      }, retryMs).unref();
      this.#tell();
    });
    const { host, port } = door;
    server.listen({ host, port, backlog, reusePort: this.#options.sharesPorts });
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function placesOf({ name: service, tcp: ports = [] }: ServiceView): readonly Place[] {
  return ports.flatMap((tcp) => {
    const { host, firstPort, lastPort, by } = tcp;
    return Array.from({ length: lastPort - firstPort + 1 }, (_, index): Place => {
      const number = by === "member" ? index + 1 : undefined;
      return { host, port: firstPort + index, service, tcp, number };
    });
  });
}

function shut({ door, server, retry }: Kept): void {
  door.state = "closed";
  clearTimeout(retry);
  server?.close();
}
