/** From a fact of the runtime to an event of the control API. Pure. */
import type { Fact } from "@prunella/core/healing";
import type { ClusterEvent, RecordedEvent } from "@prunella/wire/control";

export function eventOf(fact: Fact, incident: string | null): RecordedEvent {
  return {
    at: new Date(fact.atMs).toISOString(),
    type: `${fact.instance === undefined ? "host" : "instance"}.${fact.type}`,
    severity: severityOf(fact),
    service: fact.service ?? null,
    instance: fact.instance ?? null,
    incarnation: fact.incarnation === 0 ? null : fact.incarnation,
    message: fact.message,
    incident,
    data: { ...fact.data },
  };
}

function severityOf({ type, data }: Fact): ClusterEvent["severity"] {
  switch (type) {
    case "parked":
    case "disk-full":
      return "error";
    case "exited":
      return data["expected"] === true ? "info" : "warning";
    case "launch-failed":
    case "probe-failed":
    case "backing-off":
    case "killed":
    case "port-taken":
    case "log-flooding":
    case "log-failed":
    case "stuck":
      return "warning";
    default:
      return "info";
  }
}
