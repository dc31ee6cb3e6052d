/**
 * The gateways of a cluster as one thing: their configuration, their processes (kept by the same
 * supervisor as every other instance), and the view that they should have.
 */
import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { InstanceName } from "@prunella/core/kernel";
import type { Instance, Runtime } from "@prunella/runtime";
import { readJsonSync, type StateFolder, writeJsonSync } from "@prunella/store";
import type { TroublePage } from "@prunella/wire/trouble";
import type { View } from "@prunella/wire/view";
import type { ClusterState } from "./cluster-state.ts";
import { GatewayLink } from "./gateway-link.ts";
import { GatewayMetrics } from "./gateway-metrics.ts";
import { gatewayInstances, gatewayServiceOf, gatewayStop } from "./runtime-services.ts";
import { gatewayService } from "./status.ts";

/** What a gateway may take to end after its last request, before SIGKILL comes. */
const exitMs = 1_000;

export type GatewayFleetOptions = {
  readonly folder: StateFolder;
  readonly token: string;
  /** Program and arguments of a gateway process; the configuration file is added. */
  readonly command: readonly string[];
  readonly compileCache: string | undefined;
  /** A gateway took a view. */
  readonly onChange: () => void;
  /** A gateway refused a view; told once for each reason. */
  readonly onRefused: (gateway: InstanceName, why: string) => void;
  /** A gateway saw members do wrong. */
  readonly onTroubles: (gateway: InstanceName, page: TroublePage) => void;
};

export class GatewayFleet {
  readonly #options: GatewayFleetOptions;
  readonly #links = new Map<InstanceName, GatewayLink>();
  readonly #metrics = new GatewayMetrics();
  #wanted: readonly InstanceName[] = [];
  #view: View | undefined;

  constructor(options: GatewayFleetOptions) {
    this.#options = options;
  }

  /** Writes the configurations and makes the runtime keep the gateways of this state. */
  async apply(state: ClusterState, runtime: Runtime, signal: AbortSignal): Promise<void> {
    const { spec } = state;
    if (spec === undefined) return;
    const { folder, command, compileCache, token } = this.#options;
    const { host, port, count, trustedProxies, accessLog } = spec.gateway;
    const common = {
      cluster: spec.name,
      // Shared from the first one on, so that more can join without a restart.
      listeners: [{ host, port, reusePort: true }],
      tokenFile: folder.token,
      trustedProxies,
      accessLog,
      drainMs: gatewayStop.graceMs - exitMs,
    };
    const names = gatewayInstances(count);
    for (const instance of names) {
      const files = {
        viewFile: gatewayFile(folder, instance, "view"),
        announceFile: gatewayFile(folder, instance, "announce"),
      };
      this.#prepare(instance, files.viewFile);
      writeIfChanged(gatewayFile(folder, instance, "config"), { ...common, instance, ...files });
    }
    // The token is read by the gateway when it starts: a new one means a new process.
    const revision = createHash("sha256")
      .update(JSON.stringify(common))
      .update(token)
      .digest("hex")
      .slice(0, 16);
    const launch = {
      command: [...command, "--config-folder", folder.gateway],
      folder: folder.root,
      port,
      revision,
      compileCache,
      members: names,
    };
    this.#wanted = names;
    await runtime.apply(gatewayServiceOf(state, launch), signal);
  }

  /** Gives every running gateway the newest view, those that are on their way out as well. */
  offer(view: View, instances: readonly Instance[], signal: AbortSignal): void {
    this.#view = view;
    const gateways = instances.filter(({ service }) => service === gatewayService);
    const pids = new Map(gateways.map(({ name, pid }) => [name, pid]));
    for (const [name, link] of this.#links) {
      if (pids.has(name)) continue;
      link.offer(view, undefined, signal);
      this.#links.delete(name);
    }
    for (const [name, pid] of pids) this.#link(name).offer(view, pid, signal);
  }

  /** True when every gateway that runs has applied this version, and one runs if any should. */
  hasVersion(version: number): boolean {
    if (this.#wanted.length === 0) return true;
    const running = this.#running();
    return running.length > 0 && running.every((link) => link.acknowledged === version);
  }

  /** False when no gateway process is there: then nothing is in flight either. */
  get isRunning(): boolean {
    return this.#wanted.length > 0 && this.#running().length > 0;
  }

  /** Resolves when the member has nothing in flight at any gateway, or after `waitMs`. */
  async drained(instance: InstanceName, incarnation: number, waitMs: number): Promise<void> {
    const waits = this.#running().map((link) => link.drained(instance, incarnation, waitMs));
    await Promise.all(waits);
  }

  /** The metrics of all gateways as one page of Prometheus text. */
  async metrics(): Promise<string> {
    const sources = [...this.#links].map(async ([name, link]) => {
      return { gateway: name, pid: link.pid, page: await link.metrics() };
    });
    return this.#metrics.render(await Promise.all(sources));
  }

  forget(): void {
    this.#wanted = [];
  }

  /**
   * A gateway that joins serves at once with the view of the others. What an earlier one of its name
   * left may be days old, and its addresses may be those of other programs by now.
   */
  #prepare(instance: InstanceName, viewFile: string): void {
    if (this.#wanted.length === 0 || this.#wanted.includes(instance)) return;
    if (this.#links.get(instance)?.isRunning === true) return;
    if (this.#view === undefined) rmSync(viewFile, { force: true });
    else writeJsonSync(viewFile, this.#view, { durable: false });
  }

  #running(): readonly GatewayLink[] {
    return [...this.#links.values()].filter((link) => link.isRunning);
  }

  #link(instance: InstanceName): GatewayLink {
    const known = this.#links.get(instance);
    if (known !== undefined) return known;
    const { folder, token, onChange, onRefused, onTroubles } = this.#options;
    const link = new GatewayLink({
      announceFile: gatewayFile(folder, instance, "announce"),
      token,
      onChange,
      onRefused: (why) => onRefused(instance, why),
      onTroubles: (page) => onTroubles(instance, page),
    });
    this.#links.set(instance, link);
    return link;
  }
}

/** Where the gateways of this folder keep their last views. */
export function gatewayViewFiles(folder: StateFolder): readonly string[] {
  return readdirSync(folder.gateway)
    .filter((name) => name.endsWith(".view.json"))
    .map((name) => join(folder.gateway, name));
}

/** On a full disk an unchanged configuration must not keep an agent from starting. */
function writeIfChanged(path: string, config: object): void {
  const text = JSON.stringify(config);
  if (readJsonSync(path, (value) => JSON.stringify(value)) === text) return;
  writeJsonSync(path, config, { durable: false });
}

function gatewayFile(
  folder: StateFolder,
  instance: InstanceName,
  what: "config" | "announce" | "view",
): string {
  return join(folder.gateway, `${instance}.${what}.json`);
}
