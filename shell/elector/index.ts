export type { HistoryRow, LeaderRef, Mode, Timing, TimingName } from "@prunella/core/election";
export type { Arbiter, SwapOutcome } from "./arbiter/arbiter.ts";
export { FileArbiter } from "./arbiter/file-arbiter.ts";
export { newKey, writeNewKey } from "./authentication/key-ring.ts";
export { type AgentOptions, agentDiscovery } from "./discovery/agent.ts";
export type { Discovery, DiscoveryNews, LeaderReport } from "./discovery/discovery.ts";
export { type DnsOptions, dnsDiscovery } from "./discovery/dns.ts";
export {
  type CurrentLeader,
  createElection,
  Election,
  type ElectionEvents,
  type ResignOptions,
} from "./election.ts";
export { optionsFromEnvironment } from "./environment.ts";
export type { Fence } from "./fence/fence.ts";
export { FileFence } from "./fence/file-fence.ts";
export { fencingMiddleware, fencingTokenHeader } from "./fence/http-fence.ts";
export { MemoryFence } from "./fence/memory-fence.ts";
export { RedisFence, type RunRedisScript, redisFenceScript } from "./fence/redis-fence.ts";
export { type RunSql, SqlFence, type SqlFenceOptions, SqliteFence } from "./fence/sql-fence.ts";
export { compareTokens, type FenceToken } from "./fence/token.ts";
export type { Leadership } from "./leadership.ts";
export type { ElectionOptions, Followers, KeyOption, MemberOption, SelfOption } from "./options.ts";
