/**
 * Names, labels and sources of the gateway's metrics, as a table; histograms are in
 * `duration-table.ts`. Names and labels are API.
 *
 * Labels are bounded: service, member, class of the status, reason, state. Never a path, a request
 * id or an address, so the number of series depends on the cluster file and not on the traffic.
 */
import type { Counts, DataPathSnapshot, MemberSnapshot, ServiceSnapshot } from "./snapshot.ts";

/** What the process knows beside its data path. */
export type ProcessReading = {
  readonly logLinesDropped: number;
  readonly viewsRefused: number;
  readonly viewWriteFailures: number;
  /** Lateness of the event loop by quantile, in seconds, since the last reading. */
  readonly loopDelayS: Readonly<Record<string, number>>;
  readonly cpuS: number;
  readonly residentBytes: number;
  readonly startedAtS: number;
};

export type MetricsInput = { readonly path: DataPathSnapshot; readonly process: ProcessReading };

export type Reading = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export type MetricRow = {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly labels: readonly string[];
  readonly help: string;
  readonly read: (input: MetricsInput) => readonly Reading[];
};

type Kind = Pick<MetricRow, "type" | "name" | "help">;

function counter(name: string, help: string): Kind {
  return { type: "counter", name: `prunella_gateway_${name}_total`, help };
}

function gauge(name: string, help: string): Kind {
  return { type: "gauge", name: `prunella_gateway_${name}`, help };
}

/** One number for the whole process. */
function single(kind: Kind, value: (input: MetricsInput) => number | undefined): MetricRow {
  const read = (input: MetricsInput): readonly Reading[] => {
    const number = value(input);
    return number === undefined ? [] : [{ labels: {}, value: number }];
  };
  return { ...kind, labels: [], read };
}

/** One number for each label of a set of counts. */
function labelled(kind: Kind, label: string, counts: (input: MetricsInput) => Counts): MetricRow {
  return { ...kind, labels: [label], read: (input) => readings(counts(input), label, {}) };
}

function perService(kind: Kind, value: (service: ServiceSnapshot) => number): MetricRow {
  const read = ({ path }: MetricsInput) =>
    path.services.map((service) => ({ labels: { service: service.name }, value: value(service) }));
  return { ...kind, labels: ["service"], read };
}

/** Services that have no such number are left out. */
function perServiceWith(
  kind: Kind,
  value: (service: ServiceSnapshot) => number | undefined,
): MetricRow {
  const read = ({ path }: MetricsInput) =>
    path.services.flatMap((service) => {
      const number = value(service);
      return number === undefined ? [] : [{ labels: { service: service.name }, value: number }];
    });
  return { ...kind, labels: ["service"], read };
}

function perServiceAnd(
  kind: Kind,
  label: string,
  counts: (service: ServiceSnapshot) => Counts,
): MetricRow {
  const read = ({ path }: MetricsInput) =>
    path.services.flatMap((service) => readings(counts(service), label, { service: service.name }));
  return { ...kind, labels: ["service", label], read };
}

function perMember(kind: Kind, value: (member: MemberSnapshot) => number): MetricRow {
  const read = ({ path }: MetricsInput) =>
    path.services.flatMap((service) =>
      service.members.map((member) => ({
        labels: { service: service.name, member: member.id },
        value: value(member),
      })),
    );
  return { ...kind, labels: ["service", "member"], read };
}

function perMemberAnd(
  kind: Kind,
  label: string,
  counts: (member: MemberSnapshot) => Counts,
): MetricRow {
  const read = ({ path }: MetricsInput) =>
    path.services.flatMap((service) =>
      service.members.flatMap((member) =>
        readings(counts(member), label, { service: service.name, member: member.id }),
      ),
    );
  return { ...kind, labels: ["service", "member", label], read };
}

function readings(
  counts: Counts,
  label: string,
  labels: Readonly<Record<string, string>>,
): readonly Reading[] {
  return Object.entries(counts).map(([name, value]) => ({
    labels: { ...labels, [label]: name },
    value,
  }));
}

function sum(service: ServiceSnapshot, value: (member: MemberSnapshot) => number): number {
  return service.members.reduce((total, member) => total + value(member), 0);
}

const requests: Kind = {
  type: "counter",
  name: "prunella_requests_total",
  help: "Requests by the class of the status that the client got: `1xx` (upgraded) to `5xx`; `none` if it left before it got one.",
};

