/**
 * A gateway as a process: from its configuration to its last answered request.
 *
 * The order at start is the order of what clients miss most: the view from disk, the listeners, and
 * only then the admin listener and everything that loads a library. A gateway that was killed is
 * back within 300 ms, and nothing it loads later is needed to pass a request on.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { ClusterError } from "@prunella/core/kernel";
import { LogDestination } from "@prunella/driver";
import { DataPath, type ListenAddress, type ListenOptions } from "./data-path.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { LoadBalancerApi } from "./load-balancer/load-balancer-api.ts";
import { AccessLog } from "./observation/access-log.ts";
import type { DataPathFact } from "./observation/data-path-fact.ts";
import { EventLog } from "./observation/event-log.ts";
import type { ProcessReading } from "./observation/metrics-table.ts";
import { TroubleFeed } from "./observation/trouble-feed.ts";
import { CurrentView } from "./view/current-view.ts";
import { ViewFile } from "./view/view-file.ts";

const drainMsDefault = 30_000;
/** The last lines may take this long; a disk that is stuck must not keep the process. */
const logFlushMs = 500;

/**
 * With a view from disk, clients come first: loading the admin listener would hold the first of
 * their answers back for 20 ms and more. Without one there is nothing to answer them.
 */
const clientsFirstMs = 50;

const announceEveryMs = 2_000;

/** A shorter look costs more and shows nothing that a client would notice. */
const loopResolutionMs = 20;

/** What is written to `announceFile`. */
export type Announcement = {
  readonly pid: number;
  readonly adminUrl: string;
  /** Of the first listener. */
  readonly port: number;
};

/**
 * Runs a gateway until `signal` aborts or the admin listener is told to drain; then finishes what
 * is in flight and resolves.
 *
 * @throws ClusterError `PORT_TAKEN` when a listener cannot have its port; the message names it.
 */
