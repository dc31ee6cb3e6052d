/**
 * The gateways of a cluster as one thing: their configuration, their processes (kept by the same
 * supervisor as every other instance), and the view that they should have.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { InstanceName } from "@prunella/core/kernel";
import type { Instance, Runtime } from "@prunella/runtime";
import { readJsonSync, type StateFolder, writeJsonSync } from "@prunella/store";
import type { View } from "@prunella/wire/view";
import type { ClusterState } from "./cluster-state.ts";
import { GatewayLink } from "./gateway-link.ts";
import { gatewayInstance, gatewayServiceOf, gatewayStop } from "./runtime-services.ts";
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
};

export class GatewayFleet {
  readonly #options: GatewayFleetOptions;
  readonly #link: GatewayLink;
  #wanted = false;

  constructor(options: GatewayFleetOptions) {
    this.#options = options;
    this.#link = new GatewayLink({
      announceFile: this.#file("announce"),
      token: options.token,
      onChange: options.onChange,
      onRefused: (why) => options.onRefused(gatewayInstance, why),
    });
  }

  /** Writes the configuration and makes the runtime keep the gateway of this state. */
  async apply(state: ClusterState, runtime: Runtime, signal: AbortSignal): Promise<void> {
    const { spec } = state;
    if (spec === undefined) return;
    const { folder, command, compileCache } = this.#options;
    const { host, port, trustedProxies, accessLog } = spec.gateway;
    const config = {
      cluster: spec.name,
      instance: gatewayInstance,
      listeners: [{ host, port }],
      tokenFile: folder.token,
      viewFile: this.#file("view"),
      announceFile: this.#file("announce"),
      trustedProxies,
      accessLog,
      drainMs: gatewayStop.graceMs - exitMs,
    };
    const configFile = this.#file("config");
    writeIfChanged(configFile, config);
    // The token is read by the gateway when it starts: a new one means a new process.
    const revision = createHash("sha256")
      .update(JSON.stringify(config))
      .update(this.#options.token)
      .digest("hex")
      .slice(0, 16);
    const launch = {
      command: [...command, "--config", configFile],
      folder: folder.root,
      port,
      revision,
      compileCache,
    };
    this.#wanted = true;
    await runtime.apply(gatewayServiceOf(state, launch), signal);
  }

  /** Gives every running gateway the newest view. */
  offer(view: View, instances: readonly Instance[], signal: AbortSignal): void {
    const gateway = instances.find(({ service }) => service === gatewayService);
    this.#link.offer(view, gateway?.pid, signal);
  }

  /** True when every gateway that should run has applied this version. */
  hasVersion(version: number): boolean {
    return !this.#wanted || this.#link.acknowledged === version;
  }

  /** False when no gateway process is there: then nothing is in flight either. */
  get isRunning(): boolean {
    return this.#wanted && this.#link.isRunning;
  }

  async drained(instance: InstanceName, incarnation: number, waitMs: number): Promise<void> {
    await this.#link.drained(instance, incarnation, waitMs);
  }

  forget(): void {
    this.#wanted = false;
  }

  #file(what: "config" | "announce" | "view"): string {
    return gatewayFile(this.#options.folder, what);
  }
}

/** Where the gateways of this folder keep their last views. */
export function gatewayViewFiles(folder: StateFolder): readonly string[] {
  return [gatewayFile(folder, "view")];
}

/** On a full disk an unchanged configuration must not keep an agent from starting. */
function writeIfChanged(path: string, config: object): void {
  const text = JSON.stringify(config);
  if (readJsonSync(path, (value) => JSON.stringify(value)) === text) return;
  writeJsonSync(path, config, { durable: false });
}

function gatewayFile(folder: StateFolder, what: "config" | "announce" | "view"): string {
  return join(folder.gateway, `${gatewayInstance}.${what}.json`);
}
