/**
 * The backend and all subjects of one group of cases, running side by side, each on its own port.
 * Before anything is measured, every subject must show that it does the same work as the others.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchCase, paths } from "./case-table.ts";
import type { CorePlan } from "./core-plan.ts";
import { keyOf } from "./load-generator.ts";
import { backendConfig, backendFiles, forwardingFields } from "./server-configs.ts";
import { freePorts, type ServerProcess, type ServerRoom } from "./server-process.ts";
import { nginxLaunch, type Subject } from "./subject-table.ts";

export type Running = {
  readonly subject: Subject;
  readonly port: number;
  readonly processes: readonly ServerProcess[];
  readonly pids: readonly number[];
  /** Cores that it may use. */
  readonly cores: number;
};

export type Fleet = {
  /** Subjects that did not start, and why. */
  readonly absent: readonly string[];
  readonly backend: ServerProcess;
  readonly backendPorts: readonly number[];
  readonly running: readonly Running[];
};

export async function startFleet(
  room: ServerRoom,
  plan: CorePlan,
  subjects: readonly Subject[],
  backendCount: BenchCase["backends"],
): Promise<Fleet> {
  const ports = await freePorts(backendCount + subjects.length);
  const backendPorts = ports.slice(0, backendCount);
  const backend = await startBackend(room, plan, backendPorts);
  const running: Running[] = [];
  const absent: string[] = [];
  for (const [index, subject] of subjects.entries()) {
    const port = ports[backendCount + index] ?? 0;
    try {
      running.push(await startSubject(room, plan, subject, port, backendPorts));
    } catch (error) {
      absent.push(error instanceof Error ? error.message : `${error}`);
    }
  }
  return { absent, backend, backendPorts, running };
}

export async function stopFleet(room: ServerRoom, { backend, running }: Fleet): Promise<void> {
  await room.stop([...running.flatMap(({ processes }) => processes), backend]);
}

async function startBackend(
  room: ServerRoom,
  plan: CorePlan,
  ports: readonly number[],
): Promise<ServerProcess> {
  const folder = room.newFolder("backend");
  mkdirSync(join(folder, "files"));
  for (const { name, bytes } of backendFiles) {
    writeFileSync(join(folder, "files", name), Buffer.alloc(bytes, "b"));
  }
  const file = join(folder, "nginx.conf");
  writeFileSync(file, backendConfig(folder, ports));
  const backend = room.start("the backend", nginxLaunch(file, folder), plan.backend, folder);
  await backend.ready(ports[0] ?? 0);
  return backend;
}

/** The idle case starts subjects one by one, because memory counts from a fresh start. */
export async function startSubject(
  room: ServerRoom,
  plan: CorePlan,
  subject: Subject,
  port: number,
  backendPorts: readonly number[],
): Promise<Running> {
  const folder = room.newFolder(subject.name);
  const launches = subject.launches({ port, folder, backendPorts });
  const processes = launches.map((launch, index) =>
    room.start(subject.name, launch, plan.proxy[index % plan.proxy.length] ?? 0, folder),
  );
  for (const server of processes) await server.ready(port);
  return {
    subject,
    port,
    processes,
    pids: processes.map(({ pid }) => pid),
    cores: Math.min(processes.length, plan.proxy.length),
  };
}

const probes = 64;

/** Why a subject's numbers would not be comparable; empty when they are. */
export async function dutyProblems(running: Running, fleet: Fleet): Promise<readonly string[]> {
  const { subject, port } = running;
  const seen = new Map<number, Set<string>>();
  const missing = new Set<string>();
  for (let probe = 0; probe < 2 * probes; probe++) {
    const key = keyOf(probe % probes);
    const text = await textOf(`http://127.0.0.1:${port}${paths.probe}?id=${key}`);
    const [backend = "", ...fields] = text.split("|");
    seen.set(key, (seen.get(key) ?? new Set()).add(backend));
    for (const [index, name] of forwardingFields.entries()) if (!fields[index]) missing.add(name);
  }
  const moved = [...seen.values()].filter((backends) => backends.size > 1).length;
  const reached = new Set([...seen.values()].flatMap((backends) => [...backends])).size;
  const reachedMin = Math.min(fleet.backendPorts.length, 5) - 1;
  return [
    ...(missing.size > 0 ? [`${subject.name} adds no ${[...missing].join(", ")}`] : []),
    ...(moved > 0 ? [`${subject.name} sends ${moved} of ${probes} keys to two backends`] : []),
    ...(reached < reachedMin ? [`${subject.name} reaches ${reached} backends only`] : []),
  ];
}

async function textOf(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.text();
}