export async function runGateway(config: GatewayConfig, signal: AbortSignal): Promise<void> {
  const gateway = new GatewayProcess(config);
  await gateway.start();
  const ended = new Promise<void>((resolve) => {
    gateway.onDrain = resolve;
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  await gateway.openAdmin();
  await ended;
  await gateway.finish();
}

class GatewayProcess {
  readonly #config: GatewayConfig;
  readonly #token: string;
  readonly #destination: LogDestination;
  readonly #accessLog: AccessLog;
  readonly #events: EventLog;
  readonly #feed = new TroubleFeed();
  readonly #viewFile: ViewFile;
  readonly #dataPath: DataPath;
  readonly #current: CurrentView;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: loopResolutionMs });
  #addresses: readonly ListenAddress[] = [];
  #admin: { close(): Promise<void> } | undefined;
  onDrain = () => {};

  constructor(config: GatewayConfig) {
    this.#config = config;
    this.#token = readToken(config.tokenFile);
    this.#destination = new LogDestination(
      config.logFile === undefined ? "stdout" : { file: config.logFile },
    );
    const { redactQuery, accessLog } = config;
    const share = typeof accessLog === "number" ? accessLog : 1;
    this.#accessLog = new AccessLog(this.#destination, { redactQuery, share });
    this.#events = new EventLog(this.#destination, { instance: config.instance });
    this.#viewFile = new ViewFile(config.viewFile);
    this.#dataPath = new DataPath({
      cluster: config.cluster,
      trustedProxies: config.trustedProxies,
      localEndpoints: new LoadBalancerApi({
        token: this.#token,
        controlUrl: () => this.#current.view?.controlUrl ?? "",
      }),
      sharesPorts: config.listeners.some(({ reusePort }) => reusePort === true),
      report: (fact) => this.#report(fact),
      ...(accessLog !== false ? { accessLog: (entry) => this.#accessLog.write(entry) } : {}),
    });
    this.#current = new CurrentView(config.cluster, this.#dataPath, this.#viewFile);
  }

  async start(): Promise<void> {
    try {
      this.#current.load();
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      this.#events.write("error", "the view on disk cannot be used", { error: error.message });
    }
    this.#addresses = await Promise.all(
      this.#config.listeners.map((listener) => listenOn(this.#dataPath, listener)),
    );
    this.#loopDelay.enable();
  }

  async openAdmin(): Promise<void> {
    if (this.#current.view !== undefined) await delay(clientsFirstMs);
    const [{ AdminServer }, { writeJsonSync }] = await Promise.all([
      import("./admin/admin.ts"),
      import("@prunella/store"),
    ]);
    const admin = new AdminServer({
      token: this.#token,
      instance: this.#config.instance,
      current: this.#current,
      snapshot: () => this.#dataPath.snapshot(),
      reading: () => this.#reading(),
      troubles: () => this.#troubles(),
      feed: this.#feed,
      drain: () => this.onDrain(),
    });
    this.#admin = admin;
    const adminUrl = await admin.listen();
    const announcement: Announcement = {
      pid: process.pid,
      adminUrl,
      port: this.#addresses[0]?.port ?? 0,
    };
    this.#announce(announcement, writeJsonSync);
    this.#events.write("info", "gateway serves", {
      ...announcement,
      listeners: this.#addresses,
      view: this.#current.view?.version,
      openFilesMax: this.#dataPath.openFilesMax,
      clientConnectionsMax: this.#dataPath.clientConnectionsMax,
      startedInMs: Math.round(performance.now()),
    });
  }

  /**
   * Says where the admin listener is, and says it again when the file was lost or damaged: an agent
   * that cannot find the admin listener cannot bring it a new view.
   */
  #announce(announcement: Announcement, write: (path: string, value: unknown) => void): void {
    const { announceFile } = this.#config;
    const announce = (): void => {
      if (isAnnounced(announceFile, announcement)) return;
      try {
        write(announceFile, announcement);
      } catch (error) {
        if (!ClusterError.is(error)) throw error; // A full disk, or a folder that is gone: again later.
      }
    };
    announce();
    setInterval(announce, announceEveryMs).unref();
  }

  async finish(): Promise<void> {
    this.#events.write("info", "gateway drains");
    await this.#dataPath.drain(this.#config.drainMs ?? drainMsDefault);
    await this.#dataPath.close();
    await this.#admin?.close();
    await this.#viewFile.settled();
    this.#loopDelay.disable();
    await this.#events.settled();
    await this.#destination.close(logFlushMs);
  }

  #report(fact: DataPathFact): void {
    const { type, message, ...fields } = fact;
    this.#feed.note(fact, Date.now());
    this.#events.write(type === "view-invalid" ? "error" : "warn", message, { type, ...fields });
  }

  #troubles(): readonly string[] {
    const ports = this.#dataPath.snapshot().tcpPorts.map(({ problem }) => problem);
    const { failure } = this.#viewFile;
    return [failure, this.#destination.failure, this.#current.lastRefusal, ...ports].filter(
      (trouble) => trouble !== undefined,
    );
  }

  #reading(): ProcessReading {
    const { user, system } = process.cpuUsage();
    const lateS = (quantile: number) =>
      Math.max(0, this.#loopDelay.percentile(quantile * 100) / 1e9 - loopResolutionMs / 1_000);
    const reading: ProcessReading = {
      logLinesDropped: this.#accessLog.droppedLines,
      viewsRefused: this.#current.refusedCount,
      viewWriteFailures: this.#viewFile.failureCount,
      loopDelayS: { "0.5": lateS(0.5), "0.99": lateS(0.99), "1.0": lateS(1) },
      cpuS: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      startedAtS: performance.timeOrigin / 1_000,
    };
    this.#loopDelay.reset();
    return reading;
  }
}

async function listenOn(dataPath: DataPath, options: ListenOptions): Promise<ListenAddress> {
  try {
    return await dataPath.listen(options);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? `${error.code}` : "";
    const fix = listenFixes[code];
    if (fix === undefined) throw error;
    throw new ClusterError("CONFIG_INVALID", {
      message: `Cannot listen on ${options.host}:${options.port} (${code}). ${fix}`,
      cause: error,
    });
  }
}

const listenFixes: Readonly<Record<string, string>> = {
  EACCES: "Ports below 1024 need privileges: set gateway.port to a higher one.",
  EADDRNOTAVAIL: "Set gateway.host to an address of this machine.",
  ENOTFOUND: "Set gateway.host to an address of this machine.",
};

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new ClusterError("STATE_REFUSED", {
      message: `Cannot read the cluster token ${path}: ${error instanceof Error ? error.message : error}.`,
      cause: error,
    });
  }
}

function isAnnounced(path: string, { pid, adminUrl }: Announcement): boolean {
  try {
    const found = JSON.parse(readFileSync(path, "utf8")) as Partial<Announcement> | null;
    return found?.pid === pid && found.adminUrl === adminUrl;
  } catch {
    return false; // Not there, or not whole: it is written again.
  }
}
