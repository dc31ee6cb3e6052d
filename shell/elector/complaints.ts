/**
 * What a program says about its election when it was given no log: that which somebody has to know or to
 * mend, as lines on stderr. There the agent finds them, and shows them with `prunella logs`.
 */
import { performance } from "node:perf_hooks";
import type { Log, LogFields } from "@prunella/driver";

/** A disk that is full says so at each try; a person needs to read it now and then. */
const repeatMs = 5_000;

export function complaints(
  write: (line: string) => void = (line) => void process.stderr.write(line),
  nowMs: () => number = () => performance.now(),
): Log {
  const toldMs = new Map<string, number>();
  const complain = (message: string, fields: LogFields = {}): void => {
    const told = toldMs.get(message);
    if (told !== undefined && nowMs() < told + repeatMs) return;
    toldMs.set(message, nowMs());
    const details = Object.entries(fields).map(([name, value]) => `${name}: ${textOf(value)}`);
    write(`election: ${[message, ...details].join("; ")}\n`);
  };
  return { error: complain, warn: complain, info: () => {}, debug: () => {} };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
