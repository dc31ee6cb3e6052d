export type { ListenAddress, ListenOptions } from "./data-path.ts";
export { createGateway, type Gateway } from "./gateway.ts";
export type { GatewayConfig } from "./gateway-config.ts";
export type { GatewayOptions, StaticService } from "./gateway-options.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export type { AccessEntry } from "./observation/access-entry.ts";
export type { DataPathFact } from "./observation/data-path-fact.ts";
export type { DataPathSnapshot, MemberSnapshot, ServiceSnapshot } from "./observation/snapshot.ts";
