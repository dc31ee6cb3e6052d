/**
 * `state.json`: what the cluster should be, on disk before the agent acts on it. A wish that was
 * answered with "yes" survives any death of the agent.
 *
 * Two kinds of writes. A wish of a person must be on disk, or it is refused. What healing itself
 * changes (a host name) is written when there is room: a full disk must not stop healing.
 */
import { rmSync } from "node:fs";
import { ClusterError } from "@prunella/core/kernel";
import type { ServiceSpec } from "@prunella/spec";
import { readJsonSync, writeJsonSync } from "@prunella/store";
import { z } from "zod";
import { type ClusterState, emptyState } from "./cluster-state.ts";

const retryMs = 1_000;
const fix =
  "Move it away and run `prunella up`: running instances are adopted; counts go back to the cluster file.";

export class StateFile implements Disposable {
  readonly #path: string;
  /** False once the folder is not ours any more; then nothing is written. */
  readonly #isOurs: () => boolean;
  #unsaved: ClusterState | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(path: string, isOurs: () => boolean) {
    this.#path = path;
    this.#isOurs = isOurs;
  }

  /**
   * @throws ClusterError `DISK_FULL` or `STATE_REFUSED`; the old state stands then.
   */
  save(state: ClusterState): void {
    if (!this.#isOurs()) return;
    writeJsonSync(this.#path, state);
    this.#settle();
  }

  /** Writes at once if the disk allows it, and else as soon as it does. Survives a kill, not a power loss. */
  saveSoon(state: ClusterState): void {
    if (!this.#isOurs()) return;
    this.#unsaved = state;
    this.#tryUnsaved();
  }

  saveIfPossible(state: ClusterState): boolean {
    try {
      this.save(state);
      return true;
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      return false;
    }
  }

  /** On a disk without any room the file is removed: no state says the same as an empty one. */
  saveOrForget(state: ClusterState): void {
    if (!this.saveIfPossible(state)) rmSync(this.#path, { force: true });
    this.#settle();
  }

  [Symbol.dispose](): void {
    this.#settle();
  }

  #tryUnsaved(): void {
    if (this.#unsaved === undefined) return;
    try {
      writeJsonSync(this.#path, this.#unsaved, { durable: false });
      this.#settle();
    } catch (error) {
      if (!ClusterError.is(error)) throw error; // The journal tells of a full disk.
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.#tryUnsaved();
      }, retryMs).unref();
    }
  }

  #settle(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#unsaved = undefined;
  }
}

/**
 * Undefined when there is no file: a new folder, or one that lost its memory.
 *
 * @throws ClusterError `STATE_CORRUPT` with what to do about it.
 */
export function readState(path: string): ClusterState | undefined {
  return readJsonSync(path, parseState, fix);
}

/**
 * The highest term that a gateway of this folder has seen, by the view it keeps; 0 when there is none.
 * With it a lost `state.json` does not turn the next agent's views into old ones.
 */
export function termOfViews(paths: readonly string[]): number {
  const terms = paths.map((path) => {
    try {
      return readJsonSync(path, parseTerm) ?? 0;
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      return 0; // The gateway says so itself, and starts without a view.
    }
  });
  return Math.max(0, ...terms);
}

const count = z.number().int().nonnegative();
const member = z.object({ name: z.string(), number: count.min(1), hostname: z.string() });
const service = z.looseObject({
  kind: z.enum(["replicas", "elected"]),
  command: z.array(z.string()).min(1),
  folder: z.string(),
  env: z.record(z.string(), z.string()),
  count,
  scale: z.object({ min: count, max: count }),
  routes: z.array(z.looseObject({ prefix: z.string() })),
  keys: z.array(z.looseObject({ from: z.string() })),
  probe: z.looseObject({ intervalMs: count, timeoutMs: count, startupMs: count }),
  stop: z.object({ drainMs: count, graceMs: count }),
  log: z.object({ fileMiB: count, filesMax: count }),
});
const stateShape = z.object({
  schema: z.literal(1),
  agentTerm: count,
  spec: z
    .looseObject({
      name: z.string(),
      gateway: z.looseObject({ host: z.string(), port: count }),
      services: z.record(z.string(), service),
    })
    .optional(),
  fileCounts: z.record(z.string(), count),
  members: z.record(z.string(), z.array(member)),
  voters: z.record(z.string(), z.array(member)).optional(), // Not written by earlier releases.
  inheritedEnv: z.record(z.string(), z.string()),
  formerHostnames: z.record(z.string(), z.string()),
});

/** The file is ours and was written whole; this finds what a person or a broken disk changed. */
function parseState(value: unknown): ClusterState | undefined {
  if (!stateShape.safeParse(value).success) return undefined;
  const state = { ...emptyState, ...(value as ClusterState) };
  const { spec } = state;
  if (spec === undefined) return state;
  // An agent of an earlier release wrote no count, and kept one gateway.
  const gateway = { ...spec.gateway, count: spec.gateway.count ?? 1 };
  const services = Object.entries(spec.services).map(
    ([name, service]): readonly [string, ServiceSpec] => [
      name,
      { ...unsaid, ...service, tcp: listOfPorts(service) },
    ],
  );
  return { ...state, spec: { ...spec, gateway, services: Object.fromEntries(services) } };
}

/** Fields of a service that earlier releases did not write. */
const unsaid = { traffic: {}, weights: {}, tcp: [] } as const;

/** An agent of an earlier release wrote one port, and not a list of them. */
function listOfPorts({ tcp }: { readonly tcp?: unknown }): ServiceSpec["tcp"] {
  return [(tcp ?? []) as ServiceSpec["tcp"]].flat();
}

/** A view file holds the view itself, or wraps it. */
function parseTerm(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { agentTerm, view } = value as { agentTerm?: unknown; view?: unknown };
  if (typeof agentTerm === "number" && Number.isSafeInteger(agentTerm)) return agentTerm;
  return view === undefined ? undefined : parseTerm(view);
}
