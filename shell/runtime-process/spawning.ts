/**
 * One launch, from the intent to the record. Everything between the two records happens in one turn
 * of the event loop, so an agent that is killed in between leaves at most one process, and that one
 * carries the launch id of the intent.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { ClusterError, type InstanceName, invariant } from "@prunella/core/kernel";
import { type Address, electionVariables, type LaunchOrder } from "@prunella/runtime";
import { isDiskFull } from "@prunella/store";
import { familyOf, launchVariable } from "./family.ts";
import type { InstanceLog } from "./instance-log.ts";
import {
  incarnationVariable,
  instanceVariable,
  type LaunchRecord,
  monotonicMs,
  newLaunch,
  revisionVariable,
  serviceVariable,
} from "./launch-record.ts";
import { type NodeStart, nodeStart } from "./node-start.ts";
import type { ProcessTable } from "./process-table.ts";
import { spawnError } from "./program-check.ts";
import type { RecordStore } from "./record-store.ts";

export type SpawnPlace = {
  /** Absolute path of the program. */
  readonly program: string;
  readonly port: number;
  /** Where each member of its election listens; empty where nothing is elected. */
  readonly electors: readonly (readonly [InstanceName, Address])[];
  /** The launch id of the copy that the host knows, which is gone. */
  readonly known: string | undefined;
  readonly mark: string;
  readonly table: ProcessTable;
  readonly store: RecordStore;
  readonly log: InstanceLog;
  readonly makeRoom: () => void;
  /** Called when the copy gets no log. */
  readonly onNoLog: () => void;
  readonly cacheFolder: string;
};

export type Started = { readonly child: ChildProcess; readonly record: LaunchRecord };

/**
 * @throws ClusterError `INSTANCE_EXISTS` when somebody else launched that name in this folder,
 *   `PROGRAM_MISSING`, `CONFIG_INVALID`, `RUNTIME_UNAVAILABLE`, `STATE_REFUSED`.
 */
export async function startProcess(order: LaunchOrder, place: SpawnPlace): Promise<Started> {
  const { store, table } = place;
  const before = store.read(order.instance);
  if (before !== undefined && before.launch !== place.known) demandGone(table, before);
  const start = nodeStart(place.program, order.env, place.cacheFolder);
  const intent = intentOf(order, place);
  const output = openOutput(order, place);
  let child: ChildProcess | undefined;
  let failure: unknown;
  try {
    store.write(intent);
    child = spawnCopy(order, place, start, intent.launch, output);
  } catch (error) {
    failure = error; // Some reasons `spawn` throws, others it tells later.
  } finally {
    if (output !== undefined) closeSync(output);
  }
  if (child?.pid === undefined) {
    failure ??= await new Promise((resolve) => child?.once("error", resolve));
    store.undo(order.instance, before);
    throw spawnError(order, failure);
  }
  const { pid } = child;
  const facts = table.read(pid);
  invariant(facts !== undefined, "a child that was not reaped yet has an entry in /proc");
  const record: LaunchRecord = {
    ...intent,
    leader: { pid, startTicks: facts.startTicks },
    copy: { ...intent.copy, pid },
  };
  store.note(record);
  return { child, record };
}

/**
 * H1, against a second agent that broke the lock of the state folder: the record on disk is not
 * ours, so whoever wrote it may have a copy that runs.
 */
function demandGone(table: ProcessTable, record: LaunchRecord): void {
  const { copy, leader, launch } = record;
  if (!copy.running || record.bootId !== table.bootId()) return;
  if (leader !== undefined && familyOf(table, leader, launch).length === 0) return;
  throw new ClusterError("INSTANCE_EXISTS", {
    message: `${copy.instance} was launched by another agent (incarnation ${copy.incarnation}, pid ${copy.pid ?? "unknown"}). Two agents must not share a state folder; end one of them.`,
    details: { instance: copy.instance, incarnation: copy.incarnation, pid: copy.pid },
  });
}

function electionAddressOf({ instance }: LaunchOrder, { electors }: SpawnPlace) {
  return electors.find(([name]) => name === instance)?.[1];
}

function intentOf(order: LaunchOrder, place: SpawnPlace): LaunchRecord {
  const electionAddress = electionAddressOf(order, place);
  return {
    schema: 1,
    launch: newLaunch(place.mark),
    bootId: place.table.bootId(),
    intentMs: monotonicMs(),
    log: order.log,
    ...(order.sharesPort === true ? { sharesPort: true } : {}),
    leader: undefined,
    copy: {
      service: order.service,
      instance: order.instance,
      incarnation: order.incarnation,
      revision: order.revision,
      running: true,
      pid: undefined,
      address: { host: "127.0.0.1", port: place.port },
      ...(electionAddress === undefined ? {} : { electionAddress }),
      startedAtMs: Date.now(),
      exit: undefined,
    },
  };
}

/**
 * Undefined when not one line fits on the disk: then the copy prints into nothing. That costs its
 * log, but a copy that prints onto a full disk gets errors that many programs do not survive.
 */
function openOutput(order: LaunchOrder, place: SpawnPlace): number | undefined {
  const line = `${new Date().toISOString()} ${order.instance} incarnation ${order.incarnation} starts on port ${place.port}`;
  for (const react of [place.makeRoom, place.onNoLog]) {
    try {
      return place.log.open(line);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      react();
    }
  }
  return undefined;
}

function spawnCopy(
  order: LaunchOrder,
  place: SpawnPlace,
  start: NodeStart,
  launch: string,
  output: number | undefined,
): ChildProcess {
  const own = electionAddressOf(order, place);
  return spawn(place.program, [...start.arguments, ...order.command.slice(1)], {
    cwd: order.folder,
    detached: true, // Its own session: no terminal, no signal and no death of ours reaches it.
    stdio: ["ignore", output ?? "ignore", output ?? "ignore"],
    env: {
      ...start.env,
      ...order.env,
      PORT: `${place.port}`,
      ...(own === undefined ? {} : electionVariables(place.port, own, place.electors)),
      [serviceVariable]: order.service,
      [instanceVariable]: order.instance,
      [incarnationVariable]: `${order.incarnation}`,
      [revisionVariable]: order.revision,
      [launchVariable]: launch,
    },
  });
}
