/**
 * The ring beside libraries from npm, all of them through one small interface: lookup of string keys,
 * balance, movement, build and memory. The libraries have an own package (`lab/bench/ring-peers`), which
 * nothing else needs; without it `npm run bench -- ring` says how to install it.
 *
 * Lookups are timed in rounds that alternate between the subjects. Balance and movement are sampled over
 * the same keys for all, ours included, so that the sampling error is the same. Movement is that between
 * two builds, because that is what two gateways would see: consistent-hash draws its points at random,
 * so two of its rings with the same members have little in common.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { instanceName, mix32 } from "@prunella/core/kernel";
import { hashKey, ownerOf, place } from "@prunella/core/ring";
import { kept } from "../peers/heap.ts";
import { type Spread, spreadOf } from "./report.ts";

const folder = new URL("./ring-peers/", import.meta.url);
const sizes = [3, 10, 100, 1_000, 10_000];
const keyCount = 65_536;
const sliceCount = 4_096;
/** A subject that is slow at a size gets fewer slices, at least one. */
const roundMsMax = 300;
/** What a build may take before the size is left out for that subject. */
const buildMsMax = 20_000;

export const installRingPeers = "npm ci --prefix lab/bench/ring-peers";

export type PeerRow = {
  readonly subject: string;
  readonly members: number;
  /** Nanoseconds for one lookup of a string key. */
  readonly lookup: Spread;
  readonly buildMs: number;
  readonly keptKiB: number;
  readonly maxOverMean: number;
  /** Part of the keys that moved when one in the middle left; 1/n of them had to. */
  readonly leaveMoved: number;
  readonly joinMoved: number;
  /** Why there are no numbers; the subject cannot hold as many members. */
  readonly failure: string | undefined;
};

type Lookup = (key: string) => string;
type Subject = { readonly name: string; readonly build: (names: readonly string[]) => Lookup };

type HashRing = { get(key: string): string };
type HashRingClass = new (servers: readonly string[]) => HashRing;
type ConsistentHash = { add(node: string): unknown; get(key: string): string };
type ConsistentHashClass = new () => ConsistentHash;
type JumpHash = (key: string, buckets: number) => number;

export function ringPeersMissing(): boolean {
  return !existsSync(fileURLToPath(new URL("node_modules/hashring/package.json", folder)));
}

function subjects(): readonly Subject[] {
  const load = createRequire(folder);
  const HashRing: HashRingClass = load("hashring");
  const ConsistentHash: ConsistentHashClass = load("consistent-hash");
  const jumpHash: JumpHash = load("jumphash");
  return [
    {
      name: "prunella",
      build: (names) => {
        const placement = place(names.map((name) => ({ id: instanceName(name), weight: 1 })));
        return (key) => ownerOf(placement, hashKey(key, 1));
      },
    },
    {
      name: "hashring 3.2.0",
      build: (names) => {
        const ring = new HashRing(names);
        return (key) => ring.get(key);
      },
    },
    {
      name: "consistent-hash 1.2.2",
      build: (names) => {
        const ring = new ConsistentHash();
        for (const name of names) ring.add(name);
        ring.get("build"); // It sorts its points at the first lookup.
        return (key) => ring.get(key);
      },
    },
    {
      name: "jumphash 0.2.2",
      build: (names) => (key) => names[jumpHash(key, names.length)] ?? "",
    },
  ];
}

export function measurePeers(rounds: number): readonly PeerRow[] {
  const keys = Array.from({ length: keyCount }, (_, index) =>
    Buffer.from(`/user/${mix32(index)}`).toString("latin1"),
  );
  const tooSlow = new Set<string>();
  return sizes.flatMap((members) => {
    const names = Array.from({ length: members }, (_, index) => `hello-${index + 1}`);
    const failed: PeerRow[] = [];
    const built = subjects()
      .filter(({ name }) => !tooSlow.has(name))
      .flatMap((subject) => {
        try {
          return [{ ...subject, ...buildAndWeigh(subject, names), slices: [] as number[] }];
        } catch (error) {
          failed.push(failedRow(subject.name, members, error));
          return [];
        }
      });
    for (let round = -2; round < rounds; round++) {
      for (const { look, slices } of built) {
        const times = timeSlices(look, keys);
        if (round >= 0) slices.push(...times);
      }
    }
    const rows = built.map(({ name, build, look, buildMs, keptKiB, slices }) => {
      if (buildMs * 3 > buildMsMax) tooSlow.add(name); // The next size would take ten times as long.
      const owners = keys.map(look);
      const left = build(names.toSpliced(members >> 1, 1));
      const joined = build([...names, "hello-new"]);
      return {
        subject: name,
        members,
        lookup: spreadOf(slices),
        buildMs,
        keptKiB,
        maxOverMean: imbalance(owners, members),
        leaveMoved: moved(keys, owners, left),
        joinMoved: moved(keys, owners, joined),
        failure: undefined,
      };
    });
    return [...rows, ...failed];
  });
}

function failedRow(subject: string, members: number, error: unknown): PeerRow {
  const none = Number.NaN;
  return {
    subject,
    members,
    lookup: { median: none, low: none, high: none },
    buildMs: none,
    keptKiB: none,
    maxOverMean: none,
    leaveMoved: none,
    joinMoved: none,
    failure: error instanceof Error ? error.message : String(error),
  };
}

function buildAndWeigh(
  { build }: Subject,
  names: readonly string[],
): { readonly look: Lookup; readonly buildMs: number; readonly keptKiB: number } {
  build(names.slice(0, 10)); // The first build compiles.
  const before = kept();
  const startedMs = performance.now();
  const look = build(names);
  const buildMs = performance.now() - startedMs;
  const now = kept();
  const keptKiB = 1_024 * (now.heapMiB + now.buffersMiB - before.heapMiB - before.buffersMiB);
  return { look, buildMs, keptKiB: Math.max(0, keptKiB) };
}

function timeSlices(look: Lookup, keys: readonly string[]): readonly number[] {
  const tookNs: number[] = [];
  const untilMs = performance.now() + roundMsMax;
  for (let start = 0; start < keys.length; start += sliceCount) {
    let used = 0;
    const began = process.hrtime.bigint();
    for (let at = start; at < start + sliceCount; at++) used += look(keys[at] ?? "").length;
    if (used === 0) throw new Error("a lookup found nobody");
    tookNs.push(Number(process.hrtime.bigint() - began) / sliceCount);
    if (performance.now() > untilMs) break;
  }
  return tookNs;
}

function imbalance(owners: readonly string[], members: number): number {
  const counts = new Map<string, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const most = [...counts.values()].reduce((a, b) => Math.max(a, b), 0);
  return (most * members) / owners.length;
}

function moved(keys: readonly string[], owners: readonly string[], look: Lookup): number {
  return keys.filter((key, index) => look(key) !== owners[index]).length / keys.length;
}
