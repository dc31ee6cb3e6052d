/**
 * The connection core on links in memory and on a clock that a test turns: every cut of the bytes and
 * every order of events can be tried, thousands a second.
 */
import type { ServiceView, View } from "@prunella/wire/view";
import { ExchangeCore } from "../../shell/gateway/exchange/exchange-core.ts";
import type { ClientConnection } from "../../shell/gateway/exchange/state/client-connection.ts";
import type { Link } from "../../shell/gateway/exchange/state/transport.ts";
import type { UpstreamConnection } from "../../shell/gateway/exchange/state/upstream-connection.ts";
import { defaultLimits, type Limits } from "../../shell/gateway/limits.ts";
import type { AccessEntry } from "../../shell/gateway/observation/access-entry.ts";
import type { DataPathFact } from "../../shell/gateway/observation/data-path-fact.ts";
import { memberOf, serviceOf } from "./data-path-fixture.ts";

export class MemoryLink implements Link {
  written = "";
  state: "open" | "ended" | "destroyed" | "reset" = "open";
  paused = false;
  /** What `write` says. */
  takes = true;
  writeCount = 0;
  /** What `writableLength` says. */
  unsentBytes = 0;

  write(bytes: Uint8Array): boolean {
    this.writeCount += 1;
    if (this.state === "open") this.written += Buffer.from(bytes).toString("latin1");
    return this.takes;
  }
  cork(): void {}
  uncork(): void {}
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {
    if (this.state === "open") this.state = "ended";
  }
  destroy(): void {
    if (this.state !== "reset") this.state = "destroyed";
  }
  resetAndDestroy(): void {
    this.state = "reset";
  }
  get writableLength(): number {
    return this.unsentBytes;
  }
}

export type BenchUpstream = {
  readonly upstream: UpstreamConnection;
  readonly link: MemoryLink;
  readonly port: number;
  open: boolean;
};

export class CoreBench {
  readonly core: ExchangeCore;
  readonly upstreams: BenchUpstream[] = [];
  readonly facts: DataPathFact[] = [];
  /** What the access log got. */
  readonly entries: AccessEntry[] = [];
  nowMs = 1_000;
  /** Requests were gathered: `flush` ends the turn. */
  flushIsDue = false;
  #version = 0;

  constructor(
    memberCount: number,
    limits: Partial<Limits> = {},
    changes: Partial<ServiceView> = {},
  ) {
    this.core = new ExchangeCore({
      cluster: "shop",
      limits: { ...defaultLimits, ...limits },
      connector: {
        connect: (upstream, _host, port) => {
          const link = new MemoryLink();
          this.upstreams.push({ upstream, link, port, open: false });
          return link;
        },
        flushSoon: () => {
          this.flushIsDue = true;
        },
        flushWithin: () => {
          this.flushIsDue = true; // The core looks at the clock itself.
        },
      },
      trustedProxies: new Set(),
      processBits: 7,
      accessLog: (entry) => this.entries.push(entry),
      localEndpoints: undefined,
      report: (fact) => this.facts.push(fact),
    });
    this.core.tick(this.nowMs, 0);
    const ports = Array.from({ length: memberCount }, (_, index) => ({ port: index + 1 }));
    this.show({ ...serviceOf([], changes), members: ports.map(memberOf) });
  }

  /** Applies the next view. */
  show(...services: readonly ServiceView[]): void {
    this.#version += 1;
    const version = this.#version;
    const view: View = { cluster: "shop", agentTerm: 1, version, controlUrl: "", services };
    this.core.applyView(view, this.nowMs);
  }

  accept(): { readonly client: ClientConnection; readonly link: MemoryLink } {
    const link = new MemoryLink();
    const client = this.core.accept(link, "127.0.0.1", this.nowMs);
    if (client === undefined) throw new Error("the core refused a connection");
    return { client, link };
  }

  send(client: ClientConnection, text: string): void {
    this.core.clientBytes(client, Buffer.from(text, "latin1"), this.nowMs);
  }

  /** The end of a turn. */
  flush(): void {
    if (!this.flushIsDue) return;
    this.flushIsDue = false;
    this.core.flush(this.nowMs);
  }

  /** Ends the turn, and opens all connections that were asked for. */
  openAll(): void {
    this.flush();
    for (const each of this.upstreams) {
      if (each.open || each.link.state !== "open") continue;
      each.open = true;
      this.core.upstreamOpen(each.upstream, this.nowMs);
    }
  }

  reply(each: BenchUpstream, text: string): void {
    this.core.upstreamBytes(each.upstream, Buffer.from(text, "latin1"), this.nowMs);
  }

  /** Turns the clock in steps of the coarse tick. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(this.nowMs + 250, untilMs);
      this.core.tick(this.nowMs, 0);
    }
  }
}
