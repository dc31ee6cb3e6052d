export type { AccessEntry } from "./access-entry.ts";
export type { ListenAddress, ListenOptions } from "./data-path.ts";
export type { DataPathFact } from "./data-path-fact.ts";
export { createGateway, type Gateway, type GatewayOptions, type StaticService } from "./gateway.ts";
export type { GatewayConfig } from "./gateway-config.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export type { DataPathSnapshot, MemberSnapshot, ServiceSnapshot } from "./snapshot.ts";
