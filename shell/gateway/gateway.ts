/**
 * The gateway as a library: the data path in your own process, without an agent.
 */
import { ClusterError, instanceName, serviceName } from "@prunella/core/kernel";
import type {
  KeySource,
  Placement,
  RouteView,
  ServiceView,
  TcpView,
  TrafficView,
  View,
} from "@prunella/wire/view";
import { DataPath, type ListenAddress, type ListenOptions } from "./data-path.ts";
import type { Limits } from "./limits.ts";
import type { AccessEntry } from "./observation/access-entry.ts";
import type { DataPathFact } from "./observation/data-path-fact.ts";
import type { DataPathSnapshot, TcpPortSnapshot } from "./observation/snapshot.ts";
import { CurrentView } from "./view/current-view.ts";

/** One service with fixed members. How its requests are treated may be said as well. */
export type StaticService = TrafficView & {
  readonly name: string;
  /**
   * Path prefixes, on segment boundaries, for any host or for one (`*.example.org` is every name below
   * it). Default `["/"]`; none for a service with `tcp`.
   */
  readonly routes?: readonly (string | RouteView)[];
  /** `host:port` of each member. Its place in the list is its identity for the placement. */
  readonly members: readonly string[];
  /** By place in `members`: a share relative to 1, which is the default, in (0, 100]. */
  readonly weights?: readonly number[];
  /** Where the hash key comes from. Default: a drawn number, so load is even. */
  readonly keys?: readonly KeySource[];
  readonly placement?: Placement;
  /**
   * GET and HEAD may share connections to a member. For members that answer each request exactly
   * once, in order and soon. Off unless said.
   */
  readonly pipelining?: "safe";
  /**
   * For a service that does not speak HTTP: one port, whose connections go to the member with the
   * fewest, or a port for each member in the order of the list. `host` is 127.0.0.1 unless given.
   */
  readonly tcp?: { readonly host?: string } & (
    | { readonly port: number }
    | { readonly ports: readonly [first: number, last: number] }
  );
  /** Bound of all tries of one request together. Default 30,000. */
  readonly timeoutMs?: number;
  /** Default 1 GiB. */
  readonly bodyBytesMax?: number;
};

export type GatewayOptions = {
  readonly listeners: readonly ListenOptions[];
  /** Fixed services, or views as they come: each is applied if it is newer than the last. */
  readonly services: readonly StaticService[] | AsyncIterable<View>;
  /** Names the gateway in `Via`. Default `gateway`; views must carry the same name. */
  readonly cluster?: string;
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly accessLog?: (entry: AccessEntry) => void;
  readonly report?: (fact: DataPathFact) => void;
  /** Called for each view that was refused; without it a refused view is skipped silently. */
  readonly onRefused?: (error: ClusterError) => void;
};

export interface Gateway extends AsyncDisposable {
  /** In the order of `listeners`; here one finds the port when 0 was asked for. */
  readonly addresses: readonly ListenAddress[];
  snapshot(): DataPathSnapshot;
  /** Stops accepting and resolves when the last request ended, after `deadlineMs` at the latest. */
  drain(deadlineMs?: number): Promise<void>;
  /** Ends everything at once. */
  close(): Promise<void>;
}

