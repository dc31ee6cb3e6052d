/** Who listens on a port: the way from a port over its sockets to a process and its name. */
import { ClusterError, type InstanceName } from "@prunella/core/kernel";
import type { ListeningSocket, ProcessFacts, ProcessTable } from "./process-table.ts";

export type PortOwner =
  | { readonly type: "own" }
  | { readonly type: "none" }
  | { readonly type: "stranger"; readonly pid: number | undefined; readonly program: string };

/** @param own - The processes that may listen there. */
export function portOwner(
  table: ProcessTable,
  port: number,
  own: readonly ProcessFacts[],
): PortOwner {
  const sockets = table.listeningSockets(port);
  if (sockets.length === 0) return { type: "none" };
  const inodes = new Set(sockets.map((socket) => socket.inode));
  if (own.some((facts) => table.holdsSocket(facts.pid, inodes))) return { type: "own" };
  const holder = table.all().find((facts) => table.holdsSocket(facts.pid, inodes));
  return {
    type: "stranger",
    pid: holder?.pid,
    program: holder === undefined ? hiddenProgram(sockets) : table.program(holder.pid),
  };
}

/** @throws ClusterError `PORT_TAKEN` that names who listens on a port that must be free. */
export function demandFreePort(table: ProcessTable, instance: InstanceName, port: number): void {
  const owner = portOwner(table, port, []);
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
