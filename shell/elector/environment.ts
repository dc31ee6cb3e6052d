/**
 * What the agent tells an instance of an elected service in its environment, as options. Whoever may read
 * the environment hands it in.
 */
import { ClusterError } from "@prunella/core/kernel";
import { FileArbiter } from "./arbiter/file-arbiter.ts";
import { agentDiscovery } from "./discovery/agent.ts";
import type { ElectionOptions, Followers, MemberOption } from "./options.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const host = "127.0.0.1";

/**
 * @throws ClusterError `CONFIG_INVALID` that names the variable which is missing or wrong.
 */
export function optionsFromEnvironment(environment: Environment): ElectionOptions {
  const id = needed(environment, "PRUNELLA_INSTANCE");
  const service = needed(environment, "PRUNELLA_SERVICE");
  const port = Number(needed(environment, "PRUNELLA_ELECTION_PORT"));
  const webPort = Number(environment["PORT"] ?? environment["WEB_PORT"] ?? 0);
  const incarnation = Number(environment["PRUNELLA_INCARNATION"] ?? 0);
  const own = environment["POD_IP"] ?? host;
  return {
    cluster: needed(environment, "PRUNELLA_CLUSTER"), // Each service has a key of its own.
    self: { id, incarnation, ...(webPort === 0 ? {} : { web: { host: own, port: webPort } }) },
    members: peersFrom(needed(environment, "PRUNELLA_ELECTION_PEERS")),
    listen: { host: own, port },
    key: { file: needed(environment, "PRUNELLA_ELECTION_KEY_FILE") },
    ...settingsFrom(environment),
    ...agentFrom(environment, service),
  };
}

/** The words are checked with all other options, when the election starts. */
function settingsFrom(environment: Environment): Partial<ElectionOptions> {
  const folder = environment["PRUNELLA_ELECTION_FOLDER"];
  const mode = environment["PRUNELLA_ELECTION_MODE"] as ElectionOptions["mode"];
  const timing = environment["PRUNELLA_ELECTION_TIMING"] as ElectionOptions["timing"];
  const preempt = environment["PRUNELLA_ELECTION_PREEMPT"] as ElectionOptions["preempt"];
  const leaseBreak = environment["PRUNELLA_ELECTION_LEASE_BREAK"] as ElectionOptions["leaseBreak"];
  const arbiterFile = environment["PRUNELLA_ELECTION_ARBITER_FILE"];
  const followers = environment["PRUNELLA_ELECTION_FOLLOWERS"] as Followers | undefined;
  return {
    ...(folder === undefined ? {} : { folder }),
    ...(mode === undefined ? {} : { mode }),
    ...(timing === undefined ? {} : { timing }),
    ...(preempt === undefined ? {} : { preempt }),
    ...(leaseBreak === undefined ? {} : { leaseBreak }),
    ...(followers === undefined ? {} : { followers }),
    ...(arbiterFile === undefined ? {} : { arbiter: FileArbiter.open(arbiterFile) }),
  };
}

function agentFrom(environment: Environment, service: string): Partial<ElectionOptions> {
  const agentFile = environment["PRUNELLA_AGENT_FILE"];
  const tokenFile = environment["PRUNELLA_ELECTION_TOKEN_FILE"];
  if (agentFile === undefined || tokenFile === undefined) return {};
  return { discovery: agentDiscovery({ service, agentFile, tokenFile }) };
}

/** `fortune-1=127.0.0.1:40001,fortune-2=127.0.0.1:40002`: numbers are those that end the names. */
function peersFrom(text: string): readonly MemberOption[] {
  return text.split(",").map((entry) => {
    const found = /^([^=]+)=(.+):(\d{1,5})$/.exec(entry.trim());
    const [, id, peerHost, port] = found ?? [];
    if (id === undefined || peerHost === undefined) {
      throw new ClusterError("CONFIG_INVALID", {
        message: `PRUNELLA_ELECTION_PEERS must be a list of name=host:port; "${entry}" is not one.`,
      });
    }
    const number = /\d{1,5}$/.exec(id)?.[0];
    return {
      id,
      host: peerHost,
      port: Number(port),
      ...(number === undefined ? {} : { number: Number(number) }),
    };
  });
}

function needed(environment: Environment, name: string): string {
  const value = environment[name];
  if (value !== undefined && value !== "") return value;
  throw new ClusterError("CONFIG_INVALID", {
    message: `${name} is not set. Instances of an elected service get it from the agent; elsewhere use createElection({ ... }).`,
    details: { name },
  });
}
