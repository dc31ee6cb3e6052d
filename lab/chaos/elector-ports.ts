/** Where the electors of a cluster listen, and what somebody who listens to them can know. */
import { KeyRing } from "../../shell/elector/authentication/key-ring.ts";
import type { Target } from "../../shell/elector/testing/stranger.ts";
import { environmentOf, type ThrowawayCluster } from "./throwaway-cluster.ts";

export type Elector = Target & {
  /** The name under which its messages are signed. */
  readonly cluster: string;
  readonly keyFile: string;
};

/** The electors that run now. */
export function electorsOf(cluster: ThrowawayCluster): readonly Elector[] {
  return cluster.census().flatMap(({ pid, instance }): readonly Elector[] => {
    const known = environmentOf(pid);
    const port = Number(known.get("PRUNELLA_ELECTION_PORT") ?? 0);
    const keyFile = known.get("PRUNELLA_ELECTION_KEY_FILE") ?? "";
    return port === 0
      ? []
      : [{ id: instance, port, cluster: known.get("PRUNELLA_CLUSTER") ?? "", keyFile }];
  });
}

/** The key itself: for the voice of a member that a stranger records, and for the name of the key. */
export function keysOf({ keyFile }: Elector): KeyRing {
  return KeyRing.fromFile(keyFile);
}

export type ElectorStatus = {
  readonly term: number;
  readonly boot: string;
  readonly leader: { readonly id: string; readonly term: number } | null;
};

export async function statusOf({ port }: Target): Promise<ElectorStatus> {
  const signal = AbortSignal.timeout(10_000);
  const answer = await fetch(`http://127.0.0.1:${port}/election/status`, { signal });
  return (await answer.json()) as ElectorStatus;
}
