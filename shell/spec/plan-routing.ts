/** The part of a plan that gateways carry out: routes, keys, placement, limits of requests. */
import { isDeepStrictEqual } from "node:util";
import type { ClusterSpec, PlannedChange, ServiceSpec, TcpSpec } from "./cluster-spec.ts";
import { openCalls } from "./plan-gateway.ts";
import { routeKey, routeText } from "./relations.ts";

type Effect = Pick<PlannedChange, "reason" | "risk" | "riskDetail">;

/** One change a service: what changed, with the worst of its risks. */
export function routingChanges(
  name: string,
  old: ServiceSpec,
  service: ServiceSpec,
  next: ClusterSpec,
): readonly PlannedChange[] {
  const effects = [
    ...routeEffects(old, service),
    ...keyEffects(old, service),
    ...compatEffects(old, service, next),
    ...pipeliningEffects(old, service),
    ...limitEffects(old, service),
    ...trafficEffects(old, service),
    ...weightEffects(old, service),
    ...tcpEffects(old, service),
  ];
  if (effects.length === 0) return [];
  const risk = (["high", "low", "none"] as const).find((level) =>
    effects.some((effect) => effect.risk === level),
  );
  return [
    {
      ...{ action: "reroute", service: name, detail: "gateways change over without a restart" },
      reason: `changed: ${effects.map(({ reason }) => reason).join(", ")}`,
      risk: risk ?? "none",
      riskDetail: effects.flatMap(({ riskDetail }) => riskDetail || []).join(" "),
    },
  ];
}

function routeEffects(old: ServiceSpec, service: ServiceSpec): readonly Effect[] {
  const before = new Set(old.routes.map(routeKey));
  const after = new Set(service.routes.map(routeKey));
  const gone = old.routes.filter((route) => !after.has(routeKey(route))).map(routeText);
  const added = service.routes.filter((route) => !before.has(routeKey(route))).map(routeText);
  const effects: Effect[] = [];
  if (gone.length > 0) {
    const riskDetail = `Requests to ${gone.join(", ")} go to a shorter route, or are answered with 404.`;
    effects.push({ reason: `route ${gone.join(", ")} removed`, risk: "high", riskDetail });
  }
  if (added.length > 0) {
    effects.push({ reason: `route ${added.join(", ")} added`, risk: "none", riskDetail: "" });
  }
  return effects;
}

function keyEffects(old: ServiceSpec, service: ServiceSpec): readonly Effect[] {
  const effects: Effect[] = [];
  const riskDetail = "Most keys move to another instance.";
  if (old.placement !== service.placement) {
    const reason = `hash ${old.placement} -> ${service.placement}`;
    effects.push({ reason, risk: "low", riskDetail });
  }
  if (!isDeepStrictEqual(old.keys, service.keys)) {
    effects.push({ reason: "key", risk: "low", riskDetail: effects.length > 0 ? "" : riskDetail });
  }
  return effects;
}

function compatEffects(
  old: ServiceSpec,
  service: ServiceSpec,
  next: ClusterSpec,
): readonly Effect[] {
  if (old.compat === service.compat) return [];
  if (service.compat !== undefined) return [{ reason: "compat switched on", ...openCalls(next) }];
  const riskDetail = "/rep, /add and /rm go to the program from then on.";
  return [{ reason: "compat switched off", risk: "low", riskDetail }];
}

function pipeliningEffects(old: ServiceSpec, service: ServiceSpec): readonly Effect[] {
  if (old.pipelining === service.pipelining) return [];
  if (service.pipelining === undefined) {
    return [{ reason: "pipelining switched off", risk: "none", riskDetail: "" }];
  }
  const riskDetail = "A program that answers twice or out of order would answer the wrong client.";
  return [{ reason: "pipelining switched on", risk: "low", riskDetail }];
}

function limitEffects(old: ServiceSpec, service: ServiceSpec): readonly Effect[] {
  return (["timeoutMs", "bodyMiBMax"] as const).flatMap((field): readonly Effect[] => {
    if (old[field] === service[field]) return [];
    const reason = `${field} ${old[field]} -> ${service[field]}`;
    if (service[field] > old[field]) return [{ reason, risk: "none", riskDetail: "" }];
    const riskDetail = `Requests that needed more ${field === "timeoutMs" ? "time" : "room"} fail.`;
    return [{ reason, risk: "low", riskDetail }];
  });
}

/** An agent of an earlier release wrote none of these fields. */
type Older = {
  readonly traffic?: ServiceSpec["traffic"];
  readonly weights?: ServiceSpec["weights"];
};

function trafficEffects(old: Older, service: ServiceSpec): readonly Effect[] {
  const before = new Map<string, unknown>(Object.entries(old.traffic ?? {}));
  const after = new Map<string, unknown>(Object.entries(service.traffic));
  const text = (value: unknown) => (value === undefined ? "default" : String(value));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((field): readonly Effect[] => {
    const [was, is] = [before.get(field), after.get(field)];
    if (was === is) return [];
    return [{ reason: `${field} ${text(was)} -> ${text(is)}`, risk: "none", riskDetail: "" }];
  });
}

function weightEffects(old: Older, service: ServiceSpec): readonly Effect[] {
  if (isDeepStrictEqual(old.weights ?? {}, service.weights)) return [];
  const riskDetail = "Keys move between instances until the shares fit.";
  return [{ reason: "weights", risk: "low", riskDetail }];
}

function tcpEffects(old: ServiceSpec, service: ServiceSpec): readonly Effect[] {
  if (isDeepStrictEqual(old.tcp, service.tcp)) return [];
  const text = ({ tcp }: ServiceSpec) => tcp.map(tcpText).join(" and ") || "none";
  const reason = `tcp ${text(old)} -> ${text(service)}`;
  const gone = old.tcp.filter((tcp) => !service.tcp.some((other) => isDeepStrictEqual(tcp, other)));
  if (gone.length === 0) return [{ reason, risk: "none", riskDetail: "" }];
  const ports = gone.map(({ port }) => port).join(", ");
  const riskDetail = `Nobody listens on port ${ports} for it as before.`;
  return [{ reason, risk: "high", riskDetail }];
}

function tcpText({ port, by, role, proxyProtocol }: TcpSpec): string {
  const parts = [`${port} by ${by}`, role && `for ${role}`, proxyProtocol && "with PROXY v2"];
  return parts.filter((part) => part !== undefined).join(" ");
}
