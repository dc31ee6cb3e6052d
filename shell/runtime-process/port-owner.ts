/** Who listens on a port: the way from a port over its sockets to a process and its name. */
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import type { ListeningSocket, ProcessFacts, ProcessTable } from "./process-table.ts";

export type PortOwner =
  | { readonly type: "own" }
  | { readonly type: "none" }
  | { readonly type: "stranger"; readonly pid: number | undefined; readonly program: string };

/**
 * @param own - The processes that may listen there.
 * @param siblings - Processes that may listen there as well, each with a socket of its own; undefined
 *   when the port is not shared. On a shared port one stranger among the listeners is one too many:
 *   the system would give it a part of the connections.
 */
export function portOwner(
  table: ProcessTable,
  port: number,
  own: readonly ProcessFacts[],
  siblings?: readonly ProcessFacts[],
): PortOwner {
  const all = table.listeningSockets(port);
  const sockets = all.filter(({ inode }) => !holds(table, siblings ?? [], new Set([inode])));
  if (sockets.length === 0) return { type: "none" };
  const strange = sockets.filter(({ inode }) => !holds(table, own, new Set([inode])));
  const isOwn = siblings === undefined ? strange.length < sockets.length : strange.length === 0;
  if (isOwn) return { type: "own" };
  const strangeInodes = new Set(strange.map((socket) => socket.inode));
  const holder = table.all().find((facts) => table.holdsSocket(facts.pid, strangeInodes));
  return {
    type: "stranger",
    pid: holder?.pid,
    program: holder === undefined ? hiddenProgram(strange) : table.program(holder.pid),
  };
}

function holds(
  table: ProcessTable,
  processes: readonly ProcessFacts[],
  inodes: ReadonlySet<number>,
): boolean {
  return processes.some((facts) => table.holdsSocket(facts.pid, inodes));
}

/**
 * @param siblings - Processes that may listen there, because the port is shared.
 * @throws ClusterError `PORT_TAKEN` that names who listens on a port that must be free.
 */
export function demandFreePort(
  table: ProcessTable,
  instance: InstanceName,
  port: number,
  siblings: readonly ProcessFacts[],
): void {
  const owner = portOwner(table, port, [], siblings);
  if (owner.type !== "stranger") return;
  throw new ClusterError("PORT_TAKEN", {
    message: `${instance} needs port ${port}, but ${strangerText(owner)} listens there. End that program or choose another port.`,
    details: { instance, port, pid: owner.pid, program: owner.program },
  });
}

export function strangerText(owner: PortOwner & { readonly type: "stranger" }): string {
  return owner.pid === undefined ? owner.program : `${owner.program} (pid ${owner.pid})`;
}

/** Descriptors of another user's processes are not ours to read; the socket still tells whose. */
function hiddenProgram(sockets: readonly ListeningSocket[]): string {
  return `a program of user ${sockets[0]?.userId ?? "unknown"}`;
}
