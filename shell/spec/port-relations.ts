/** What must hold between the TCP ports of a file: each has one owner, and a role that exists. */
import { type Complaint, configComplaint } from "./complaint.ts";
import { completeCounts } from "./completion.ts";
import type { PartialService } from "./elected-schema.ts";
import type { CheckedService } from "./relations.ts";

type Taken = { readonly owner: string; readonly first: number; readonly last: number };

export function portComplaints(services: readonly CheckedService[]): readonly Complaint[] {
  const taken: Taken[] = [];
  return services.flatMap(({ name, shape, wrong }) => {
    if (["tcp", "scale", "count", "kind"].some((field) => wrong.has(field))) return [];
    return (shape.tcp ?? []).flatMap((tcp, index) => {
      const path = ["services", name, "tcp", ...((shape.tcp ?? []).length > 1 ? [index] : [])];
      const { port, by, role } = tcp;
      if (role !== undefined && by !== undefined && by !== "service") {
        const message = `is for a port by "service", not by "${by}"`;
        return [configComplaint([...path, "role"], message, "remove it, or remove by", "key")];
      }
      if (role === "primary" && shape.kind !== "elected") {
        const message = 'is "primary", but replicas elect nobody';
        return [
          configComplaint([...path, "role"], message, "remove it, or write elected({ ... })"),
        ];
      }
      const last = lastPort(shape, port, by);
      return rangeComplaints(path, { owner: name, first: port, last }, taken);
    });
  });
}

function lastPort(shape: PartialService, port: number, by: string | undefined): number {
  return by === "member" ? port + completeCounts(shape).max - 1 : port;
}

/** Two owners of one port, or a range that leaves what a port can be. */
function rangeComplaints(
  path: readonly (string | number)[],
  range: Taken,
  taken: Taken[],
): readonly Complaint[] {
  const { first, last } = range;
  const other = taken.find((known) => first <= known.last && known.first <= last);
  taken.push(range);
  const fix = (what: string) => `choose ${what} port, or a smaller scale.max`;
  if (last > 65_535) {
    const message = `needs the ports ${first} to ${last}, but 65535 is the last`;
    return [configComplaint(path, message, fix("a lower"))];
  }
  if (other === undefined) return [];
  const message = `takes a port of services.${other.owner} (${other.first} to ${other.last})`;
  return [configComplaint(path, message, fix("another"))];
}
