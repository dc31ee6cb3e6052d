/**
 * Finds what earlier agents left running (H2). Records say what was launched; processes say what
 * lives. Where they disagree the processes are right, because they carry their launch id with them:
 *
 *   record          process                       what it is
 *   with leader     same pid and start time       the copy: adopted
 *   with leader     rest of the group only        the copy, ending: its rest will be killed
 *   with leader     another start time, or none   ended while nobody looked
 *   intent only     carries the launch id         the copy: the agent died between spawn and record
 *   intent only     none, and some time passed    never started, or ended at once
 *   none            carries a launch of ours      the copy: its record was lost
 *   another launch  carries a launch of ours      left over from an earlier incarnation: killed
 */
import { setTimeout as delay } from "node:timers/promises";
import { type InstanceName, isName } from "@prunella/core/kernel";
import { sweepTemporaryFiles } from "@prunella/store";
import { familyOf, killAll, launchVariable } from "./family.ts";
import { ended, type LaunchRecord, monotonicMs, recordFromProcess } from "./launch-record.ts";
import type { ProcessFacts, ProcessTable } from "./process-table.ts";
import type { RecordStore } from "./record-store.ts";

/**
 * How long a process may take from `fork` to `exec`. Before `exec` it does not yet carry its launch
 * id, so an intent younger than this is looked for again.
 */
const intentMs = 500;
const lookMs = 20;

/** The newest copy of every instance; `running` says whether any of its processes lives. */
export async function adoptCopies(
  table: ProcessTable,
  store: RecordStore,
  mark: string,
): Promise<readonly LaunchRecord[]> {
  const recorded = store.instances().map((instance) => {
    sweepTemporaryFiles(store.folderOf(instance)); // An agent may have died while it wrote.
    return store.read(instance);
  });
  let carriers = carriersOf(table, mark);
  const found = new Map<InstanceName, LaunchRecord>();
  for (const record of recorded) {
    if (record === undefined) continue;
    while (mayStillStart(table, record, carriers)) {
      await delay(lookMs);
      carriers = carriersOf(table, mark);
    }
    const seen = compared(table, record, carriers.get(record.launch) ?? []);
    found.set(seen.copy.instance, seen);
    if (seen !== record) store.note(seen);
  }
  for (const record of unrecorded(table, carriers, mark, found)) {
    found.set(record.copy.instance, record);
    store.note(record);
  }
  endLeftOvers(carriers, found);
  return [...found.values()];
}

function mayStillStart(table: ProcessTable, record: LaunchRecord, carriers: Carriers): boolean {
  return (
    record.copy.running &&
    record.leader === undefined &&
    record.bootId === table.bootId() &&
    !carriers.has(record.launch) &&
    monotonicMs() - record.intentMs < intentMs
  );
}

/** The record as the processes have it now; the same object when nothing changed. */
function compared(
  table: ProcessTable,
  record: LaunchRecord,
  carriers: readonly ProcessFacts[],
): LaunchRecord {
  if (!record.copy.running) return record;
  if (record.bootId !== table.bootId()) return ended(record, undefined);
  if (record.leader !== undefined) {
    const family = familyOf(table, record.leader, record.launch);
    return family.length > 0 ? record : ended(record, undefined);
  }
  const leader = leaderAmong(carriers);
  if (leader === undefined) return ended(record, undefined);
  return {
    ...record,
    leader: { pid: leader.pid, startTicks: leader.startTicks },
    copy: { ...record.copy, pid: leader.pid },
  };
}

/** Copies of which only the processes know. Of two of one name the later incarnation stands. */
function unrecorded(
  table: ProcessTable,
  carriers: Carriers,
  mark: string,
  known: ReadonlyMap<InstanceName, LaunchRecord>,
): readonly LaunchRecord[] {
  const launches = new Set([...known.values()].map((record) => record.launch));
  const newest = new Map<InstanceName, LaunchRecord>();
  for (const [launch, members] of carriers) {
    const leader = leaderAmong(members);
    if (launches.has(launch) || leader === undefined) continue;
    const record = recordFromProcess(table, leader, mark);
    if (record === undefined || !isName(record.copy.instance)) continue;
    const { instance, incarnation } = record.copy;
    if (known.get(instance)?.copy.running === true) continue;
    const rival = newest.get(instance) ?? known.get(instance);
    if (rival !== undefined && rival.copy.incarnation >= incarnation) continue;
    newest.set(instance, record);
  }
  return [...newest.values()];
}

/** H1: whoever carries another launch of ours than the one that stands for its name is too many. */
function endLeftOvers(carriers: Carriers, found: ReadonlyMap<InstanceName, LaunchRecord>): void {
  const standing = new Set(
    [...found.values()].filter((record) => record.copy.running).map((record) => record.launch),
  );
  for (const [launch, members] of carriers) if (!standing.has(launch)) killAll(members);
}

type Carriers = ReadonlyMap<string, readonly ProcessFacts[]>;

/** Living processes by the launch id that they carry, of this folder only. */
function carriersOf(table: ProcessTable, mark: string): Carriers {
  const carriers = new Map<string, ProcessFacts[]>();
  for (const facts of table.all()) {
    if (!facts.alive || facts.pid === process.pid) continue;
    const launch = table.variable(facts.pid, launchVariable);
    if (launch?.startsWith(`${mark}.`) !== true) continue;
    const members = carriers.get(launch);
    if (members === undefined) carriers.set(launch, [facts]);
    else members.push(facts);
  }
  return carriers;
}

/** A copy is launched as the leader of its own session; of several it is the oldest. */
function leaderAmong(members: readonly ProcessFacts[]): ProcessFacts | undefined {
  return members
    .filter((facts) => facts.pid === facts.group && facts.pid === facts.session)
    .toSorted((a, b) => a.startTicks - b.startTicks)[0];
}
