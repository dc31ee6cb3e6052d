export { type AgentOptions, runAgent } from "./agent.ts";
export { stderrLog } from "./agent-log.ts";