/**
 * Starts a gateway in this process and resolves once it listens.
 *
 * @throws ClusterError `PORT_TAKEN`, whatever else `listen` of the system says, and ClusterError
 *   `CONFIG_INVALID` for a member that is no `host:port`.
 *
 * @example
 * ```ts
 * await using gateway = await createGateway({
 *   listeners: [{ host: "127.0.0.1", port: 8080 }],
 *   services: [{ name: "hello", members: ["127.0.0.1:3001", "127.0.0.1:3002"] }],
 * });
 * ```
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { listeners, services, cluster = "gateway", onRefused, ...forDataPath } = options;
  const dataPath = new DataPath({ cluster, ...forDataPath });
  const current = new CurrentView(cluster, dataPath);
  const isFixed = !(Symbol.asyncIterator in services);
  if (isFixed) current.offer(fixedView(cluster, services), true);
  const following = isFixed ? undefined : follow(services, current, onRefused);
  try {
    const addresses = await Promise.all(listeners.map((listener) => dataPath.listen(listener)));
    await dataPath.tcpSettled();
    const refused = isFixed ? dataPath.snapshot().tcpPorts.find(({ open }) => !open) : undefined;
    if (refused !== undefined) throw portRefused(refused);
    const close = async () => {
      following?.stop();
      await dataPath.close();
    };
    return {
      addresses,
      snapshot: () => dataPath.snapshot(),
      drain: (deadlineMs) => dataPath.drain(deadlineMs),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    following?.stop();
    await dataPath.close();
    throw error;
  }
}

/** Applies views until they end or somebody says stop. A source that fails ends the process. */
function follow(
  views: AsyncIterable<View>,
  current: CurrentView,
  onRefused: ((error: ClusterError) => void) | undefined,
): { readonly stop: () => void } {
  const iterator = views[Symbol.asyncIterator]();
  let stopped = false;
  const run = async () => {
    while (!stopped) {
      const next = await iterator.next();
      if (next.done === true || stopped) return;
      try {
        current.offer(next.value, true);
      } catch (error) {
        if (!ClusterError.is(error)) throw error;
        onRefused?.(error);
      }
    }
  };
  void run();
  const stop = () => {
    stopped = true;
    void iterator.return?.();
  };
  return { stop };
}

function fixedView(cluster: string, services: readonly StaticService[]): View {
  return {
    cluster,
    agentTerm: 0,
    version: 1,
    controlUrl: "",
    services: services.map(serviceView),
  };
}

function serviceView(service: StaticService): ServiceView {
  return {
    name: serviceName(service.name),
    kind: "replicas",
    routes: (service.routes ?? (service.tcp === undefined ? ["/"] : [])).map((route) =>
      typeof route === "string" ? { prefix: route } : route,
    ),
    ...(service.tcp === undefined ? {} : { tcp: tcpView(service.tcp) }),
    keys: service.keys ?? [{ from: "request" }],
    placement: service.placement ?? "default",
    seed: 0,
    traffic: trafficOf(service),
    ...(service.pipelining === undefined ? {} : { pipelining: service.pipelining }),
    timeoutMs: service.timeoutMs ?? 30_000,
    bodyBytesMax: service.bodyBytesMax ?? 1024 ** 3,
    members: service.members.map((address, index) => {
      const { host, port } = parseAddress(service.name, address);
      const id = instanceName(`${service.name}-${index + 1}`);
      return {
        id,
        incarnation: 1,
        host,
        port,
        weight: service.weights?.[index] ?? 1,
        state: "serving",
        number: index + 1,
        served: true,
        hostname: id,
      };
    }),
  };
}

/** Only what was said, because what is absent has a default. */
function trafficOf(service: StaticService): TrafficView {
  const { tryTimeoutMs, retryUnsafe, maxInFlight, holdMs } = service;
  const { slowStartMs, loadBound, ejectAfter } = service;
  return {
    ...(tryTimeoutMs === undefined ? {} : { tryTimeoutMs }),
    ...(retryUnsafe === undefined ? {} : { retryUnsafe }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(holdMs === undefined ? {} : { holdMs }),
    ...(slowStartMs === undefined ? {} : { slowStartMs }),
    ...(loadBound === undefined ? {} : { loadBound }),
    ...(ejectAfter === undefined ? {} : { ejectAfter }),
  };
}

function tcpView(tcp: NonNullable<StaticService["tcp"]>): TcpView {
  const { host = "127.0.0.1" } = tcp;
  if ("port" in tcp) return { host, firstPort: tcp.port, lastPort: tcp.port, by: "service" };
  const [firstPort, lastPort] = tcp.ports;
  return { host, firstPort, lastPort, by: "member" };
}

function portRefused({ host, port, problem = "" }: TcpPortSnapshot): ClusterError {
  return new ClusterError("PORT_TAKEN", {
    message: `${problem}. Stop the program that has it, or choose another port.`,
    details: { host, port },
  });
}

const addressPattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/;

function parseAddress(service: string, address: string): { host: string; port: number } {
  const [, version6, other, digits] = addressPattern.exec(address) ?? [];
  const host = version6 ?? other;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new ClusterError("CONFIG_INVALID", {
      message: `Service "${service}" has the member "${address}". Write host:port, as 127.0.0.1:3001.`,
    });
  }
  return { host, port };
}
