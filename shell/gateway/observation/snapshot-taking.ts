/** Copies the counters of the core into the shape that readers know. */
import { clientPhase } from "../exchange/state/client-connection.ts";
import type { CoreState } from "../exchange/state/core-state.ts";
import type { Service } from "../routing/service.ts";
import type { Door } from "../tcp/tcp-doors.ts";
import type { Counts, DataPathSnapshot, ServiceSnapshot } from "./snapshot.ts";

export function takeSnapshot(
  core: CoreState,
  view: {
    readonly agentTerm: number;
    readonly version: number;
    readonly ageMs: number | undefined;
  },
  doors: readonly Door[],
  nowMs: number,
): DataPathSnapshot {
  return {
    agentTerm: view.agentTerm,
    viewVersion: view.version,
    viewAgeMs: view.ageMs,
    draining: core.draining,
    services: [...core.services.values()].map((service) => serviceSnapshot(service, nowMs)),
    rejected: core.rejected.snapshot(),
    clientConnections: connectionCounts(core),
    clientConnectionsAccepted: core.acceptedCount,
    clientConnectionsClosed: core.closed.snapshot(),
    tcpPorts: doors.map(({ host, port, service, state, problem }) => {
      return { host, port, service, open: state === "open", problem };
    }),
    bufferedBytes: core.bufferedBytes,
    bytes: { clientIn: core.bytesIn, clientOut: core.bytesOut },
  };
}

function connectionCounts(core: CoreState): Counts {
  let active = 0;
  let idle = 0;
  let tunnel = 0;
  for (const client of core.clients) {
    if (client.phase === clientPhase.tunnel) tunnel += 1;
    else if (client.exchange.active) active += 1;
    else idle += 1;
  }
  return { active, idle, tunnel };
}

function serviceSnapshot(service: Service, nowMs: number): ServiceSnapshot {
  const { counters } = service;
  const [none = 0, informational = 0, success = 0, redirect = 0, caller = 0, server = 0] =
    counters.classes;
  return {
    name: service.name,
    members: service.members.map((member) => member.snapshot(nowMs)),
    requests: {
      "1xx": informational,
      "2xx": success,
      "3xx": redirect,
      "4xx": caller,
      "5xx": server,
      none,
    },
    duration: counters.duration.snapshot(),
    upstreamDuration: counters.upstreamDuration.snapshot(),
    retries: counters.retries.snapshot(),
    retryTokens: service.budget.tokens(nowMs),
    diverted: counters.diverted.snapshot(),
    failOpen: counters.failOpen,
    pipelined: counters.pipelined,
    held: service.waiting.length,
    heldRefused: counters.heldRefused.snapshot(),
    discarded: counters.discarded.snapshot(),
    tcpConnections: counters.tcp.snapshot(),
    tcpBytes: { in: counters.tcpBytesIn, out: counters.tcpBytesOut },
    leaderTerm: service.leaderRoute?.term,
    leader: service.leader?.view.id,
    staleAnswersDropped: counters.staleAnswersDropped,
    clientAborts: counters.clientAborts,
    brokenResponses: counters.brokenResponses,
    ringMovedRatio: counters.ringMovedRatio,
  };
}
