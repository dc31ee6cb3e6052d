/** The part of a plan that concerns the gateway itself. */
import type { ClusterSpec, PlannedChange } from "./cluster-spec.ts";

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

/** What it means that /add and /rm need no token. */
export function openCalls(next: ClusterSpec): Pick<PlannedChange, "risk" | "riskDetail"> {
  const local = isLoopback(next.gateway.host);
  const who = local ? "everybody on this machine" : "everybody who reaches the gateway";
  const riskDetail = `/add and /rm need no token: ${who} may change the count.`;
  return { risk: local ? "low" : "high", riskDetail };
}

export function gatewayChanges(
  current: ClusterSpec | undefined,
  next: ClusterSpec,
): readonly PlannedChange[] {
  const { host, port, count } = next.gateway;
  if (current === undefined) {
    const open = !isLoopback(host);
    return [
      {
        ...{ action: "create", service: "gateway" },
        detail: `${count === 1 ? "" : `${count} processes `}listen on ${address(host, port)}`,
        reason: "the cluster is new",
        risk: open ? "low" : "none",
        riskDetail: open ? "Other machines can reach it." : "",
      },
    ];
  }
  const old = current.gateway;
  const moved = old.host !== host || old.port !== port;
  const causes = [
    ...(moved ? [`address ${address(old.host, old.port)} -> ${address(host, port)}`] : []),
    ...(sameList(old.trustedProxies, next.gateway.trustedProxies) ? [] : ["trustedProxies"]),
    ...(old.accessLog === next.gateway.accessLog ? [] : ["accessLog"]),
  ];
  const scaling = old.count === count ? [] : [scaled(old.count, count)];
  if (causes.length === 0) return scaling;
  const opened = isLoopback(old.host) && !isLoopback(host);
  const risks = [
    moved ? "Nobody answers on the old address any more." : closed(count),
    ...(opened ? ["Other machines can reach it."] : []),
  ];
  return [
    {
      ...{ action: "restart", service: "gateway", detail: "start the gateway anew" },
      reason: `changed: ${causes.join(", ")}`,
      risk: moved ? "high" : "low",
      riskDetail: risks.join(" "),
    },
    ...scaling,
  ];
}

function closed(count: number): string {
  if (count === 1) return "Open connections are closed.";
  return "Open connections are closed, one process at a time.";
}

function scaled(before: number, after: number): PlannedChange {
  const change = {
    ...({ action: "scale", service: "gateway", reason: "changed: count" } as const),
    detail: `${before} -> ${after}`,
  };
  if (after > before) return { ...change, risk: "none", riskDetail: "" };
  const riskDetail = "Connections of those that end are closed after their last answer.";
  return { ...change, risk: "low", riskDetail };
}

function address(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
