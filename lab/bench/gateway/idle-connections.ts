/**
 * What ten thousand clients cost that say nothing: resident memory of a freshly started subject, before
 * and while they are connected. Each has had one answer, so that all state of a connection exists.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { paths } from "./case-table.ts";
import { keyOf } from "./load-generator.ts";
import { residentMiB } from "./processor-time.ts";

export type IdleMeasurement = {
  readonly subject: string;
  readonly case: string;
  readonly round: number;
  readonly connections: number;
  readonly beforeMiB: number;
  readonly afterMiB: number;
  readonly kibPerConnection: number;
  /** Connections that were refused, closed or not answered. */
  readonly errors: number;
};

const batch = 250;
const settleMs = 1_000;
const answerMs = 5_000;
/** Descriptors for everything else. */
const reserve = 500;

/** As many as the limit of open files allows, of those that are wanted. */
export function connectionsPossible(wanted: number): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const most = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return most === undefined ? wanted : Math.max(1, Math.min(wanted, Number(most) - reserve));
  } catch {
    return wanted; // Not Linux: the table will show the errors.
  }
}

export async function measureIdle(
  port: number,
  pids: readonly number[],
  connections: number,
): Promise<Omit<IdleMeasurement, "subject" | "case" | "round">> {
  await delay(settleMs);
  const beforeMiB = residentMiB(pids);
  const sockets: Socket[] = [];
  let errors = 0;
  try {
    while (sockets.length + errors < connections) {
      const count = Math.min(batch, connections - sockets.length - errors);
      const opened = await Promise.all(
        Array.from({ length: count }, (_, index) => openAndAsk(port, sockets.length + index)),
      );
      sockets.push(...opened.filter((socket) => socket !== undefined));
      errors += opened.filter((socket) => socket === undefined).length;
    }
    await delay(settleMs);
    const afterMiB = residentMiB(pids);
    errors += sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
    const kibPerConnection = ((afterMiB - beforeMiB) * 1_024) / connections;
    return { connections, beforeMiB, afterMiB, kibPerConnection, errors };
  } finally {
    for (const socket of sockets) socket.resetAndDestroy(); // A reset leaves no port waiting.
  }
}

/** The connection once it has had an answer; undefined when it is refused, closed or silent. */
function openAndAsk(port: number, index: number): Promise<Socket | undefined> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    const settle = (isGood: boolean): void => {
      clearTimeout(late);
      if (!isGood) socket.destroy();
      resolve(isGood ? socket : undefined);
    };
    const late = setTimeout(() => settle(false), answerMs);
    socket.on("error", () => settle(false));
    socket.once("close", () => settle(false));
    socket.once("connect", () => {
      socket.write(`GET ${paths.small}?id=${keyOf(index)} HTTP/1.1\r\nHost: lab\r\n\r\n`);
    });
    socket.once("data", (bytes) => {
      socket.resume();
      settle(`${bytes}`.startsWith("HTTP/1.1 200"));
    });
  });
}
