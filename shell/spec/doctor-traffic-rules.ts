/** Rules of doctor about how gateways treat the requests of one service. */
import type { Remark, ServiceRule } from "./doctor.ts";

export const trafficRules: readonly ServiceRule[] = [
  {
    id: "try-as-long-as-all",
    find({ name, service }): readonly Remark[] {
      const { timeoutMs, traffic } = service;
      const { tryTimeoutMs } = traffic;
      if (tryTimeoutMs === undefined || tryTimeoutMs < timeoutMs) return [];
      return [
        {
          ...{ path: ["services", name, "tryTimeoutMs"], severity: "warning" },
          message: `(${tryTimeoutMs} ms) is not less than timeoutMs (${timeoutMs} ms)`,
          why: "When the first try is given up there is no time for a second one.",
          fix: `write tryTimeoutMs: ${Math.max(10, Math.floor(timeoutMs / 3))}, or a longer timeoutMs`,
        },
      ];
    },
  },
  {
    id: "weight-without-instance",
    find({ name, service }): readonly Remark[] {
      const { count, weights } = service;
      return Object.keys(weights).flatMap((instance): readonly Remark[] => {
        if (Number(instance.slice(name.length + 1)) <= count) return [];
        return [
          {
            ...{ path: ["services", name, "weights", instance], severity: "info" },
            message: `is not among the ${count} instances that run`,
            why: "The weight holds as soon as scale makes that instance, and means nothing before.",
            fix: "remove it, unless that is what you want",
          },
        ];
      });
    },
  },
  {
    id: "waiting-is-off",
    find({ name, service }): readonly Remark[] {
      if (service.traffic.holdMs !== 0) return [];
      return [
        {
          ...{ path: ["services", name, "holdMs"], severity: "warning" },
          message: "is 0, so no request waits for an instance",
          why: "While the last instance restarts, every request is answered with 503 at once.",
          fix: "write holdMs: 2000, about the time of a restart",
        },
      ];
    },
  },
  {
    id: "tcp-port-of-gateway",
    find({ name, service, spec }): readonly Remark[] {
      const { port } = spec.gateway;
      const takes = service.tcp.some((tcp) => {
        const last = tcp.by === "member" ? tcp.port + service.scale.max - 1 : tcp.port;
        return tcp.port <= port && port <= last;
      });
      if (!takes) return [];
      return [
        {
          ...{ path: ["services", name, "tcp"], severity: "error" },
          message: `takes port ${port}, on which the gateway listens`,
          why: "Only one of them can have it, so one of the two is not reachable.",
          fix: "choose another port for the service, or another gateway.port",
        },
      ];
    },
  },
];