export const metricRows: readonly MetricRow[] = [
  perServiceAnd(requests, "code_class", (service) => service.requests),
  labelled(
    counter("rejected", "Requests that the gateway answered itself, by reason."),
    "reason",
    ({ path }) => path.rejected,
  ),
  perServiceAnd(
    counter("retries", "Requests sent to another member, by what it cost."),
    "outcome",
    (service) => service.retries,
  ),
  perService(
    gauge("retry_budget_tokens", "Retries that the budget allows now."),
    (service) => service.retryTokens,
  ),
  perServiceAnd(
    counter("diverted", "Requests that did not go to the member of their key, by reason."),
    "reason",
    (service) => service.diverted,
  ),
  perMemberAnd(
    counter("ejections", "How often the gateway took a member out of rotation, by reason."),
    "reason",
    (member) => member.ejections,
  ),
  perService(gauge("ejected", "Members that the gateway keeps out now."), (service) =>
    sum(service, (member) => (member.ejected === undefined ? 0 : 1)),
  ),
  perService(
    counter("fail_open", "Requests sent although no member was admissible."),
    (service) => service.failOpen,
  ),
  perService(
    counter("pipelined", "Requests sent behind another one on the same connection."),
    (service) => service.pipelined,
  ),
  perService(
    gauge("held_requests", "Requests that wait for a member now."),
    (service) => service.held,
  ),
  perServiceAnd(
    counter("held_refused", "Requests that waited in vain, by reason."),
    "reason",
    (service) => service.heldRefused,
  ),
  perServiceWith(
    gauge("leader_term", "Highest term of the leader of an elected service."),
    (service) => service.leaderTerm,
  ),
  perServiceWith(
    counter("stale_answers_dropped", "Answers of overtaken leaders that no client has seen."),
    (service) => (service.leaderTerm === undefined ? undefined : service.staleAnswersDropped),
  ),
  perMember(gauge("in_flight", "Requests and tunnels that are open now."), (m) => m.inFlight),
  perMember(counter("member_requests", "Requests sent to a member."), (m) => m.requests),
  perMemberAnd(
    counter("member_faults", "Faults of a member that the gateway saw, by kind."),
    "kind",
    (member) => member.faults,
  ),
  perServiceAnd(gauge("upstream_connections", "Connections to members."), "state", (service) => ({
    idle: sum(service, (member) => member.idleConnections),
    busy: sum(service, (member) => member.busyConnections),
  })),
  perServiceAnd(
    counter("upstream_discarded", "Connections to members thrown away, by reason."),
    "reason",
    (service) => service.discarded,
  ),
  labelled(
    gauge("client_connections", "Connections of clients."),
    "state",
    ({ path }) => path.clientConnections,
  ),
  single(
    counter("client_connections_accepted", "Connections of clients that were accepted."),
    ({ path }) => path.clientConnectionsAccepted,
  ),
  labelled(
    counter("client_connections_closed", "Connections of clients closed silently, by reason."),
    "reason",
    ({ path }) => path.clientConnectionsClosed,
  ),
  perServiceAnd(
    counter("tcp_connections", "Connections of TCP services, by what became of them."),
    "outcome",
    (service) => service.tcpConnections,
  ),
  perServiceAnd(
    counter("tcp_bytes", "Bytes of TCP services, as seen from the clients."),
    "direction",
    (service) => service.tcpBytes,
  ),
  perService(
    counter("client_aborts", "Clients that left before their answer was complete."),
    (service) => service.clientAborts,
  ),
  perService(
    counter("broken_responses", "Answers that broke off in the middle."),
    (service) => service.brokenResponses,
  ),
  perService(
    gauge("ring_moved_ratio", "Share of the table that the last new placement moved."),
    (service) => service.ringMovedRatio,
  ),
  single(gauge("view_term", "Term of the agent that published the view in force."), ({ path }) =>
    path.viewAgeMs === undefined ? undefined : path.agentTerm,
  ),
  single(gauge("view_version", "Version of the view in force."), ({ path }) =>
    path.viewAgeMs === undefined ? undefined : path.viewVersion,
  ),
  single(gauge("view_age_seconds", "Time since the view in force was applied."), ({ path }) =>
    path.viewAgeMs === undefined ? undefined : path.viewAgeMs / 1_000,
  ),
  single(
    counter("views_refused", "Views of the agent that were refused."),
    (input) => input.process.viewsRefused,
  ),
  single(
    counter("view_write_failures", "Views that could not be written to disk."),
    (input) => input.process.viewWriteFailures,
  ),
  single(
    gauge("buffered_bytes", "Bytes of requests and answers that are held in memory."),
    ({ path }) => path.bufferedBytes,
  ),
  labelled(
    counter("bytes", "Bytes exchanged with clients."),
    "direction",
    ({ path: { bytes } }) => ({ in: bytes.clientIn, out: bytes.clientOut }),
  ),
  labelled(
    gauge("loop_delay_seconds", "Lateness of the event loop since the last scrape."),
    "quantile",
    (input) => input.process.loopDelayS,
  ),
  single(
    counter("log_lines_dropped", "Log lines lost: the disk was too slow, or too many refusals."),
    (input) => input.process.logLinesDropped,
  ),
  single(
    { type: "counter", name: "process_cpu_seconds_total", help: "User and system time." },
    (input) => input.process.cpuS,
  ),
  single(
    { type: "gauge", name: "process_resident_memory_bytes", help: "Resident memory." },
    (input) => input.process.residentBytes,
  ),
  single(
    { type: "gauge", name: "process_start_time_seconds", help: "Start of the process (Unix)." },
    (input) => input.process.startedAtS,
  ),
];
