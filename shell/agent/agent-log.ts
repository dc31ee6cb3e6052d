/**
 * The agent's own log: JSON lines on stderr, which whoever started the process has pointed at a file.
 * Synchronous, because the last line before a crash is the one that matters; the agent logs changes
 * of the cluster and never traffic.
 */
import { type Logger, pino } from "pino";

export function stderrLog(): Logger {
  return pino({ base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
}
