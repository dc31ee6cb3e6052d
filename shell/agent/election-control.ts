/** What the control API can ask about elected services. */
import { ClusterError } from "@prunella/core/kernel";
import type { ElectedSpec } from "@prunella/spec";
import type { AcceptedLeader, ElectionStatus, LeaderAnnouncement } from "@prunella/wire/election";
import type { ClusterKeeper } from "./cluster-keeper.ts";
import { runningMembers, serviceOf } from "./cluster-state.ts";
import type { Elections, Listener } from "./elections.ts";
import { isReady } from "./status.ts";

const drainMsMax = 10_000;
/** Beside the work that ends: a failover may have to come first, and a vote may have to be repeated. */
const electMsMax = 10_000;

export interface ElectionControl {
  /** @throws ClusterError `SERVICE_UNKNOWN`, `REQUEST_INVALID` when nobody is elected there. */
  status(service: string): ElectionStatus;
  /** @throws ClusterError `TERM_CONFLICT`, `INSTANCE_UNKNOWN`. */
  announce(service: string, word: LeaderAnnouncement): AcceptedLeader;
  /** Answers when another one leads. */
  resign(service: string, to: string | undefined): Promise<ElectionStatus>;
  /** Calls back at once with the members, and then with all that happens, until it is undone. */
  subscribe(service: string, listener: Listener): () => void;
}

export function electionControl(keeper: ClusterKeeper, elections: Elections): ElectionControl {
  const status = (service: string): ElectionStatus => {
    const { mode, timing } = electedSpec(keeper, service).election;
    const leader = elections.leader(service);
    return {
      ...{ service, mode, timing, term: elections.term(service) },
      leader: leader?.member ?? null,
      state: leader?.state ?? "none",
      history: [...elections.history(service)],
    };
  };
  return {
    status,
    announce(service, word) {
      electedSpec(keeper, service);
      return elections.announce(service, word);
    },
    async resign(service, to) {
      const { stop } = electedSpec(keeper, service);
      if (to !== undefined) demandHeir(keeper, elections, service, to);
      const drainMs = Math.min(drainMsMax, Math.max(stop.drainMs, 1_000));
      await keeper.handOver(service, to, { drainMs, waitMs: drainMs + electMsMax });
      return status(service);
    },
    subscribe(service, listener) {
      electedSpec(keeper, service);
      return elections.subscribe(service, listener);
    },
  };
}

function electedSpec(keeper: ClusterKeeper, service: string): ElectedSpec {
  const spec = serviceOf(keeper.state, service);
  if (spec.kind === "elected") return spec;
  const services = Object.entries(keeper.state.spec?.services ?? {});
  const known = services.filter(([, { kind }]) => kind === "elected").map(([name]) => name);
  throw new ClusterError("REQUEST_INVALID", {
    message: `${service} elects no leader: its kind is ${spec.kind}. ${known.length === 0 ? "No service of this cluster does." : `Elected services: ${known.join(", ")}.`}`,
    details: { service, known },
  });
}

function demandHeir(keeper: ClusterKeeper, elections: Elections, service: string, to: string) {
  const members = runningMembers(keeper.state, service).map(({ name }) => name);
  const leader = elections.leader(service)?.member;
  const refuse = (message: string): never => {
    throw new ClusterError("REQUEST_INVALID", { message, details: { service, members } });
  };
  if (!members.includes(to)) {
    refuse(`${to} is no member of ${service}. Members: ${members.join(", ")}.`);
  }
  if (to === leader) refuse(`${to} leads ${service} already.`);
  const instance = keeper.observe().find(({ name }) => name === to);
  if (!isReady(instance)) {
    refuse(`${to} cannot lead now: ${instance?.reason ?? "it was not launched yet"}.`);
  }
}
