/**
 * Election as a library: `import { createElection } from "prunella/election"`. It needs no agent; an
 * instance of an elected service finds all it needs in its environment: `electionFromEnvironment()`.
 */
import { createElection, type Election, optionsFromEnvironment } from "@prunella/elector";

export {
  type Arbiter,
  agentDiscovery,
  compareTokens,
  createElection,
  type Discovery,
  dnsDiscovery,
  Election,
  type ElectionOptions,
  type Fence,
  FileArbiter,
  FileFence,
  fencingMiddleware,
  type Leadership,
  MemoryFence,
  newKey,
  RedisFence,
  SqlFence,
  SqliteFence,
  writeNewKey,
} from "@prunella/elector";

/**
 * The election of an elected service, as the agent describes it to its instances.
 *
 * @throws ClusterError `CONFIG_INVALID` when this process is not an instance of an elected service.
 */
export function electionFromEnvironment(
  changes: Partial<Parameters<typeof createElection>[0]> = {},
): Election {
  return createElection({ ...optionsFromEnvironment(process.env), ...changes });
}
