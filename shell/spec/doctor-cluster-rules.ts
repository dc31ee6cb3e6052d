/** Rules of doctor about the cluster as a whole. */
import type { ClusterRule, Remark } from "./doctor.ts";
import { isLoopback } from "./plan-gateway.ts";
import { routeText } from "./relations.ts";

const hiddenPaths = ["/rep", "/add", "/rm"];

export const clusterRules: readonly ClusterRule[] = [
  {
    id: "gateway-public",
    find({ gateway }) {
      if (isLoopback(gateway.host)) return [];
      return [
        {
          ...{ path: ["gateway", "host"], severity: "warning" },
          message: `is ${gateway.host}, so other machines can reach every route`,
          why: "The gateway speaks plain HTTP and asks nobody who they are.",
          fix: 'put a proxy with TLS in front, or write host: "127.0.0.1"',
        },
      ];
    },
  },
  {
    id: "port-privileged",
    find({ gateway }, { root }) {
      if (gateway.port >= 1024 || root) return [];
      return [
        {
          ...{ path: ["gateway", "port"], severity: "warning" },
          message: `is ${gateway.port}, and ports below 1024 usually belong to root`,
          why: "The gateway cannot start if this user may not bind the port.",
          fix: "choose a port of 1024 or more, or allow it (net.ipv4.ip_unprivileged_port_start)",
        },
      ];
    },
  },
  {
    id: "gateway-single",
    find({ gateway, services }) {
      const isRedundant = Object.values(services).some(({ count }) => count > 1);
      if (gateway.count > 1 || !isRedundant) return [];
      return [
        {
          ...{ path: ["gateway", "count"], severity: "info" },
          message: "is 1, so one process stands in front of all instances",
          why: "While a dead gateway is started again (about 0.3 s) nobody is answered.",
          fix: "write gateway: { count: 2 }: then its death costs only its own connections",
        },
      ];
    },
  },
  {
    id: "cores-few",
    find({ services }, { cores }) {
      const count = Object.values(services).reduce((sum, service) => sum + service.count, 0);
      if (count <= cores) return [];
      return [
        {
          ...{ path: ["services"], severity: "info" },
          message: `ask for ${count} instances, more than the machine has cores (${cores})`,
          why: "More copies than cores survive more deaths, but do not answer more requests.",
          fix: "nothing, if they are there for safety; fewer, if they are there for speed",
        },
      ];
    },
  },
  {
    id: "log-disk",
    find({ services }, { diskFreeMiB }) {
      const needMiB = Object.values(services).reduce((sum, { log, scale }) => {
        return sum + log.fileMiB * (log.filesMax + 1) * scale.max;
      }, 0);
      const nowMiB = Object.values(services).reduce((sum, { log, count }) => {
        return sum + log.fileMiB * (log.filesMax + 1) * count;
      }, 0);
      if (diskFreeMiB === undefined || needMiB <= diskFreeMiB / 2) return [];
      const full = nowMiB > diskFreeMiB;
      return [
        {
          ...{ path: ["services"], severity: full ? "warning" : "info" },
          message: `may keep ${needMiB} MiB of logs (${nowMiB} MiB with the counts of the file), and ${diskFreeMiB} MiB are free`,
          why: "A full disk stops instances from writing, and the agent from remembering.",
          fix: "lower log: { fileMiB, filesMax } or scale: { max }",
        },
      ];
    },
  },
  {
    id: "route-unreachable",
    find({ services }) {
      const all = Object.entries(services);
      const compat = all.find(([, { compat: mode }]) => mode !== undefined);
      if (compat === undefined) return [];
      const hosts = compat[1].routes.filter(({ prefix }) => prefix === "/").map(({ host }) => host);
      return all.flatMap(([name, { routes }]) =>
        routes.flatMap((route, index): readonly Remark[] => {
          if (!hiddenPaths.includes(route.prefix) || !hosts.includes(route.host)) return [];
          return [
            {
              ...{ path: ["services", name, "route", index], severity: "warning" },
              message: `${routeText(route)} is hidden by the compatibility calls of services.${compat[0]}`,
              why: `With compat, ${route.prefix} is answered by the gateway and reaches no program.`,
              fix: "choose another prefix, or switch compat off",
            },
          ];
        }),
      );
    },
  },
];
