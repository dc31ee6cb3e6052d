/**
 * What it means that `agent.json` names no agent: mostly that nothing runs here. It may also be that an
 * agent is just starting, or that the file was damaged under a cluster that goes on.
 */
import { ClusterError } from "@prunella/core/kernel";
import { agentHolding } from "./agent-presence.ts";
import { hasEnded } from "./connection.ts";

export async function agentMissing(stateFolder: string): Promise<ClusterError> {
  const pid = await agentHolding(stateFolder);
  if (pid !== undefined) {
    return unreachable(`The agent (pid ${pid}) runs and does not say where it can be reached.`, {
      stateFolder,
      agentPid: pid,
      why: `${stateFolder}/agent.json is missing or damaged, or the agent is just starting`,
      fix: `ask again; if that does not help, replace the agent: kill ${pid}, then \`up\`. What it keeps alive goes on meanwhile`,
    });
  }
  if (await hasEnded(stateFolder)) {
    return unreachable("No cluster runs here.", {
      stateFolder,
      why: `there is no agent in ${stateFolder}`,
    });
  }
  return unreachable("No agent keeps this cluster; what it kept alive goes on without one.", {
    stateFolder,
    why: `${stateFolder}/agent.json is missing or damaged`,
    fix: "start the next agent, which adopts what runs",
  });
}

function unreachable(message: string, details: Readonly<Record<string, unknown>>): ClusterError {
  return new ClusterError("AGENT_UNREACHABLE", { message, details });
}
