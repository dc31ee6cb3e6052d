/** Whom the bench compares: our gateway as the process that people run, and its peers. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { GatewayConfig } from "@prunella/gateway/config";
import { newToken } from "@prunella/wire/token";
import type { View } from "@prunella/wire/view";
import { haproxyConfig, nginxProxyConfig, type ProxySetup } from "./server-configs.ts";
import type { Launch } from "./server-process.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const peersFolder = fileURLToPath(new URL("../peers/", import.meta.url));
const bodyBytesMax = 16 * 1_024 * 1_024;

export type Subject = {
  readonly name: string;
  readonly version: string;
  /** Node proxies are compared among themselves too. */
  readonly family: "ours" | "native" | "node";
  /** Says what is missing here; undefined when it can run. */
  readonly missing: string | undefined;
  /** One launch per worker. */
  readonly launches: (setup: ProxySetup) => readonly Launch[];
};

export const ours = "prunella";
export const oursTwice = "prunella-2";
export const oursPipelining = "prunella-pipelining";
export const reference = "nginx";

export type OwnOptions = {
  /** Another checkout than this one. */
  readonly checkout?: string;
  /** Further options for Node. */
  readonly flags?: string;
  readonly workers?: number;
  /** The service says `pipelining: "safe"`. */
  readonly pipelines?: boolean;
};

export function oursFrom(name: string, options: OwnOptions = {}): Subject {
  const { checkout = root, flags = "", workers = 1, pipelines = false } = options;
  const entry = join(checkout, "apps/cli/entries/gateway-main.ts");
  return {
    name,
    version: revisionOf(checkout),
    family: "ours",
    missing: existsSync(entry) ? undefined : `there is no ${entry}`,
    launches: (setup) =>
      Array.from({ length: workers }, (_, index) => {
        const instance = `gateway-${index + 1}`;
        const config = writeGatewayConfig(setup, instance, workers > 1, pipelines);
        const nodeOptions = [
          ...flags.split(" ").filter((flag) => flag !== ""),
          "-C",
          "@prunella/source",
        ];
        return {
          command: process.execPath,
          args: [...nodeOptions, entry, "--config", config.file],
          readyFile: config.announceFile,
        };
      }),
  };
}

/** Everything that a gateway reads at its start, the view included, so that no agent is needed. */
export function writeGatewayConfig(
  setup: ProxySetup,
  instance: string,
  shares: boolean,
  pipelines = false,
): GatewayConfig & { readonly file: string } {
  const folder = join(setup.folder, instance);
  mkdirSync(folder, { recursive: true });
  const config: GatewayConfig = {
    cluster: "lab",
    instance,
    listeners: [{ host: "127.0.0.1", port: setup.port, reusePort: shares }],
    tokenFile: join(folder, "token"),
    viewFile: join(folder, "view.json"),
    announceFile: join(folder, "announce.json"),
    accessLog: false,
    logFile: join(folder, "gateway.log"),
    trustedProxies: [],
    drainMs: 1_000,
  };
  writeFileSync(config.tokenFile, newToken(), { mode: 0o600 });
  writeFileSync(config.viewFile, JSON.stringify(fixedView(setup.backendPorts, pipelines)));
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return { ...config, file };
}

export function fixedView(backendPorts: readonly number[], pipelines = false): View {
  return {
    cluster: "lab",
    agentTerm: 1,
    version: 1,
    controlUrl: "",
    services: [
      {
        name: serviceName("backends"),
        kind: "replicas",
        routes: [{ prefix: "/" }],
        keys: [{ from: "query", name: "id" }],
        placement: "default",
        seed: 0,
        ...(pipelines ? { pipelining: "safe" } : {}),
        timeoutMs: 30_000,
        bodyBytesMax,
        members: backendPorts.map((port, index) => ({
          id: instanceName(`backends-${index + 1}`),
          incarnation: 1,
          host: "127.0.0.1",
          port,
          weight: 1,
          state: "serving",
          number: index + 1,
          served: true,
          hostname: `backends-${index + 1}`,
        })),
      },
    ],
  };
}

function nginx(name: string, buffers: boolean): Subject {
  return {
    name,
    version: versionOf("nginx", ["-v"], /nginx\/(\S+)/),
    family: "native",
    missing: missingProgram("nginx"),
    launches: (setup) => {
      const file = join(setup.folder, "nginx.conf");
      writeFileSync(file, nginxProxyConfig(setup, buffers));
      return [nginxLaunch(file, setup.folder)];
    },
  };
}

/** Also how the backend is started. */
export function nginxLaunch(configFile: string, folder: string): Launch {
  return {
    command: "nginx",
    args: ["-p", folder, "-e", join(folder, "error.log"), "-c", configFile],
  };
}

const haproxy: Subject = {
  name: "haproxy",
  version: versionOf("haproxy", ["-v"], /version (\S+)/),
  family: "native",
  missing: missingProgram("haproxy"),
  launches: (setup) => {
    const file = join(setup.folder, "haproxy.cfg");
    writeFileSync(file, haproxyConfig(setup));
    return [{ command: "haproxy", args: ["-db", "-f", file] }];
  },
};

function nodePeer(name: string, packageName: string, entry: string): Subject {
  const installed = join(peersFolder, "node_modules", packageName, "package.json");
  const isThere = existsSync(installed);
  return {
    name,
    version: isThere ? JSON.parse(readFileSync(installed, "utf8")).version : "-",
    family: "node",
    missing: isThere ? undefined : `the npm package ${packageName} is not installed`,
    launches: ({ port, backendPorts }) => [
      {
        command: process.execPath,
        args: [join(peersFolder, entry), "--port", `${port}`, "--backends", backendPorts.join(",")],
      },
    ],
  };
}

/** Everybody that a person may name, in the order of the report. */
export function allSubjects(): readonly Subject[] {
  return [
    oursFrom(ours),
    oursFrom(oursPipelining, { pipelines: true }),
    nginx(reference, true),
    nginx("nginx-unbuffered", false),
    haproxy,
    nodePeer("undici-glue", "undici", "undici-glue.ts"),
    nodePeer("fast-proxy", "fast-proxy", "fast-proxy.ts"),
    nodePeer("fastify-http-proxy", "@fastify/http-proxy", "fastify-http-proxy.ts"),
    nodePeer("http-proxy-3", "http-proxy-3", "http-proxy-3.ts"),
  ];
}

export const installAdvice = "Install the peers: lab/bench/install-peers.sh";

export function chartsAreInstalled(): boolean {
  return existsSync(join(peersFolder, "node_modules", "vega-lite"));
}

export function missingProgram(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, name)))
    ? undefined
    : `${name} is not installed`;
}

function versionOf(command: string, args: readonly string[], pattern: RegExp): string {
  if (missingProgram(command) !== undefined) return "-";
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? "unknown";
}

export function wrkVersion(): string {
  return versionOf("wrk", ["-v"], /wrk (\S+)/);
}

function revisionOf(checkout: string): string {
  const args = ["-C", checkout, "describe", "--always", "--dirty"];
  const { stdout, status } = spawnSync("git", args, { encoding: "utf8" });
  return status === 0 ? stdout.trim() : "unknown";
}
