/** From what the cluster should be to what the runtime is told to keep: services and gateways. Pure. */
import { type InstanceName, instanceName, serviceName } from "@prunella/core/kernel";
import type { MemberSpec, RuntimeService } from "@prunella/runtime";
import type { ElectedSpec, ServiceSpec } from "@prunella/spec";
import { type ClusterState, runningMembers } from "./cluster-state.ts";
import type { ElectionFolder } from "./election-folder.ts";
import { gatewayService } from "./status.ts";

/** The names of the gateways: `gateway-1` and so on. */
export function gatewayInstances(count: number): readonly InstanceName[] {
  return Array.from({ length: count }, (_, index) => instanceName(`gateway-${index + 1}`));
}

/** Nothing stands in front of a gateway to drain it: it lets its own requests end after SIGTERM. */
export const gatewayStop = { drainMs: 0, graceMs: 10_000 } as const;

/** What each service gets from its surroundings. */
export type ServicePlace = {
  /** What its instances keep; shared by them, and it exists. */
  readonly dataFolder: string;
  /** Names a copy right before its launch: the source's `SERVER_ID`. */
  readonly serverId: (service: string, member: MemberSpec) => string;
};

/** How the gateway process is started. A change of `revision` restarts it. */
export type GatewayLaunch = {
  /** Where Node keeps compiled code of our own processes; undefined: where the host says. */
  readonly compileCache: string | undefined;
  readonly command: readonly string[];
  readonly folder: string;
  readonly port: number;
  readonly revision: string;
  readonly members: readonly InstanceName[];
};

export function replicasService(
  state: ClusterState,
  name: string,
  service: ServiceSpec,
  { dataFolder, serverId }: ServicePlace,
): RuntimeService {
  return {
    name: serviceName(name),
    cluster: state.spec?.name ?? "",
    command: service.command,
    folder: service.folder,
    env: { ...state.inheritedEnv, ...service.env, PRUNELLA_DATA_FOLDER: dataFolder },
    memberEnv: (member) => ({ SERVER_ID: serverId(name, member) }),
    fixedPort: undefined,
    probe: service.probe,
    stop: service.stop,
    log: service.log,
    members: runningMembers(state, name).map((member) => ({
      name: instanceName(member.name),
      number: member.number,
    })),
  };
}

/** What an elected service needs beside what every service does. */
export type ElectionPlace = {
  readonly files: ElectionFolder;
  /** Where an agent says where it listens; read again whenever a connection is lost. */
  readonly agentFile: string;
  readonly leads: (member: InstanceName) => boolean;
};

/** The same service, with all that its electors need to find each other and to be believed. */
export function electedService(
  base: RuntimeService,
  { mode, timing, preempt, leaseBreak, followers }: ElectedSpec["election"],
  { files, agentFile, leads }: ElectionPlace,
): RuntimeService {
  return {
    ...base,
    elects: true,
    isLast: leads,
    env: {
      ...base.env,
      PRUNELLA_ELECTION_MODE: mode,
      PRUNELLA_ELECTION_TIMING: timing,
      PRUNELLA_ELECTION_PREEMPT: preempt,
      PRUNELLA_ELECTION_LEASE_BREAK: leaseBreak,
      PRUNELLA_ELECTION_FOLLOWERS: followers,
      PRUNELLA_ELECTION_KEY_FILE: files.keyFile,
      PRUNELLA_ELECTION_TOKEN_FILE: files.tokenFile,
      ...(mode === "arbiter" ? { PRUNELLA_ELECTION_ARBITER_FILE: files.arbiterFile } : {}),
      PRUNELLA_AGENT_FILE: agentFile,
    },
    memberEnv: (member) => ({
      ...base.memberEnv(member),
      PRUNELLA_ELECTION_FOLDER: files.voterFolder(member.name),
      POD_ID: `${member.number}`,
    }),
  };
}

/** The gateways are kept alive by the same supervisor as everything else. */
export function gatewayServiceOf(state: ClusterState, launch: GatewayLaunch): RuntimeService {
  return {
    name: serviceName(gatewayService),
    cluster: state.spec?.name ?? "",
    command: launch.command,
    folder: launch.folder,
    env: {
      ...state.inheritedEnv,
      ...(launch.compileCache === undefined ? {} : { NODE_COMPILE_CACHE: launch.compileCache }),
      PRUNELLA_CONFIG_REVISION: launch.revision,
    },
    memberEnv: () => ({}),
    fixedPort: launch.port,
    sharesPort: true,
    probe: {
      path: "*", // A stopped process still accepts connections; only an answer shows that it turns.
      intervalMs: 1_000,
      timeoutMs: 1_000,
      failuresMax: 3,
      successesMin: 1,
      startupMs: 15_000,
    },
    stop: gatewayStop,
    log: { fileMiB: 16, filesMax: 2 },
    members: launch.members.map((name, index) => ({ name, number: index + 1 })),
  };
}
