/** The one view of a gateway whose services never change. The options have been checked. */
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { ServiceView, TcpView, TrafficView, View } from "@prunella/wire/view";
import { addressOf, type StaticService } from "./gateway-options.ts";

export function fixedView(cluster: string, services: readonly StaticService[]): View {
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
    ...(service.tcp === undefined ? {} : { tcp: [tcpView(service.tcp)] }),
    keys: service.keys ?? [{ from: "request" }],
    placement: service.placement ?? "default",
    seed: 0,
    traffic: trafficOf(service),
    ...(service.pipelining === undefined ? {} : { pipelining: service.pipelining }),
    timeoutMs: service.timeoutMs ?? 30_000,
    bodyBytesMax: service.bodyBytesMax ?? 1024 ** 3,
    members: service.members.map((address, index) => {
      const { host = "", port } = addressOf(address);
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
  const { host = "127.0.0.1", proxyProtocol } = tcp;
  const shared = { host, ...(proxyProtocol === undefined ? {} : { proxyProtocol }) };
  if ("port" in tcp) {
    return { ...shared, firstPort: tcp.port, lastPort: tcp.port, by: tcp.by ?? "service" };
  }
  const [firstPort, lastPort] = tcp.ports;
  return { ...shared, firstPort, lastPort, by: "member" };
}
