/**
 * What is written down about the newest copy of an instance, so that the next agent finds it:
 *
 *   1. before the spawn: the intent, with the launch id that the copy will carry in its environment
 *   2. after the spawn:  pid and start time
 *   3. at the end:       how it ended
 *
 * An agent that is killed between 1 and 2 leaves an intent, and the launch id finds the process.
 * Even without any record a copy can be recognised: launch ids begin with the mark of the folder,
 * and the environment repeats the rest. Records are replaced whole and without fsync: they speak of
 * processes, which do not survive what fsync protects from.
 */
import { createHash, randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { hrtime } from "node:process";
import { instanceName, serviceName } from "@prunella/core/kernel";
import { type Copy, electionPortVariable, type LogSpec, leftoverLog } from "@prunella/runtime";
import { type Leader, launchVariable } from "./family.ts";
import { type ProcessFacts, type ProcessTable, ticksPerSecond } from "./process-table.ts";

export type LaunchRecord = {
  readonly schema: 1;
  readonly copy: Copy;
  /** Identity of this launch; carried by the copy as `PRUNELLA_LAUNCH`. */
  readonly launch: string;
  readonly bootId: string;
  /** Time since boot when the intent was written, comparable between processes of one boot. */
  readonly intentMs: number;
  readonly log: LogSpec;
  /** Its siblings listen on the same port. */
  readonly sharesPort?: boolean;
  /** Undefined before the spawn. */
  readonly leader: Leader | undefined;
};

export const incarnationVariable = "PRUNELLA_INCARNATION";
export const instanceVariable = "PRUNELLA_INSTANCE";
export const revisionVariable = "PRUNELLA_REVISION";
export const serviceVariable = "PRUNELLA_SERVICE";

export const unseenExit = { code: undefined, signal: undefined } as const;

/** The mark of a folder of instances: the same for every agent that opens it, and for no other. */
export function folderMark(folder: string): string {
  return createHash("sha256").update(realpathSync(folder)).digest("hex").slice(0, 16);
}

export function newLaunch(mark: string): string {
  return `${mark}.${randomBytes(8).toString("hex")}`;
}

export function monotonicMs(): number {
  return Math.floor(Number(hrtime.bigint() / 1_000_000n));
}

export function ended(record: LaunchRecord, exit: Copy["exit"]): LaunchRecord {
  return { ...record, copy: { ...record.copy, running: false, exit: exit ?? unseenExit } };
}

/** Writes a record anew from what a process of ours carries; undefined when it is none of ours. */
export function recordFromProcess(
  table: ProcessTable,
  facts: ProcessFacts,
  mark: string,
): LaunchRecord | undefined {
  const read = (name: string): string | undefined => table.variable(facts.pid, name);
  const launch = read(launchVariable);
  const instance = read(instanceVariable);
  if (launch?.startsWith(`${mark}.`) !== true || instance === undefined) return undefined;
  const port = Number(read("PORT"));
  const electionPort = Number(read(electionPortVariable));
  return {
    schema: 1,
    launch,
    bootId: table.bootId(),
    intentMs: monotonicMs(),
    log: leftoverLog,
    leader: { pid: facts.pid, startTicks: facts.startTicks },
    copy: {
      service: serviceName(read(serviceVariable) ?? ""),
      instance: instanceName(instance),
      incarnation: Number(read(incarnationVariable)),
      revision: read(revisionVariable) ?? "",
      running: true,
      pid: facts.pid,
      address: port > 0 ? { host: "127.0.0.1", port } : undefined,
      ...(electionPort > 0 ? { electionAddress: { host: "127.0.0.1", port: electionPort } } : {}),
      startedAtMs: startedAtMs(facts),
      exit: undefined,
    },
  };
}

function startedAtMs(facts: ProcessFacts): number {
  const bootedAtMs = Date.now() - monotonicMs();
  return bootedAtMs + (facts.startTicks * 1_000) / ticksPerSecond;
}

/** Checks the shape of a record that was read from disk. */
export function parseRecord(value: unknown): LaunchRecord | undefined {
  if (!isObject(value) || value["schema"] !== 1) return undefined;
  const { copy, launch, bootId, intentMs, log, leader } = value;
  if (typeof launch !== "string" || typeof bootId !== "string") return undefined;
  if (typeof intentMs !== "number" || !isObject(copy) || !isObject(log)) return undefined;
  if (leader !== undefined && !isLeader(leader)) return undefined;
  const address = parseAddress(copy["address"]);
  const electionAddress = parseAddress(copy["electionAddress"]);
  const exit = parseExit(copy["exit"]);
  if (
    typeof copy["service"] !== "string" ||
    typeof copy["instance"] !== "string" ||
    typeof copy["incarnation"] !== "number" ||
    typeof copy["revision"] !== "string" ||
    typeof copy["running"] !== "boolean" ||
    typeof copy["startedAtMs"] !== "number" ||
    typeof log["fileMiB"] !== "number" ||
    typeof log["filesMax"] !== "number"
  ) {
    return undefined;
  }
  return {
    schema: 1,
    launch,
    bootId,
    intentMs,
    leader,
    ...(value["sharesPort"] === true ? { sharesPort: true } : {}),
    log: { fileMiB: log["fileMiB"], filesMax: log["filesMax"] },
    copy: {
      service: serviceName(copy["service"]),
      instance: instanceName(copy["instance"]),
      incarnation: copy["incarnation"],
      revision: copy["revision"],
      running: copy["running"],
      pid: typeof copy["pid"] === "number" ? copy["pid"] : undefined,
      startedAtMs: copy["startedAtMs"],
      address,
      ...(electionAddress === undefined ? {} : { electionAddress }),
      exit,
    },
  };
}

function parseAddress(value: unknown): Copy["address"] {
  if (!isObject(value)) return undefined;
  const { host, port } = value;
  return typeof host === "string" && typeof port === "number" ? { host, port } : undefined;
}

function parseExit(value: unknown): Copy["exit"] {
  if (!isObject(value)) return undefined;
  const { code, signal } = value;
  return {
    code: typeof code === "number" ? code : undefined,
    signal: typeof signal === "string" ? signal : undefined,
  };
}

function isLeader(value: unknown): value is Leader {
  return (
    isObject(value) && typeof value["pid"] === "number" && typeof value["startTicks"] === "number"
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
